"""Browsing a real server: every variable once, with its type and meaning, whatever pages and limits it has."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from asyncua import ua

from protocols.device import NumberedDevice
from protocols.opcua.address_space import AddressSpace
from protocols.opcua.browse import Survey, Walk, chosen
from protocols.opcua.driver import OpcuaDriver
from protocols.opcua.found import FIELDS, Found, rows
from protocols.opcua.seat import Seat
from protocols.opcua.session import open_session, split_node
from protocols.opcua.settings import KINDS, OpcuaDevice, OpcuaSettings
from protocols.point_table import write_table
from protocols.sample import GOOD
from protocols.wire.catalog import ID
from tests.protocols.contract import read_all
from tests.protocols.opcua_paging import Pages
from tests.protocols.opcua_rig import URI, OpcuaServer

pytestmark = pytest.mark.asyncio(loop_scope="session")
START = f"nsu={URI};s=hall"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def hall(opcua_plant: OpcuaServer) -> AsyncIterator[OpcuaServer]:
    """A folder with everything that real address spaces have."""
    server, index = opcua_plant.server, opcua_plant.index

    def at(name: str) -> ua.NodeId:
        return ua.NodeId(name, index)

    folder = await server.nodes.objects.add_folder(at("hall"), "hall")
    press = await folder.add_object(at("press"), "Press 1")
    speed = await press.add_variable(at("press.speed"), "Speed", 1.5)
    await speed.add_property(
        at("press.speed.unit"), "0:EngineeringUnits", ua.EUInformation(DisplayName=ua.LocalizedText("mm/s"))
    )
    await speed.add_property(at("press.speed.range"), "0:EURange", ua.Range(Low=0.0, High=80.0))
    await speed.set_writable()
    await speed.write_attribute(ua.AttributeIds.Description, ua.DataValue(ua.LocalizedText("spindle, at\n the nose")))
    await press.add_variable(at("press.duration"), "Cycle", 7.0, datatype=ua.NodeId(ua.ObjectIds.Duration))
    await press.add_variable(at("press.state"), "State", 1, ua.VariantType.Int32, ua.NodeId(ua.ObjectIds.ServerState))
    await press.add_variable(at("press.array"), "Array", [1.0, 2.0])
    await press.add_variable(at("press.bytes"), "Bytes", b"x")
    hidden = await press.add_variable(at("press.hidden"), "Hidden", 1.0)
    for attribute in (ua.AttributeIds.AccessLevel, ua.AttributeIds.UserAccessLevel):
        await hidden.write_attribute(attribute, ua.DataValue(ua.Variant(0, ua.VariantType.Byte)))
    await press.add_variable(at("press.temperature"), "温度", 40.5)
    for i in range(2):
        await (await folder.add_object(at(f"twin{i}"), "Twin")).add_variable(at(f"twin{i}.x"), "x", float(i))
    await press.add_reference(folder.nodeid, ua.ObjectIds.HasComponent)  # a cycle
    await folder.add_reference(speed.nodeid, ua.ObjectIds.Organizes)  # a second way
    many = await folder.add_folder(at("many"), "many")
    for i in range(25):
        await many.add_variable(at(f"many.{i}"), f"n{i}", i, ua.VariantType.UInt16)
    yield opcua_plant
    await press.delete_reference(folder.nodeid, ua.ObjectIds.HasComponent)  # asyncua would walk it for ever
    await server.delete_nodes([folder], recursive=True)


@pytest.fixture
def settings(opcua: OpcuaServer, hall: OpcuaServer) -> OpcuaSettings:
    return OpcuaSettings(url=f"opc.tcp://127.0.0.1:{hall.port}/plant", timeout_s=2.0)


async def surveyed(settings: OpcuaSettings, start: str = START, most: int = 10_000) -> Survey:
    session = await open_session(settings, Seat())
    try:
        space = AddressSpace(session.client, await session.client.get_namespace_array())
        return await Walk(space, most, lambda _nodes, _variables: None).run(space.node(*split_node(start)))
    finally:
        await session.close()


NAMED = {
    "nsu={};s=press.speed": ("float64", "mm/s", (0.0, 80.0), "spindle, at\n the nose", True),
    "nsu={};s=press.duration": ("float64", "", None, "", False),
    "nsu={};s=press.state": ("int32", "", None, "", False),
    "nsu={};s=press.temperature": ("float64", "", None, "", False),
    "nsu={};s=twin0.x": ("float64", "", None, "", False),
    "nsu={};s=twin1.x": ("float64", "", None, "", False),
}


def check(survey: Survey) -> None:
    found = {one.node: (one.type, one.unit, one.span, one.description, one.writable) for one in survey.points}
    many = {f"nsu={URI};s=many.{i}": ("uint16", "", None, "", False) for i in range(25)}
    assert found == {node.format(URI): facts for node, facts in NAMED.items()} | many
    assert len(survey.points) == len(found)
    assert +survey.skipped == {"array": 1, "no right to read": 1, "type without a place in a tag": 1}


async def test_each_variable_once_with_its_meaning(settings: OpcuaSettings) -> None:
    survey = await surveyed(settings)
    check(survey)
    assert not survey.cut_off


@pytest.mark.parametrize(("references", "points", "nodes"), [(2, 100, 100), (1, 1, 100), (3, 2, 1), (1000, 1, 3)])
async def test_pages_and_limits_change_nothing(
    settings: OpcuaSettings, monkeypatch: pytest.MonkeyPatch, references: int, points: int, nodes: int
) -> None:
    pages = Pages(references, points, nodes)
    pages.install(monkeypatch)
    check(await surveyed(settings))
    assert pages.open == {}
    assert (pages.nexts > 0) is (references < 25)


async def test_a_bound_is_kept_and_said(settings: OpcuaSettings) -> None:
    survey = await surveyed(settings, most=10)
    assert (survey.nodes, survey.cut_off) == (10, True)


async def test_the_whole_server_without_its_own_diagnostics(settings: OpcuaSettings) -> None:
    survey = await surveyed(settings, "i=85")
    assert {one.path[0] for one in survey.points} >= {"speed", "hall"}
    assert "Server" not in {one.path[0] for one in survey.points}
    assert len((await surveyed(settings, "i=2253")).points) > 10


async def test_a_start_that_is_not_there(settings: OpcuaSettings) -> None:
    with pytest.raises(ValueError, match="no namespace urn:else"):
        await surveyed(settings, "nsu=urn:else;s=x")
    survey = await surveyed(settings, f"nsu={URI};s=nobody")
    assert (survey.points, +survey.skipped) == ([], {"node that cannot be browsed": 1})


@pytest.mark.parametrize("suffix", ["csv", "xlsx", "toml"])
async def test_the_table_is_one_that_a_gateway_reads(settings: OpcuaSettings, tmp_path: Path, suffix: str) -> None:
    found = list(rows(list(chosen((await surveyed(settings)).points, "TWIN"))))
    table = tmp_path / f"points.{suffix}"
    write_table(table, found, [field for field in FIELDS if suffix != "toml" or not field.startswith("#")])
    data = {"name": "press", "protocol": "opcua", "opcua": settings.model_dump(), "points": str(table)}
    device = OpcuaDevice.model_validate(data)
    driver = OpcuaDriver([NumberedDevice(device, range(len(device.tags)))])
    await driver.open()
    read = await read_all(driver, [0, 1])
    assert [(read[i].value, read[i].code) for i in (0, 1)] == [(0.0, GOOD), (1.0, GOOD)]
    await driver.close()


def found(*path: str, node: str = "") -> Found:
    return Found(node or f"nsu=u;s={'/'.join(path)}", path, "float64")


async def test_names_are_unique_short_and_stay() -> None:
    points = [
        found("Press 1", "Spindle", "Speed"), found("A", "x"), found("a", "X"), found("温度"), found("压力"),
        found(*["very"] * 20, "long"), found("-", "Ä.b-c"), found(),
    ]  # fmt: skip
    named = [str(row["tag"]) for row in rows(points)]
    assert named[0] == "press_1_spindle_speed"
    assert re.fullmatch(r"a_x_[0-9a-f]{6}", named[1])
    assert named[6] == "b-c"
    assert len(set(named)) == len(named)
    assert all(re.fullmatch(ID, name) for name in named)
    backwards: list[Any] = [str(row["tag"]) for row in rows(points[::-1])]
    assert backwards[::-1] == named


async def test_every_type_that_is_written_can_be_read() -> None:
    from protocols.opcua.found import TYPES  # noqa: PLC0415

    assert set(TYPES.values()) <= set(KINDS)
