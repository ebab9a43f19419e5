"""One way in for every payload: formats told apart, JSON as columns, no bomb goes off, no other error escapes."""

import contextlib
import struct
from uuid import UUID, uuid4

import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from protocols import OversizedPayload, ProtocolsError, UndecodablePayload
from protocols.sample import Column, Reason, ValueKind, bad, samples
from protocols.topics import BadTopic
from protocols.wire import columnar
from protocols.wire.batch import BatchHeader
from protocols.wire.decode import decode
from runtime.clock import ClockState

TOPIC = "lw/1/demo/dev-1/up/data"
RUN = UUID(int=7)


def batch(n: int = 20, **header) -> bytes:
    values = np.arange(n, dtype=np.float64)
    column = Column(ValueKind.FLOAT, np.arange(n, dtype=np.uint32), np.full(n, 10**18), values, np.zeros(n, np.uint16))
    fields = {"run_id": RUN, "seq": 1, "revision": 3, "clock": ClockState.SYNCED, "count": n} | header
    return columnar.encode(BatchHeader(**fields), (column,))


def test_json_becomes_columns_that_carry_their_own_names():
    told = decode(
        TOPIC, b'{"ts":1700000000123,"values":{"t":21,"on":true,"pump-2/state":"idle","flow":null,"big":1e999}}'
    )
    assert told.header is None
    names = {alias: "/".join(name) for alias, name in enumerate(told.names)}
    assert {(one.tag, one.value, one.code) for one in samples(told.columns, names)} == {
        ("dev-1/t", 21.0, 0),
        ("dev-1/on", True, 0),
        ("pump-2/state", "idle", 0),
        ("dev-1/flow", None, bad(Reason.DEVICE_REPORTED)),
        ("dev-1/big", float("inf"), 0),
    }
    assert {int(time_ns) for column in told.columns for time_ns in column.time_ns} == {1700000000123 * 10**6}


def test_a_number_keeps_its_column_whatever_its_value():
    for number in (b"1", b"1.5", b"-0", b"1" + b"0" * 400):
        [column] = decode(TOPIC, b'{"ts":1,"values":{"t":' + number + b"}}").columns
        assert column.kind is ValueKind.FLOAT


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"[]",
        b'{"ts":1}',
        b'{"ts":1,"values":{}}',
        b'{"ts":"1","values":{"a":1}}',
        b'{"ts":-1,"values":{"a":1}}',
        b'{"ts":9300000000000000,"values":{"a":1}}',
        b'{"ts":1,"values":{"a":[1]}}',
        b'{"ts":1,"values":{"A":1}}',
        b'{"ts":1,"values":{"a/b/c":1}}',
        b'{"ts":1,"values":{"a":1},"more":2}',
        b"\xff\xfe",
        b'{"a":' * 5000,
    ],
)
def test_what_is_no_batch_is_undecodable(payload):
    with pytest.raises(UndecodablePayload):
        decode(TOPIC, payload)


def test_other_lanes_and_foreign_topics_carry_no_samples():
    for topic in (
        "lw/1/demo/dev-1/up/state",
        "lw/1/demo/dev-1/down/receipt",
        "spBv1.0/demo/DDATA/x",
        "lw/1/A/b/up/data",
    ):
        with pytest.raises(BadTopic):
            decode(topic, batch())


def test_size_is_looked_at_before_anything_else():
    for start in (b"LW", b"{", b"xx"):
        with pytest.raises(OversizedPayload):
            decode(TOPIC, start + bytes(columnar.PAYLOAD_BYTES_MOST))


def test_a_frame_that_inflates_beyond_its_word_is_refused_before_it_does():
    bomb = zstandard.ZstdCompressor(level=3).compress(bytes(1 << 30))
    head = batch()[:40]
    payload = head[:3] + b"\x01" + head[4:] + struct.pack("<II", 1000, 0) + bomb
    assert len(payload) < 100_000
    with pytest.raises(UndecodablePayload, match="another size"):
        decode(TOPIC, payload)
    unsized = zstandard.ZstdCompressor(level=3, write_content_size=False).compress(bytes(1 << 26))
    with pytest.raises(UndecodablePayload, match="zstd"):
        decode(TOPIC, payload[:48] + unsized)


def test_bytes_behind_the_frame_are_refused():
    good = columnar.decode(batch())
    payload = columnar.encode(good.header, good.columns, compress=True)
    assert columnar.decode(payload).count == 20
    with pytest.raises(UndecodablePayload):
        columnar.decode(payload + b"more")


def test_a_header_can_be_read_when_the_rest_cannot():
    header = columnar.read_header(batch(seq=42)[:48])
    assert (header.run_id, header.seq, header.revision, header.count) == (RUN, 42, 3, 20)
    for impossible in ({"seq": (1 << 63) - 1}, {"seq": 0}, {"run_id": UUID(int=0)}):
        with pytest.raises(UndecodablePayload):
            columnar.read_header(batch(**impossible))


@given(st.data())
def test_damage_never_escapes_as_another_error(data):
    payload = bytearray(batch(4) if data.draw(st.booleans()) else columnar.encode(*_parts(), compress=True))
    for _ in range(data.draw(st.integers(1, 4))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ProtocolsError):
        decode(TOPIC, bytes(payload[: data.draw(st.integers(0, len(payload)))]))


def _parts():
    text = np.empty(2, object)
    text[:] = ["a", "läuft"]
    column = Column(ValueKind.TEXT, np.arange(2, dtype=np.uint32), np.full(2, 10**18), text, np.zeros(2, np.uint16))
    return BatchHeader(uuid4(), 1, 1, ClockState.SYNCED, 2), (column,)
