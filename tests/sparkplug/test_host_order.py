"""What is missing, what comes late, and when the host asks for a rebirth."""

import pytest

from protocols.sparkplug.datatype import DataType
from protocols.sparkplug.payload import decode
from protocols.sparkplug.records import Metric
from protocols.sparkplug.topics import Verb
from tests.sparkplug.host_parts import NS_PER_MS, REBIRTH, Edge, Plant, T, data, speed, values


@pytest.fixture
def plant() -> Plant:
    return Plant()


@pytest.fixture
def edge() -> Edge:
    return Edge()


def test_the_request_is_a_true_node_control_rebirth(plant: Plant, edge: Edge) -> None:
    plant.stored(edge.ndata(data(1.0)))
    ((topic, raw),) = plant.host.requests()
    told = decode(raw)
    assert topic == "spBv1.0/plant/NCMD/line-1"
    assert [(metric.name, metric.value, metric.alias) for metric in told.metrics] == [(REBIRTH, True, None)]
    assert (told.seq, told.timestamp_ms, told.metrics[0].timestamp_ms) == (None, T, T)
    assert told.metrics[0].datatype is None


def test_requests_come_ever_more_seldom_and_stop_when_nobody_answers(plant: Plant, edge: Edge) -> None:
    plant.stored(edge.ndata(data(1.0)))
    asked_at_s = []
    for second in range(2000):
        asked_at_s += [second for _ in plant.asked()]
        plant.clock.advance(1)
    assert asked_at_s == [0, 5, 15, 35, 75, 155]


def test_a_hole_of_a_node_that_fell_silent_is_not_asked_about_for_ever(plant: Plant, edge: Edge) -> None:
    plant.stored(edge.nbirth(speed()))
    edge.skip()
    plant.stored(edge.ndata(data(1.0)))
    asked = 0
    for _ in range(2000):
        asked += len(plant.asked())
        plant.clock.advance(1)
    assert asked == 6


def test_a_device_that_offers_it_is_asked_alone_and_its_node_when_it_does_not_answer(plant: Plant, edge: Edge) -> None:
    plant.stored(edge.nbirth(speed()))
    control = Metric("Device Control/Rebirth", DataType.BOOLEAN, value=False, alias=8, timestamp_ms=T)
    assert values(plant.stored(edge.dbirth("press", control, speed(1.0)))) == {"press/speed": 1.0}
    plant.stored(edge.ddata("press", data(1.0, alias=77)))
    ((topic, raw),) = plant.host.requests()
    told = decode(raw)
    assert topic == edge.node.topic(Verb.DCMD, "press")
    assert [(one.name, one.value, one.alias, one.datatype) for one in told.metrics] == [
        ("Device Control/Rebirth", True, None, None)
    ]
    assert (told.seq, told.timestamp_ms) == (None, T)
    plant.clock.advance(6)
    assert plant.asked() == [edge.rebirth_topic]
    plant.clock.advance(60)
    plant.stored(edge.dbirth("press", control, speed(1.0)))
    assert plant.asked() == []


def test_what_a_node_has_to_tell_is_not_settled_by_the_birth_of_a_device(plant: Plant, edge: Edge) -> None:
    plant.stored(edge.nbirth(speed()))
    plant.stored(edge.ndata(data(1.0, alias=77)))
    plant.stored(edge.dbirth("press", speed()))
    assert plant.asked() == [edge.rebirth_topic]


def test_a_node_that_is_born_and_goes_wrong_again_is_asked_more_and_more_seldom(plant: Plant, edge: Edge) -> None:
    asked_at_s = []
    for second in range(400):
        plant.stored(edge.ndata(data(1.0, alias=99)))
        if plant.asked():
            asked_at_s.append(second)
            plant.stored(edge.nbirth(speed()))
        plant.clock.advance(1)
    assert asked_at_s == [0, 5, 15, 35, 75, 155, 315]


def test_a_hole_asks_for_a_birth_when_the_time_for_reordering_is_over() -> None:
    plant, edge = Plant(reorder_timeout_s=3), Edge()
    plant.stored(edge.nbirth(speed()))
    edge.skip()
    assert values(plant.stored(edge.ndata(data(2.0)))) == {"line-1/speed": 2.0}
    assert plant.asked() == []
    plant.clock.advance(2.9)
    assert plant.asked() == []
    plant.clock.advance(0.2)
    assert plant.asked() == [edge.rebirth_topic]


def test_messages_that_change_places_in_time_are_all_taken(plant: Plant, edge: Edge) -> None:
    plant.stored(edge.nbirth(speed()))
    messages = [edge.ndata(data(float(number), T + number)) for number in range(1, 5)]
    order = [messages[place] for place in (2, 1, 3, 0)]
    assert [values(plant.stored(message))["line-1/speed"] for message in order] == [3.0, 2.0, 4.0, 1.0]
    plant.clock.advance(100)
    assert plant.asked() == []


def test_data_that_overtakes_the_birth_of_its_device_waits_for_it(plant: Plant, edge: Edge) -> None:
    plant.stored(edge.nbirth(speed()))
    birth = edge.dbirth("press", speed(1.0, T + 1))
    late = [edge.ddata("press", data(float(number), T + number)) for number in (2, 3)]
    assert [plant.stored(message) for message in late] == [[], []]
    stored = plant.stored(birth)
    assert [(sample.time_ns, sample.value) for sample in stored] == [
        ((T + number) * NS_PER_MS, float(number)) for number in (1, 2, 3)
    ]
    plant.clock.advance(100)
    assert plant.asked() == []


def test_numbers_go_round(plant: Plant, edge: Edge) -> None:
    plant.stored(edge.nbirth(speed()))
    for number in range(600):
        assert plant.stored(edge.ndata(data(float(number), T + number)))
    plant.clock.advance(100)
    assert plant.asked() == []


def test_a_number_from_elsewhere_asks_for_a_birth(plant: Plant, edge: Edge) -> None:
    plant.stored(edge.nbirth(speed()))
    plant.stored(edge.ndata(data(1.0)))
    edge.seq -= 1
    plant.stored(edge.ndata(data(2.0)))
    assert plant.asked() == [edge.rebirth_topic]


def test_a_birth_settles_what_was_wrong(plant: Plant, edge: Edge) -> None:
    plant.stored(edge.nbirth(speed()))
    edge.skip(3)
    plant.stored(edge.ndata(data(1.0)))
    plant.stored(edge.nbirth(speed()))
    plant.clock.advance(100)
    assert plant.asked() == []
