"""The payload of a burst, byte for byte: tests/golden/waveform_v1.json."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from protocols import UndecodablePayload
from protocols.wire.batch import BatchHeader
from protocols.wire.waveform import Waveform, decode, encode, join, parts_of, read_identity
from runtime.clock import ClockState

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parents[2] / "golden" / "waveform_v1.json").read_text())
each_case = pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])


def waveform_of(case: dict[str, Any]) -> Waveform:
    raw = np.array(case["raw"], case["dtype"])
    return Waveform(case["alias"], case["start_ns"], case["rate_hz"], case["scale"], raw)


@each_case
def test_encoding_is_what_it_was(case: dict[str, Any]) -> None:
    header = BatchHeader(UUID(case["run"]), case["seq"], case["revision"], ClockState(case["clock"]), 0)
    [part] = parts_of(waveform_of(case), [header])
    assert encode(part).hex() == case["hex"]


@each_case
def test_decoding_is_what_it_was(case: dict[str, Any]) -> None:
    part = decode(bytes.fromhex(case["hex"]))
    assert (str(part.header.run_id), part.header.seq, part.header.revision) == (
        case["run"],
        case["seq"],
        case["revision"],
    )
    got, wanted = join([part]), waveform_of(case)
    np.testing.assert_array_equal(got.raw, wanted.raw)
    assert (got.alias, got.start_ns, got.rate_hz, got.scale) == (
        wanted.alias, wanted.start_ns, wanted.rate_hz, wanted.scale,
    )  # fmt: skip


@each_case
def test_a_damaged_body_still_says_whose_it_is(case: dict[str, Any]) -> None:
    payload = bytes.fromhex(case["hex"]) + b"more"
    with pytest.raises(UndecodablePayload):
        decode(payload)
    assert read_identity(payload) == (UUID(case["run"]), case["seq"])
    for broken in (payload[:111], b"LW" + payload[2:], payload[:20] + bytes(8) + payload[28:]):
        with pytest.raises(UndecodablePayload):
            read_identity(broken)
