"""JSON of devices that speak MQTT themselves: one message, a list of them, and what is refused."""

import json

import pytest

from protocols import OversizedPayload, UndecodablePayload
from protocols.sample import ValueKind, samples
from protocols.wire import json_samples
from protocols.wire.decode import decode

TOPIC = "lw/1/acme/gw-1/up/data"


def told(document: object) -> list[tuple]:
    batch = decode(TOPIC, json.dumps(document).encode())
    names = {alias: "/".join(name) for alias, name in enumerate(batch.names)}
    return sorted((one.tag, one.time_ns, one.value, one.code) for one in samples(batch.columns, names))


def test_a_list_is_its_messages_in_one_batch():
    one = {"ts": 1, "values": {"level": 1, "pump-2/state": "idle"}}
    other = {"ts": 2, "values": {"level": 2.5, "on": False}}
    assert told([one, other]) == [
        ("gw-1/level", 1_000_000, 1.0, 0), ("gw-1/level", 2_000_000, 2.5, 0), ("gw-1/on", 2_000_000, False, 0),
        ("pump-2/state", 1_000_000, "idle", 0),
    ]  # fmt: skip
    assert told([one]) == told(one)


def test_numbers_are_floats_and_what_no_float_holds_is_infinite():
    batch = json_samples.decode(b'{"ts": 1, "values": {"a": 1, "b": -1%s, "c": NaN}}' % (b"0" * 400), "gw-1")
    [column] = batch.columns
    assert column.kind is ValueKind.FLOAT
    assert str(column.value.tolist()) == "[1.0, -inf, nan]"


@pytest.mark.parametrize(
    ("payload", "cause"),
    [
        (b"[]", "empty list"),
        (b'[{"ts": 1, "values": {"a": 1}}, 2]', "a list of such objects"),
        (b'{"ts": 1, "values": {"a": 1}, "unit": "C"}', "not {"),
        (b'{"ts": true, "values": {"a": 1}}', "`ts` is no number"),
        (b'{"ts": 1.5, "values": {"a": 1}}', "`ts` is no number"),
        (b'{"ts": -1, "values": {"a": 1}}', "`ts` is no number"),
        (b'{"ts": 1, "values": {}}', "`values` is no object"),
        (b'{"ts": 1, "values": {"a": [1]}}', "'a' is a list"),
        (b'{"ts": 1, "values": {"A b": 1}}', "names no tag"),
        (b'[{"ts": 1, "values": {"a": 1}}, {"ts": 1, "values": {"gw-1/a": 2}}]', "two values at 1"),
        (b'{"ts": 1, "values": {"a": "\\ud800"}}', "no JSON"),
        (b"[" * 5000, "no JSON: recursion"),
    ],
)  # fmt: skip
def test_what_is_none_is_refused_with_its_cause(payload, cause):
    with pytest.raises(UndecodablePayload, match=cause):
        json_samples.decode(payload, "gw-1")


def test_what_is_too_much_is_refused_as_such():
    many = {"ts": 1, "values": {f"t{n}": n for n in range(json_samples.VALUES_MOST)}}
    assert json_samples.decode(json.dumps(many).encode(), "gw-1").count == json_samples.VALUES_MOST
    for document in ([many, {"ts": 2, "values": {"a": 1}}], {"ts": 1, "values": {"a": "x" * (1 << 20)}}):
        with pytest.raises(OversizedPayload):
            json_samples.decode(json.dumps(document).encode(), "gw-1")
