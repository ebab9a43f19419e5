"""The columnar payload, byte for byte (tests/golden/columnar_v1.json), and what damaged payloads may do: nothing else
than UndecodablePayload."""

import json
import math
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols import UndecodablePayload
from protocols.sample import DTYPE_OF, Column, ValueKind
from protocols.wire.batch import BatchHeader
from protocols.wire.columnar import decode, encode
from runtime.clock import ClockState

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent.parent / "golden" / "columnar_v1.json").read_text())
NAMES = [case["name"] for case in CASES]


def header_of(case: dict[str, Any]) -> BatchHeader:
    count = sum(len(column["alias"]) for column in case["columns"])
    return BatchHeader(UUID(case["run"]), case["seq"], case["revision"], ClockState(case["clock"]), count)


def column_of(wanted: dict[str, Any]) -> Column:
    kind = ValueKind(wanted["kind"])
    values = [float(value) for value in wanted["value"]] if kind is ValueKind.FLOAT else wanted["value"]
    array = np.empty(len(values), DTYPE_OF[kind])
    array[:] = values
    return Column(
        kind,
        np.array(wanted["alias"], np.uint32),
        np.array(wanted["time_ns"], np.int64),
        array,
        np.array(wanted["code"], np.uint16),
    )


def same(value: Any, wanted: Any) -> bool:
    return value == wanted or (isinstance(value, float) and math.isnan(value) and math.isnan(wanted))


def assert_equal(column: Column, wanted: Column) -> None:
    assert column.kind is wanted.kind
    for name in ("alias", "time_ns", "code"):
        assert getattr(column, name).tolist() == getattr(wanted, name).tolist()
    assert all(map(same, column.value.tolist(), wanted.value.tolist()))
    assert len(column.value) == len(wanted.value)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_encoding_is_what_it_was(case: dict[str, Any]) -> None:
    assert encode(header_of(case), tuple(map(column_of, case["columns"]))).hex() == case["hex"]


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_decoding(case: dict[str, Any], compress: bool) -> None:
    columns = tuple(map(column_of, case["columns"]))
    payload = encode(header_of(case), columns, compress=True) if compress else bytes.fromhex(case["hex"])
    batch = decode(payload)
    assert batch.header == header_of(case)
    assert len(batch.columns) == len(columns)
    for column, wanted in zip(batch.columns, columns, strict=True):
        assert_equal(column, wanted)


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_cut_anywhere(case: dict[str, Any], compress: bool) -> None:
    payload = encode(header_of(case), tuple(map(column_of, case["columns"])), compress=compress)
    for length in range(len(payload)):
        with pytest.raises(UndecodablePayload):
            decode(payload[:length])
    with pytest.raises(UndecodablePayload):
        decode(payload + b"\0")


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(CASES), st.booleans(), st.data())
def test_flipped_bytes(case: dict[str, Any], compress: bool, data: st.DataObject) -> None:
    """A flip may go unseen in a value (the hash is checked elsewhere), but raises nothing else and costs no memory."""
    payload = bytearray(encode(header_of(case), tuple(map(column_of, case["columns"])), compress=compress))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(payload) - 1))
        payload[place] ^= data.draw(st.integers(1, 255))
    try:
        batch = decode(bytes(payload))
    except UndecodablePayload:
        return
    assert batch.header is not None
    assert batch.count == batch.header.count


@given(st.binary(max_size=200))
def test_garbage(payload: bytes) -> None:
    with pytest.raises(UndecodablePayload):
        decode(payload)
    with pytest.raises(UndecodablePayload):
        decode(b"LW\x01\x00" + payload)
