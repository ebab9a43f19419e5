"""Bursts in parts: whole or not there, and no damage that gets through."""

import hashlib
import random
from dataclasses import replace
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import OversizedPayload, UndecodablePayload
from protocols.wire import waveform as wire
from protocols.wire.batch import BatchHeader
from protocols.wire.waveform import PART_BYTES_MOST, Waveform, decode, encode, join, parts_needed, parts_of
from runtime.clock import ClockState

RUN = UUID(int=7)


def burst(n: int, dtype: str = "<i2") -> Waveform:
    raw = np.random.default_rng(n).integers(-3000, 3000, n).astype(dtype)
    return Waveform(alias=5, start_ns=1_700_000_000_000_000_000, rate_hz=25_600.0, scale=0.001, raw=raw)


def headers(n: int) -> list[BatchHeader]:
    return [BatchHeader(RUN, seq, 3, ClockState.SYNCED, 0) for seq in range(1, n + 1)]


@pytest.mark.parametrize("dtype", ["<i2", "<i4", "<f4", "<f8", ">f4"])
@pytest.mark.parametrize("compress", [False, True])
def test_a_burst_comes_out_as_it_went_in(dtype: str, compress: bool) -> None:
    sent = burst(600_000, dtype)
    payloads = [encode(part, compress=compress) for part in parts_of(sent, headers(parts_needed(sent)))]
    random.Random(1).shuffle(payloads)
    got = join([decode(payload) for payload in payloads])
    np.testing.assert_array_equal(got.values, sent.values)
    assert (got.alias, got.start_ns, got.rate_hz, got.scale) == (5, sent.start_ns, 25_600.0, 0.001)


@given(st.integers(0, 3 * PART_BYTES_MOST // 2 + 10))
def test_every_length_is_cut_and_joined(n: int) -> None:
    sent = replace(burst(0), raw=np.zeros(n, np.int16))
    parts = [decode(encode(part)) for part in parts_of(sent, headers(parts_needed(sent)))]
    assert len(join(parts).raw) == n
    assert sum(part.header.count for part in parts) == n


def test_a_part_that_is_missing_means_no_burst() -> None:
    parts = parts_of(burst(2_000_000), headers(4))
    with pytest.raises(UndecodablePayload, match="3 of the 4 parts"):
        join(parts[:2] + parts[3:])


def test_a_part_of_another_burst_is_found_by_the_hash() -> None:
    parts = parts_of(burst(2_000_000), headers(4))
    other = parts_of(replace(burst(2_000_000), raw=burst(2_000_001).raw[1:]), headers(4))
    with pytest.raises(UndecodablePayload, match="hash"):
        join([*parts[:3], other[3]])


def test_every_damaged_head_is_refused_or_says_something_possible() -> None:
    payload = encode(parts_of(burst(100), headers(1))[0])
    for place in range(112):
        for bit in range(8):
            damaged = bytearray(payload)
            damaged[place] ^= 1 << bit
            try:
                part = decode(bytes(damaged))
            except UndecodablePayload:
                continue
            assert len(part.data) == part.header.count * part.dtype.itemsize <= PART_BYTES_MOST


@pytest.mark.parametrize("cut", [0, 1, 50, 111, 112, 200])
def test_a_shorter_payload_is_refused(cut: int) -> None:
    payload = encode(parts_of(burst(100), headers(1))[0])
    with pytest.raises(UndecodablePayload):
        decode(payload[:cut])


def test_a_frame_that_would_inflate_without_end_is_refused() -> None:
    part = parts_of(burst(100), headers(1))[0]
    bomb = replace(part, data=bytes(100 << 20))
    payload = bytearray(encode(bomb, compress=True))
    payload[72:76] = (200).to_bytes(4, "little")
    with pytest.raises(UndecodablePayload, match="inflates to another size"):
        decode(bytes(payload))
    with pytest.raises(OversizedPayload):
        decode(bytes(payload) + bytes(5 << 20))


def test_the_layout_does_not_move_by_accident() -> None:
    part = parts_of(burst(4), headers(1))[0]
    payload = encode(part)
    assert len(payload) == 112 + 8
    assert payload[:4] == b"LV\x01\x00"
    assert payload[80:112] == hashlib.sha256(payload[112:]).digest()
    assert wire._HEAD.size == 112
