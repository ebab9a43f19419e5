"""The host's picture of an edge node: what births name, whose data it is, what is refused."""

import pytest

from protocols.sparkplug.datatype import DataType
from protocols.sparkplug.records import Metric
from protocols.sparkplug.topics import Verb
from protocols.topics import GatewayAddress
from tests.sparkplug.host_parts import Edge, Plant, T, data, speed, values


@pytest.fixture
def plant() -> Plant:
    return Plant()


@pytest.fixture
def edge() -> Edge:
    return Edge()


def test_a_birth_tells_values_and_names_the_data_after_it(plant: Plant, edge: Edge) -> None:
    assert values(plant.stored(edge.nbirth(speed(1.0)))) == {"line-1/speed": 1.0}
    assert values(plant.stored(edge.ndata(data(2.0)))) == {"line-1/speed": 2.0}
    assert plant.asked() == []


def test_the_machine_is_the_device_or_the_edge_node(plant: Plant, edge: Edge) -> None:
    plant.stored(edge.nbirth(speed()))
    born = plant.stored(edge.dbirth("Press 7", speed(3.0, alias=2)))
    assert [sample.tag.rsplit("-", 1)[0] for sample in born] == ["press-7"]
    assert values(plant.stored(edge.ddata("Press 7", data(4.0, alias=2)))) == {born[0].tag: 4.0}


def test_group_and_edge_node_are_tenant_and_gateway(plant: Plant) -> None:
    reading = plant.reading(Edge("box-1", "acme").nbirth(speed()))
    assert reading
    assert reading.address == GatewayAddress("acme", "box-1")


def test_groups_may_be_given_a_tenant_and_others_are_not_taken() -> None:
    plant = Plant(groups={"Plant A": "acme"})
    reading = plant.reading(Edge(group="Plant A").nbirth(speed()))
    assert reading
    assert reading.address == GatewayAddress("acme", "line-1")
    assert plant.reading(Edge(group="plant").nbirth(speed())) is None


def test_data_before_a_birth_is_not_stored_and_asks_for_one(plant: Plant, edge: Edge) -> None:
    assert plant.stored(edge.ndata(data(1.0))) == []
    assert plant.asked() == [edge.rebirth_topic]
    plant.stored(edge.nbirth(speed()))
    assert values(plant.stored(edge.ndata(data(2.0)))) == {"line-1/speed": 2.0}


@pytest.mark.parametrize("verb", ["ddata", "dbirth", "ddeath"])
def test_a_device_of_an_unborn_node_asks_for_a_birth(plant: Plant, edge: Edge, verb: str) -> None:
    assert plant.stored(getattr(edge, verb)("press")) == []
    assert plant.asked() == [edge.rebirth_topic]


def test_data_of_an_unborn_device_asks_for_a_birth(plant: Plant, edge: Edge) -> None:
    plant.stored(edge.nbirth(speed()))
    assert plant.stored(edge.ddata("press", data(1.0))) == []
    assert plant.asked() == [edge.rebirth_topic]


def test_an_unknown_alias_asks_for_a_birth_and_costs_only_itself(plant: Plant, edge: Edge) -> None:
    plant.stored(edge.nbirth(speed()))
    assert values(plant.stored(edge.ndata(data(5.0, alias=77), data(2.0)))) == {"line-1/speed": 2.0}
    assert plant.asked() == [edge.rebirth_topic]


def test_an_unknown_name_asks_for_a_birth(plant: Plant, edge: Edge) -> None:
    plant.stored(edge.nbirth(speed()))
    assert plant.stored(edge.ndata(Metric("other", DataType.DOUBLE, 1.0, timestamp_ms=T))) == []
    assert plant.asked() == [edge.rebirth_topic]


def test_a_birth_forgets_the_devices_and_aliases_of_the_one_before(plant: Plant, edge: Edge) -> None:
    plant.stored(edge.nbirth(speed()))
    plant.stored(edge.dbirth("press", speed()))
    plant.stored(edge.nbirth(speed(alias=9, name="level")))
    assert plant.stored(edge.ndata(data(1.0))) == []
    assert plant.stored(edge.ddata("press", data(1.0))) == []
    assert values(plant.stored(edge.ndata(data(3.0, alias=9)))) == {"line-1/level": 3.0}


def test_nodes_are_told_apart_by_group_and_by_case(plant: Plant) -> None:
    edges = [Edge("a"), Edge("A"), Edge("a", "Plant")]
    tags = {sample.tag for edge in edges for sample in plant.stored(edge.nbirth(speed()))}
    addresses = {plant.host.address(edge.node) for edge in edges}
    assert len(addresses) == 3
    assert len(tags) == 2  # the third one belongs to another tenant


def test_devices_of_one_name_can_be_kept_apart() -> None:
    plant = Plant(machine="edge/device")
    tags = set()
    for edge in (Edge("line-1"), Edge("line-2")):
        plant.stored(edge.nbirth())
        tags |= {sample.tag for sample in plant.stored(edge.dbirth("press", speed()))}
    assert len(tags) == 2


def test_commands_and_states_of_others_are_nothing_to_store(plant: Plant, edge: Edge) -> None:
    for topic in (edge.node.topic(Verb.NCMD), edge.node.topic(Verb.DCMD, "press"), "spBv1.0/STATE/other"):
        assert plant.reading(edge.nbirth()._replace(topic=topic)) is None


@pytest.mark.parametrize(
    ("topic", "payload"),
    [("spBv1.0/plant/NBIRTH/line-1", b"\xff"), ("spBv1.0/plant/NWHAT/line-1", b""), ("spBv1.0/plant/NBIRTH", b"")],
)
def test_what_cannot_be_read_is_refused_with_its_reason(plant: Plant, edge: Edge, topic: str, payload: bytes) -> None:
    reading = plant.reading(edge.nbirth()._replace(topic=topic, payload=payload))
    assert reading
    assert reading.content.refusal
    assert reading.content.refusal.detail


def test_memory_is_bounded_by_forgetting_who_is_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest_service.sparkplug.host._SESSIONS_MOST", 3)
    plant, edges = Plant(), [Edge(f"line-{number}") for number in range(4)]
    for edge in edges[:3]:
        plant.stored(edge.nbirth(speed()))
    plant.stored(edges[1].ndeath())
    plant.stored(edges[3].nbirth(speed()))
    assert all(plant.stored(edge.ndata(data(1.0))) for edge in (edges[0], edges[2], edges[3]))
    assert plant.stored(edges[1].ndata(data(1.0))) == []
