"""Deaths of nodes and devices, late deaths, and an outage of the broker."""

import pytest

from protocols.sample import Reason, bad
from protocols.sparkplug.datatype import DataType
from protocols.sparkplug.records import Metric
from tests.sparkplug.host_parts import NS_PER_MS, Edge, Plant, T, bad_tags, data, speed, values

DISCONNECTED = bad(Reason.DISCONNECTED)


@pytest.fixture
def plant() -> Plant:
    return Plant()


@pytest.fixture
def edge() -> Edge:
    return Edge()


def test_the_death_of_a_node_makes_every_tag_of_it_and_its_devices_stale(plant: Plant, edge: Edge) -> None:
    plant.stored(edge.nbirth(speed(), Metric("state", DataType.STRING, "run", alias=5, timestamp_ms=T)))
    plant.stored(edge.dbirth("press", speed(alias=2), Metric("count", DataType.INT32, 4, alias=3, timestamp_ms=T)))
    plant.stored(edge.dbirth("saw", speed(alias=7)))
    plant.stored(edge.ddeath("saw"))
    plant.clock.advance(60)
    dead = plant.stored(edge.ndeath())
    assert bad_tags(dead) == {"line-1/speed", "line-1/state", "press/speed", "press/count"}
    assert {(sample.time_ns, sample.code, sample.value) for sample in dead} == {
        (plant.clock.now_ns(), DISCONNECTED, None)
    }
    assert plant.stored(edge.ndeath()) == []
    assert plant.asked() == []


def test_data_after_a_death_is_not_stored_and_asks_for_a_birth(plant: Plant, edge: Edge) -> None:
    plant.stored(edge.nbirth(speed()))
    plant.stored(edge.ndeath())
    assert plant.stored(edge.ndata(data(1.0))) == []
    assert plant.asked() == [edge.rebirth_topic]


def test_the_late_death_of_an_earlier_session_is_ignored(plant: Plant, edge: Edge) -> None:
    plant.stored(edge.nbirth(speed()))
    edge.bd_seq = 1
    plant.stored(edge.nbirth(speed()))
    assert plant.stored(edge.ndeath(bd_seq=0)) == []
    assert plant.stored(edge.ndata(data(2.0)))
    assert bad_tags(plant.stored(edge.ndeath(bd_seq=1))) == {"line-1/speed"}


def test_a_node_without_bd_seq_dies_by_any_death(plant: Plant) -> None:
    edge = Edge(bd_seq=None)
    plant.stored(edge.nbirth(speed()))
    assert bad_tags(plant.stored(edge.ndeath(bd_seq=3))) == {"line-1/speed"}


def test_the_death_of_a_device_is_told_at_its_time_and_touches_no_other(plant: Plant, edge: Edge) -> None:
    plant.stored(edge.nbirth(speed()))
    plant.stored(edge.dbirth("press", speed(alias=2)))
    plant.stored(edge.dbirth("saw", speed(alias=3)))
    plant.clock.advance(60)
    dead = plant.stored(edge.ddeath("press", T + 5000))
    assert [(sample.tag, sample.time_ns, sample.code) for sample in dead] == [
        ("press/speed", (T + 5000) * NS_PER_MS, DISCONNECTED)
    ]
    assert plant.stored(edge.ddata("saw", data(1.0, alias=3)))
    assert plant.asked() == []
    assert plant.stored(edge.ddata("press", data(1.0, alias=2))) == []
    assert plant.asked() == [edge.rebirth_topic]


def test_a_death_from_the_future_is_told_at_our_own_time(plant: Plant, edge: Edge) -> None:
    plant.stored(edge.nbirth(speed()))
    plant.stored(edge.dbirth("press", speed(alias=2)))
    (dead,) = plant.stored(edge.ddeath("press", T + 10**9))
    assert dead.time_ns == plant.clock.now_ns()


def test_after_an_outage_of_the_broker_all_is_stale_until_it_is_born_again(plant: Plant, edge: Edge) -> None:
    plant.stored(edge.nbirth(speed()))
    (obituary,) = plant.host.obituaries()
    assert bad_tags(plant.stored(obituary)) == {"line-1/speed"}
    assert plant.asked() == [edge.rebirth_topic]
    plant.stored(edge.nbirth(speed()))
    plant.stored(edge.ndeath())
    assert plant.asked() == []


def test_one_name_of_two_devices_stays_with_the_first_until_it_dies(plant: Plant) -> None:
    first, second = Edge("line-1"), Edge("line-2")
    for edge in (first, second):
        plant.stored(edge.nbirth())
    plant.stored(first.dbirth("press", speed(1.0)))
    own = Metric("own", DataType.DOUBLE, 5.0, alias=2, timestamp_ms=T)
    assert values(plant.stored(second.dbirth("press", speed(2.0), own))) == {"press/own": 5.0}
    assert plant.stored(second.ddata("press", data(3.0))) == []
    assert plant.asked() == []  # left out on purpose: a rebirth would change nothing
    plant.stored(first.ddeath("press"))
    assert values(plant.stored(second.dbirth("press", speed(2.0)))) == {"press/speed": 2.0}
