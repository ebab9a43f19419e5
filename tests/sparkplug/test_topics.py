"""Topics and STATE."""

import pytest

from protocols import UndecodablePayload
from protocols.sparkplug import state
from protocols.sparkplug.topics import EdgeNode, Topic, Verb, host_of, parse, state_topic
from protocols.topics import BadTopic

NODE = EdgeNode("Plant A", "Linie_1")


@pytest.mark.parametrize("verb", [verb for verb in Verb if not verb.of_device])
def test_a_node_topic_has_four_levels(verb: Verb) -> None:
    topic = NODE.topic(verb)
    assert topic == f"spBv1.0/Plant A/{verb}/Linie_1"
    assert parse(topic) == Topic(verb, NODE)


@pytest.mark.parametrize("verb", [verb for verb in Verb if verb.of_device])
def test_a_device_topic_has_five_levels(verb: Verb) -> None:
    topic = NODE.topic(verb, "Presse 7")
    assert topic == f"spBv1.0/Plant A/{verb}/Linie_1/Presse 7"
    assert parse(topic) == Topic(verb, NODE, "Presse 7")


@pytest.mark.parametrize(("verb", "device"), [(Verb.NBIRTH, "d"), (Verb.DDATA, None)])
def test_a_device_stands_where_the_verb_has_one_and_nowhere_else(verb: Verb, device: str | None) -> None:
    with pytest.raises(BadTopic):
        NODE.topic(verb, device)


@pytest.mark.parametrize(
    "topic",
    [
        "spAv1.0/g/NBIRTH/e",
        "spBv1.0/g/NBIRTH",
        "spBv1.0/g/NBIRTH/e/d",
        "spBv1.0/g/DBIRTH/e",
        "spBv1.0/g/DBIRTH/e/d/x",
        "spBv1.0/g/NWHAT/e",
        "spBv1.0/g/nbirth/e",
        "spBv1.0//NBIRTH/e",
        "spBv1.0/g/NBIRTH/",
        "spBv1.0/g/DBIRTH/e/",
        "spBv1.0/STATE/host",
        "lw/1/t/g/up/data",
        "",
    ],
)
def test_other_topics_are_refused(topic: str) -> None:
    with pytest.raises(BadTopic):
        parse(topic)


@pytest.mark.parametrize("name", ["", "a+b", "a/b", "a#b", "#", "a\0b"])
def test_ids_hold_no_reserved_characters(name: str) -> None:
    for make in (lambda: EdgeNode(name, "e"), lambda: EdgeNode("g", name), lambda: state_topic(name)):
        with pytest.raises(BadTopic):
            make()
    with pytest.raises(BadTopic):
        NODE.topic(Verb.DDATA, name)


def test_ids_are_case_sensitive() -> None:
    assert parse("spBv1.0/G/NBIRTH/e").node != parse("spBv1.0/g/NBIRTH/e").node


def test_a_host_is_known_by_its_state_topic() -> None:
    assert state_topic("Host 1") == "spBv1.0/STATE/Host 1"
    assert host_of("spBv1.0/STATE/Host 1") == "Host 1"
    assert host_of("spBv1.0/g/NBIRTH/e") is None
    assert host_of("STATE/Host 1") is None


def test_state_is_json_with_online_and_timestamp() -> None:
    assert state.encode(online=True, timestamp_ms=1700000000000) == b'{"online":true,"timestamp":1700000000000}'
    told = state.decode(b'{"online": false, "timestamp": 5}')
    assert (told.online, told.timestamp_ms) == (False, 5)


@pytest.mark.parametrize(
    "payload", [b"ONLINE", b"{}", b'{"online":1,"timestamp":5}', b'{"online":true,"timestamp":-1}']
)
def test_other_states_are_refused(payload: bytes) -> None:
    with pytest.raises(UndecodablePayload):
        state.decode(payload)
