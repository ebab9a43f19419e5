"""The OPC UA driver against a real asyncua server: the shared contract and polling."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from asyncua import ua

from protocols.sample import reason_of
from tests.protocols.contract import DriverContract, read_all, until_good
from tests.protocols.link import link_to
from tests.protocols.opcua_rig import URI, OpcuaRig, OpcuaServer, device, make

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def rig(opcua: OpcuaServer) -> AsyncIterator[OpcuaRig]:
    rig = OpcuaRig(opcua)
    yield rig
    await rig.driver.close()


class TestOpcuaContract(DriverContract):
    pass


async def test_a_value_of_another_type_is_not_bent(opcua: OpcuaServer) -> None:
    tags = [
        {"tag": "a", "node": f"nsu={URI};s=program", "type": "float64", "mode": "poll"},
        {"tag": "b", "node": f"nsu={URI};s=on", "type": "int16", "mode": "poll"},
        {"tag": "c", "node": f"nsu={URI};s=speed", "type": "string", "mode": "poll"},
        {"tag": "d", "node": f"nsu={URI};s=count", "type": "float64", "mode": "poll"},
    ]
    driver = make(device(opcua.port, tags))
    await driver.open()
    found = await read_all(driver, [0, 1, 2, 3])
    assert [reason_of(found[i].code) for i in range(4)] == ["undecodable", "undecodable", "undecodable", "none"]
    assert found[3].value == 4294967295.0
    await driver.close()


async def test_reading_survives_a_cut_line(opcua: OpcuaServer) -> None:
    rig = OpcuaRig(opcua)
    async with link_to(opcua.port) as link:
        tags = [tag.model_dump() for tag in rig.driver._points.tags]
        driver = make(device(link.port, tags[: len(rig.values)]))
        await driver.open()
        await until_good(driver, list(rig.values))
        link.cut()
        found = await read_all(driver, list(rig.values))
        assert {reason_of(sample.code) for sample in found.values()} <= {"disconnected", "timeout"}
        link.mend()
        await until_good(driver, list(rig.values))
        assert link.lines == 1
        await driver.close()


async def test_reading_from_a_server_that_lost_its_power(opcua: OpcuaServer) -> None:
    """The line stays open and nothing comes: time-outs, then a new session as soon as the server answers again."""
    async with link_to(opcua.port) as link:
        driver = make(device(link.port, [{"tag": "a", "node": f"nsu={URI};s=load", "mode": "poll"}], timeout_s=0.3))
        await driver.open()
        await until_good(driver, [0])
        link.silence()
        for _ in range(4):
            assert reason_of((await read_all(driver, [0]))[0].code) in {"timeout", "disconnected"}
        link.mend()
        await until_good(driver, [0])
        await driver.close()


@pytest.mark.parametrize("limit", [0, 1, 7])
async def test_many_nodes_in_the_batches_that_the_server_wants(opcua: OpcuaServer, limit: int) -> None:
    """Every tag reads as its own node's number, whatever the server takes at once; 0 means it names no limit."""
    names = [f"n{i}" for i in range(30)]
    nodes = [await opcua.add(name, float(i)) for i, name in enumerate(names)]
    limits = opcua.server.get_node(ua.NodeId(ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead))
    await limits.write_value(limit, ua.VariantType.UInt32)
    bad = {7, 13}
    tags = [
        {"tag": f"t{i}", "node": f"nsu={URI};s={'x' if i in bad else ''}{name}", "mode": "poll"}
        for i, name in enumerate(names)
    ]
    driver = make(device(opcua.port, tags))
    await driver.open()
    found = await read_all(driver, list(range(30)))
    assert {i: sample.value for i, sample in found.items()} == {i: None if i in bad else float(i) for i in range(30)}
    await driver.close()
    await limits.write_value(0, ua.VariantType.UInt32)
    await opcua.server.delete_nodes(nodes)
