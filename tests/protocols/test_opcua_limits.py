"""Every value comes back to its own node, in whatever batches the server wants: each node's value is its own number.

10,000 nodes, of which 5 % do not exist, against a server that says a limit and means it, says none, or says too much.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from asyncua import ua
from asyncua.common.utils import ServiceError

from protocols.opcua.driver import OpcuaDriver
from protocols.sample import GOOD, Quality, bad, concatenate
from tests.protocols.opcua_rig import URI, Listener, OpcuaServer, device, make

pytestmark = pytest.mark.asyncio(loop_scope="session")
READ = ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead
MONITOR = ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall
BAD_ADDRESS = bad(3)
NODES = 10_000


@pytest.fixture(scope="module")
def numbered(opcua_plant: OpcuaServer) -> Iterator[OpcuaServer]:
    """Node n shows n; every twentieth is missing."""
    with opcua_plant.numbered(n for n in range(NODES) if n % 20 != 7):
        yield opcua_plant


@pytest.fixture
def strict(numbered: OpcuaServer, monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], list[int]]:
    """Make the server refuse more than `most` at once, or, if `bytes_most`, what needs larger answers."""
    inner = numbered.server.iserver.attribute_service
    read = inner.read

    def refuse(most: int, answer_most: int = 1 << 30) -> list[int]:
        asked: list[int] = []

        def counted(parameters: ua.ReadParameters) -> list[ua.DataValue]:
            asked.append(len(parameters.NodesToRead))
            if len(parameters.NodesToRead) > most:
                raise ServiceError(ua.StatusCodes.BadTooManyOperations)
            values = read(parameters)
            if sum(len(value.Value.Value) for value in values if isinstance(value.Value.Value, str)) > answer_most:
                raise ServiceError(ua.StatusCodes.BadResponseTooLarge)
            return values

        monkeypatch.setattr(inner, "read", counted)
        return asked

    return refuse


def reader(port: int, count: int) -> OpcuaDriver:
    return make(
        device(
            port,
            [{"tag": f"t{n}", "node": f"nsu={URI};s=n{n}", "mode": "poll"} for n in range(count)],
            timeout_s=10.0,
        )
    )


async def wrong(driver: OpcuaDriver, count: int) -> list[int]:
    """Aliases that do not show their own number, or are not told as missing."""
    (column,) = concatenate([column for op in driver.plan(range(count)) for column in await driver.read(op)])
    found = dict(zip(column.alias.tolist(), zip(column.value.tolist(), column.code.tolist(), strict=True), strict=True))
    assert len(found) == len(column) == count
    return [n for n in range(count) if found[n] != ((0.0, BAD_ADDRESS) if n % 20 == 7 else (float(n), GOOD))]


@pytest.mark.parametrize(("said", "meant"), [(100, 100), (0, 1 << 30), (0, 700), (500, 37), (1, 1)])
async def test_every_value_to_its_own_node(
    numbered: OpcuaServer, opcua: OpcuaServer, strict: Callable[[int], list[int]], said: int, meant: int
) -> None:
    await numbered.set_limit(READ, said)
    driver = reader(numbered.port, NODES)
    await driver.open()
    asked = strict(meant)
    assert await wrong(driver, NODES) == []
    assert max(asked[-3:]) <= meant
    asked.clear()
    assert await wrong(driver, 1000) == []
    assert max(asked) <= meant, "what was learned is kept"
    await driver.close()
    await numbered.set_limit(READ, 0)


async def test_the_check_finds_values_of_other_nodes(numbered: OpcuaServer, opcua: OpcuaServer) -> None:
    """Control: ThingsBoard's fault, every batch cut from the beginning again, must be seen."""
    driver = reader(numbered.port, 300)
    await driver.open()
    assert driver._session is not None
    inner = driver._session._read

    async def again(wanted: Any) -> Any:
        first = [driver._session.value_of(tag.node) for tag in driver._points.tags][: len(wanted)]
        return await inner(first)

    driver._session.limits.read.most = 100
    driver._session._read = again
    assert len(await wrong(driver, 300)) == 190  # two batches, and what is missing is missing in each
    await driver.close()


async def test_one_value_that_is_too_much_costs_nobody_else(
    opcua: OpcuaServer, numbered: OpcuaServer, strict: Callable[[int, int], list[int]]
) -> None:
    long = await opcua.add("long", "x" * 50_000, ua.VariantType.String)
    short = [await opcua.add(f"short{n}", f"text {n}", ua.VariantType.String) for n in range(20)]
    names = [*[f"short{n}" for n in range(10)], "long", *[f"short{n}" for n in range(10, 20)]]
    tags = [{"tag": name, "node": f"nsu={URI};s={name}", "type": "string", "mode": "poll"} for name in names]
    driver = make(device(opcua.port, tags))
    await driver.open()
    strict(1000, 1000)
    (op,) = driver.plan(range(21))
    (column,) = await driver.read(op)
    assert column.value.tolist() == [*[f"text {n}" for n in range(10)], "", *[f"text {n}" for n in range(10, 20)]]
    assert [code >> 8 for code in column.code.tolist()] == [0] * 10 + [Quality.BAD] + [0] * 10
    await driver.close()
    await opcua.server.delete_nodes([long, *short])


async def test_many_items_in_the_batches_that_the_server_wants(
    opcua: OpcuaServer, numbered: OpcuaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every item shows its own number first; what does not exist is told and costs nobody."""
    await opcua.set_limit(MONITOR, 250)
    service = opcua.server.iserver.subscription_service
    create = service.create_monitored_items
    asked: list[int] = []

    async def counted(parameters: ua.CreateMonitoredItemsParameters) -> list[ua.MonitoredItemCreateResult]:
        asked.append(len(parameters.ItemsToCreate))
        if asked[-1] > 100:
            raise ServiceError(ua.StatusCodes.BadTooManyOperations)
        return await create(parameters)

    monkeypatch.setattr(service, "create_monitored_items", counted)
    count = 2000
    tags = [{"tag": f"t{n}", "node": f"nsu={URI};s=n{n}"} for n in range(count)]
    driver = make(device(opcua.port, tags, silence_s=20, timeout_s=10))
    listener = Listener(driver, range(count))
    await listener.until(lambda: len(listener.heard) >= count)
    assert max(asked[2:]) <= 125
    found = {int(sample.tag): sample for sample in listener.heard}
    assert [n for n in range(count) if found[n].value != (None if n % 20 == 7 else float(n))] == []
    assert {sample.code for sample in listener.heard if sample.value is None} == {BAD_ADDRESS}
    await listener.stop()
    await driver.close()
    await opcua.set_limit(MONITOR, 0)
