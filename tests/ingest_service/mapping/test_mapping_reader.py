"""What MappingReader makes of messages that no case shows: redelivery, sizes, topics, times of arrival."""

import json
from collections.abc import Iterator
from itertools import count

import pytest

from ingest_service.delivery import Message, Refused
from ingest_service.mapping import path, topic_filter
from ingest_service.mapping.reader import MappingReader
from ingest_service.mapping.settings import MappingSettings
from ingest_service.mapping.source import VALUES_MOST

TIMED = {
    "name": "timed", "topic": "t/{device}", "tenant": "acme", "gateway": "gw-1", "time": "ts", "time_unit": "ms",
    "machine": "{device}", "values": [{"path": "v.{key}"}],
}  # fmt: skip
UNTIMED = {
    "name": "untimed", "topic": "u/{device}", "tenant": "acme", "gateway": "gw-1", "machine": "{device}",
    "values": [{"path": "{key#}"}],
}  # fmt: skip


def reader(*tables: dict) -> MappingReader:
    ticks: Iterator[int] = count(1_700_000_000_000_000_000)
    return MappingReader([MappingSettings.model_validate(table) for table in tables], lambda: next(ticks))


def identity(one: MappingReader, topic: str, payload: bytes):
    reading = one.read(Message(topic, payload))
    assert reading
    assert reading.content.identity
    return reading.content.identity


def refusal(one: MappingReader, topic: str, payload: bytes):
    reading = one.read(Message(topic, payload))
    assert reading
    assert reading.content.batch is None
    return reading.content.refusal


def test_a_redelivery_is_the_same_batch_and_the_same_bytes_of_another_device_are_not() -> None:
    one, payload = reader(TIMED), b'{"ts": 1700000000000, "v": {"a": 1}}'
    assert identity(one, "t/x", payload) == identity(one, "t/x", payload)
    assert identity(one, "t/x", payload) != identity(one, "t/y", payload)


def test_without_a_time_of_its_own_every_arrival_is_another_batch() -> None:
    one = reader(UNTIMED)
    assert identity(one, "u/x", b'{"a": 1}') != identity(one, "u/x", b'{"a": 1}')


def test_what_is_too_large_or_too_much_is_refused_as_such() -> None:
    one = reader(TIMED, UNTIMED | {"payload_bytes_most": 50})
    assert refusal(one, "u/x", b" " * 51).reason is Refused.OVERSIZED
    many = {"ts": 1, "v": {f"k{i}": i for i in range(VALUES_MOST + 1)}}
    assert refusal(one, "t/x", json.dumps(many).encode()).reason is Refused.OVERSIZED


def test_long_names_deep_below_cost_no_more_than_their_bytes() -> None:
    deep = b'{"' + b'":{"'.join(b"k" * 4000 for _ in range(150)) + b'":{' + b",".join(
        b'"%d":1' % i for i in range(5000)
    ) + b"}" * 151  # fmt: skip
    assert "256 characters" in refusal(reader(UNTIMED), "u/x", deep).detail


def test_a_payload_with_nothing_wanted_is_understood() -> None:
    table = TIMED | {"values": [{"path": "v.{key}", "skip": ["*"]}]}
    assert reader(table).read(Message("t/x", b'{"ts": 1, "v": {"a": 1}}')) is None


def test_a_device_whose_level_is_empty_is_refused() -> None:
    one = reader(UNTIMED | {"gateway": "{device}"})
    assert "no tenant" in refusal(one, "u/", b'{"a": 1}').detail


@pytest.mark.parametrize(
    ("text", "subscription", "topic", "levels"),
    [
        ("a/b", "a/b", "a/b", {}),
        ("a/{x}/+", "a/+/+", "a/1/2", {"x": "1"}),
        ("{x}/#", "+/#", "a", {"x": "a"}),
        ("a/{x#}", "a/#", "a/b/c", {"x": "b/c"}),
        ("a/{x#}", "a/#", "a", {"x": ""}),
        ("{x#}", "#", "a/b", {"x": "a/b"}),
        ("a.b/{x}", "a.b/+", "a.b/", {"x": ""}),
    ],
)
def test_topic_filters(text, subscription, topic, levels) -> None:
    one = topic_filter.parse(text)
    assert (one.subscription, one.match(topic)) == (subscription, levels)


@pytest.mark.parametrize("text", ["", "$SYS/x", "a/#/b", "{x#}/b", "a{x}", "a/{x}/{x}", "a/{X}", "a+/b", "{x"])
def test_no_topic_filters(text) -> None:
    with pytest.raises(ValueError, match=r"level|topic|last"):
        topic_filter.parse(text)


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("a/+", "a/b", True), ("a/#", "a", True), ("a/#", "a/b/c", True), ("+/b", "a/#", True), ("#", "a", True),
        ("a/+", "a", False), ("a/+/c", "a/b/d", False), ("a/b", "a/b/c", False), ("a/b/#", "a/b", True),
        ("+/events/rpc", "spBv1.0/STATE/+", False), ("a/#", "b/#", False), ("a/b/#", "a", False),
    ],
)  # fmt: skip
def test_overlap(one, other, both) -> None:
    assert topic_filter.overlap(one, other) is both
    assert topic_filter.overlap(other, one) is both


DOCUMENT = {"a": {"b": [1, {"c": 2}]}, "x.y": 3, "e": [], "n": None}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (".", [(DOCUMENT, {})]),
        ("a.b[0]", [(1, {})]),
        ("a.b[1].c", [(2, {})]),
        ("a.b[7]", []),
        ('"x.y"', [(3, {})]),
        ("a.b[]", [(1, {}), ({"c": 2}, {})]),
        ("n[]", [(None, {})]),
        ("a.b.{i}", [(1, {"i": "0"}), ({"c": 2}, {"i": "1"})]),
        ("a.{k#}", [(1, {"k": "b.0"}), (2, {"k": "b.1.c"})]),
        ("e.{k}", []),
        ("n.{k}", []),
    ],
)
def test_paths(text, found) -> None:
    assert list(path.parse(text).find(DOCUMENT, {})) == found


@pytest.mark.parametrize("text", ["", "a..b", ".a", "a.", "a[x]", "a{b}", "{a#}.b", "{A}", 'a"b', "a[", "[]x"])
def test_no_paths(text) -> None:
    with pytest.raises(ValueError, match=r"path|everything"):
        path.parse(text)
