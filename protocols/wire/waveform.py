"""A burst of a fast sensor, in parts that fit a message: version 1.

    Waveform ──parts_of──► WaveformPart … ──encode──► …/up/wave ──decode──► WaveformPart … ──join──► Waveform

    offset size  field
    0      2     magic "LV"
    2      1     format version (1)
    3      1     flags: bit 0 = the data are one zstd frame
    4      16    run id
    20     8     seq, u8: a part has a number of its own in the run, as a batch has
    28     4     configuration revision, u4
    32     1     clock state
    33     1     type of a value: 1 i2, 2 i4, 3 f4, 4 f8
    34     2     this part, u2, from 0
    36     2     parts of the burst, u2
    38     2     reserved, 0
    40     4     alias, u4
    44     4     values in the whole burst, u4
    48     8     start, i8: ns UTC of the first value
    56     8     sample rate in Hz, f8
    64     8     scale, f8: what a value of 1 means in the tag's unit
    72     4     bytes of this part's data before compression, u4
    76     4     reserved, 0
    80     32    sha256 of the data of the whole burst
    112    …     data

A burst is whole or not there: `join` wants every part and the right hash.
"""

import hashlib
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
import zstandard
from numpy.typing import NDArray

from protocols import OversizedPayload, UndecodablePayload
from protocols.wire.batch import BatchHeader
from protocols.wire.columnar import PAYLOAD_BYTES_MOST, SEQ_END
from runtime.clock import ClockState

MAGIC = b"LV"
VERSION = 1
PART_BYTES_MOST = 1 << 20
PARTS_MOST = 256
RATE_HZ_MOST = 1e9
_COMPRESSED = 1
_HEAD = struct.Struct("<2sBB16sQIBBHHHIIqddII32s")
_DTYPES: dict[int, np.dtype[Any]] = {1: np.dtype("<i2"), 2: np.dtype("<i4"), 3: np.dtype("<f4"), 4: np.dtype("<f8")}
_CODES = {dtype: code for code, dtype in _DTYPES.items()}
_CLOCK_MOST = max(ClockState)


@dataclass(frozen=True, slots=True)
class Waveform:
    """A whole burst: `raw[i] * scale` in the tag's unit was measured at `start_ns + i / rate_hz`."""

    alias: int
    start_ns: int
    rate_hz: float
    scale: float
    raw: NDArray[Any]

    @property
    def values(self) -> NDArray[np.float64]:
        return self.raw.astype(np.float64) * self.scale


@dataclass(frozen=True, slots=True)
class WaveformPart:
    """One message's share of a burst. `header.count` is the number of values in `data`."""

    header: BatchHeader
    alias: int
    start_ns: int
    rate_hz: float
    scale: float
    dtype: np.dtype[Any]
    n: int
    part: int
    parts: int
    burst_sha256: bytes
    data: bytes


def parts_of(waveform: Waveform, headers: Sequence[BatchHeader]) -> list[WaveformPart]:
    """The burst in as many parts as there are headers, which is `parts_needed`; their `count` is filled in here.

    Raises:
        ValueError: a type that has no code, or another number of headers.
    """
    raw = waveform.raw.astype(waveform.raw.dtype.newbyteorder("<"), copy=False)
    if raw.dtype not in _CODES:
        raise ValueError(f"{raw.dtype} has no place on the wire: use int16, int32, float32 or float64")
    if len(headers) != parts_needed(waveform):
        raise ValueError(f"{len(headers)} headers for {parts_needed(waveform)} parts")
    data, step = raw.tobytes(), PART_BYTES_MOST
    digest = hashlib.sha256(data).digest()
    return [
        WaveformPart(
            BatchHeader(header.run_id, header.seq, header.revision, header.clock, len(piece) // raw.itemsize),
            waveform.alias, waveform.start_ns, waveform.rate_hz, waveform.scale,
            raw.dtype, len(raw), place, len(headers), digest, piece,
        )
        for place, header in enumerate(headers)
        for piece in [data[place * step : (place + 1) * step]]
    ]  # fmt: skip


def parts_needed(waveform: Waveform) -> int:
    """How many messages the burst takes."""
    return max(1, math.ceil(waveform.raw.nbytes / PART_BYTES_MOST))


def join(parts: Sequence[WaveformPart]) -> Waveform:
    """The burst of all its parts, in any order.

    Raises:
        UndecodablePayload: a part is missing or not of this burst, or the hash is another one.
    """
    ordered = sorted(parts, key=lambda part: part.part)
    first = ordered[0]
    if [part.part for part in ordered] != list(range(first.parts)):
        raise UndecodablePayload(f"{len(ordered)} of the {first.parts} parts of the burst are there")
    data = b"".join(part.data for part in ordered)
    if hashlib.sha256(data).digest() != first.burst_sha256:
        raise UndecodablePayload("the parts do not give the burst that was measured: its hash is another one")
    return Waveform(first.alias, first.start_ns, first.rate_hz, first.scale, np.frombuffer(data, first.dtype))


def encode(part: WaveformPart, *, compress: bool = False) -> bytes:
    """The payload of a part."""
    data = zstandard.ZstdCompressor(level=1).compress(part.data) if compress else part.data
    header = part.header
    head = _HEAD.pack(
        MAGIC, VERSION, _COMPRESSED if compress else 0, header.run_id.bytes, header.seq, header.revision, header.clock,
        _CODES[part.dtype], part.part, part.parts, 0, part.alias, part.n, part.start_ns, part.rate_hz, part.scale,
        len(part.data), 0, part.burst_sha256,
    )  # fmt: skip
    return head + data


def decode(payload: bytes) -> WaveformPart:
    """A payload as a part.

    Raises:
        UndecodablePayload: wrong magic, version, length or impossible field.
        OversizedPayload: it is, or says it inflates to, more than the limit.
    """
    if len(payload) > PAYLOAD_BYTES_MOST:
        raise OversizedPayload(f"{len(payload)} bytes, at most {PAYLOAD_BYTES_MOST} are taken")
    if len(payload) < _HEAD.size:
        raise UndecodablePayload(f"{len(payload)} bytes are less than a header ({_HEAD.size})")
    (
        magic, version, flags, run, seq, revision, clock, code, place, parts, _,
        alias, n, start_ns, rate_hz, scale, size, _, digest,
    ) = _HEAD.unpack_from(payload)  # fmt: skip
    dtype = _DTYPES.get(code)
    if magic != MAGIC or version != VERSION or flags & ~_COMPRESSED or dtype is None:
        raise UndecodablePayload(f"no part of a waveform of version {VERSION} (magic {magic!r}, version {version})")
    if clock > _CLOCK_MOST or not 1 <= seq < SEQ_END or not any(run):
        raise UndecodablePayload(f"clock state {clock}, sequence {seq} or run {run.hex()} is not possible")
    if not 0 < rate_hz <= RATE_HZ_MOST or not math.isfinite(scale):
        raise UndecodablePayload(f"sample rate {rate_hz} Hz or scale {scale} is not possible")
    if not place < parts <= PARTS_MOST or size != _share(n * dtype.itemsize, place, parts):
        raise UndecodablePayload(f"part {place} of {parts} with {size} bytes is no share of {n} values")
    data = _inflated(payload[_HEAD.size :], size, compressed=bool(flags & _COMPRESSED))
    header = BatchHeader(UUID(bytes=run), seq, revision, ClockState(clock), size // dtype.itemsize)
    return WaveformPart(header, alias, start_ns, rate_hz, scale, dtype, n, place, parts, digest, data)


def read_identity(payload: bytes) -> tuple[UUID, int]:
    """Run and number, from the head alone: enough to say which part this is when the rest cannot be read.

    Raises:
        UndecodablePayload: wrong magic or version, too short, or an impossible number.
    """
    if len(payload) < _HEAD.size:
        raise UndecodablePayload(f"{len(payload)} bytes are less than a header ({_HEAD.size})")
    magic, version, _, run, seq, *_ = _HEAD.unpack_from(payload)
    if magic != MAGIC or version != VERSION or not 1 <= seq < SEQ_END or not any(run):
        raise UndecodablePayload(f"no part of a waveform of version {VERSION} (magic {magic!r}, version {version})")
    return UUID(bytes=run), seq


def _share(total: int, place: int, parts: int) -> int:
    """Bytes of one part: all are full but the last one; -1 when the burst would need another number of parts."""
    if parts != max(1, math.ceil(total / PART_BYTES_MOST)):
        return -1
    return min(PART_BYTES_MOST, total - place * PART_BYTES_MOST)


def _inflated(data: bytes, size: int, *, compressed: bool) -> bytes:
    if compressed:
        try:
            # The frame's own size wins over max_output_size: a few kB can ask for gigabytes.
            if size == 0 or zstandard.frame_content_size(data) not in {-1, size}:
                raise UndecodablePayload("the zstd frame inflates to another size than the header says")
            data = zstandard.ZstdDecompressor().decompress(data, max_output_size=size, allow_extra_data=False)
        except zstandard.ZstdError as error:
            raise UndecodablePayload(f"damaged zstd frame: {error}") from error
    if len(data) != size:
        raise UndecodablePayload(f"the part has {len(data)} bytes, the header says {size}")
    return data
