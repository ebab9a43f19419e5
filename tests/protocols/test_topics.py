"""Topics: round trip, and refusal of everything that is not exactly one of ours."""

import pytest

from protocols.topics import BadTopic, Down, GatewayAddress, Up, every, parse


@pytest.mark.parametrize("lane", [*Up, *Down])
def test_round_trip(lane: Up | Down) -> None:
    address = GatewayAddress("demo", "gw-1")
    topic = address.up(lane) if isinstance(lane, Up) else address.down(lane)
    assert parse(topic) == (address, lane)


def test_the_shape_that_devices_rely_on() -> None:
    address = GatewayAddress("demo", "gw-1")
    assert address.up(Up.DATA) == "lw/1/demo/gw-1/up/data"
    assert address.down(Down.RECEIPT) == "lw/1/demo/gw-1/down/receipt"
    assert every(Up.CATALOG) == "lw/1/+/+/up/catalog"


@pytest.mark.parametrize(
    "topic",
    [
        "", "lw/1/demo/gw-1/up", "lw/1/demo/gw-1/up/data/x", "lw/2/demo/gw-1/up/data", "lw/1/Demo/gw-1/up/data",
        "lw/1//gw-1/up/data", "lw/1/demo/gw-1/up/receipt", "lw/1/demo/gw-1/down/data", "lw/1/+/gw-1/up/data",
        "lw/1/demo/gw-1/up/data\n", "lw/1/demo/" + "a" * 65 + "/up/data", "spBv1.0/demo/NDATA/gw-1",
    ],
)  # fmt: skip
def test_anything_else_is_refused(topic: str) -> None:
    with pytest.raises(BadTopic):
        parse(topic)


@pytest.mark.parametrize("name", ["", "A", "a b", "a/b", "+", "#", "a" * 65, "ü"])
def test_names_that_would_break_a_topic(name: str) -> None:
    with pytest.raises(BadTopic, match="1 to 64"):
        GatewayAddress("demo", name)
