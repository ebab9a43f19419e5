"""Our format, version 1: a 48-byte header, then per value type raw little-endian columns, optionally zstd.

    offset size  field
    0      2     magic "LW"
    2      1     format version (1)
    3      1     flags: bit 0 = body is one zstd frame
    4      16    run id
    20     8     seq, u8
    28     4     configuration revision, u4
    32     1     clock state
    33     1     number of columns
    34     2     reserved, 0
    36     4     count of samples, u4
    40     4     bytes of the body before compression, u4
    44     4     reserved, 0
    48     …     body

    body = per column: kind u4, n u4, time_ns i8[n], value, alias u4[n], code u2[n], zero bytes up to a multiple of 8
    value = f8[n] | i8[n] | u1[n] padded to 8 | text: u4[n+1] offsets padded to 8, UTF-8 bytes padded to 8

Decoding is `numpy.frombuffer` on slices: no Python loop per sample, except over texts.
"""

import hashlib
import itertools
import struct
import threading
from typing import Any
from uuid import UUID

import numpy as np
import zstandard
from numpy.typing import NDArray

from protocols import OversizedPayload, UndecodablePayload
from protocols.sample import DTYPE_OF, Column, Columns, ValueKind
from protocols.wire.batch import Batch, BatchHeader
from runtime.clock import ClockState

MAGIC = b"LW"
VERSION = 1
PAYLOAD_BYTES_MOST = 4 << 20
BODY_BYTES_MOST = 8 << 20
SAMPLES_MOST = 100_000  # a few kB can stand for a million equal samples
SEQ_END = (1 << 63) - 1
_COMPRESSED = 1
_KINDS = {int(kind): kind for kind in ValueKind}
_CLOCK_MOST = max(ClockState)
_HEAD = struct.Struct("<2sBB16sQIBBHIII")
_COLUMN = struct.Struct("<II")


class _Zstd(threading.local):
    """Making one costs as much as inflating a batch of 500; two threads must not share one."""

    def __init__(self) -> None:
        self.inflater = zstandard.ZstdDecompressor()


_zstd = _Zstd()


def encode(header: BatchHeader, columns: Columns, *, compress: bool = False) -> bytes:
    """Header and columns as one payload; `header.count` must be the number of samples."""
    body = b"".join(part for column in columns for part in _column_parts(column))
    size = len(body)
    compress = compress and size > 0  # a damaged frame of nothing could not be told from a whole one
    if compress:
        body = zstandard.ZstdCompressor(level=1).compress(body)
    head = _HEAD.pack(
        MAGIC, VERSION, _COMPRESSED if compress else 0, header.run_id.bytes, header.seq, header.revision,
        header.clock, len(columns), 0, header.count, size, 0,
    )  # fmt: skip
    return head + body


def _column_parts(column: Column) -> list[bytes]:
    n = len(column)
    parts = [_COLUMN.pack(column.kind, n), column.time_ns.astype("<i8", copy=False).tobytes()]
    if column.kind is ValueKind.TEXT:
        texts = [text.encode() for text in column.value.tolist()]
        offsets = np.zeros(n + 1, "<u4")
        np.cumsum([len(text) for text in texts], out=offsets[1:])
        parts += [_padded(offsets.tobytes()), _padded(b"".join(texts))]
    else:
        parts.append(_padded(column.value.astype(DTYPE_OF[column.kind], copy=False).tobytes()))
    codes = column.code.astype("<u2", copy=False).tobytes()
    parts.append(_padded(column.alias.astype("<u4", copy=False).tobytes() + codes))
    return parts


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 8)


def decode(payload: bytes) -> Batch:
    """A payload as a batch; its arrays are read-only views into the body.

    Raises:
        UndecodablePayload: wrong magic, version, length or count.
        OversizedPayload: it is, or says it holds, more than the limits.
    """
    if len(payload) > PAYLOAD_BYTES_MOST:
        raise OversizedPayload(f"{len(payload)} bytes, at most {PAYLOAD_BYTES_MOST} are taken")
    header = read_header(payload)
    if header.count > SAMPLES_MOST:
        raise OversizedPayload(f"{header.count} samples, at most {SAMPLES_MOST} are taken")
    n_columns, size = payload[33], int.from_bytes(payload[40:44], "little")
    body = _body(memoryview(payload)[_HEAD.size :], size, compressed=bool(payload[3] & _COMPRESSED))
    columns = _columns(body, n_columns, header.count)
    return Batch(header, columns, hashlib.sha256(payload).digest())


def read_header(payload: bytes) -> BatchHeader:
    """Only the first 48 bytes: enough to say which batch this is when the rest cannot be read.

    Raises:
        UndecodablePayload: wrong magic, version or impossible header.
    """
    if len(payload) < _HEAD.size:
        raise UndecodablePayload(f"{len(payload)} bytes are less than a header ({_HEAD.size})")
    magic, version, flags, run, seq, revision, clock, _, _, count, _, _ = _HEAD.unpack_from(payload)
    if magic != MAGIC or version != VERSION or flags & ~_COMPRESSED:
        raise UndecodablePayload(f"no columnar batch of version {VERSION} (magic {magic!r}, version {version})")
    # The last number of an int8 has no successor, which the ledger's ranges need; a run of zeros is nobody's.
    if clock > _CLOCK_MOST or not 1 <= seq < SEQ_END or not any(run):
        raise UndecodablePayload(f"clock state {clock}, sequence {seq} or run {run.hex()} is not possible")
    return BatchHeader(UUID(bytes=run), seq, revision, ClockState(clock), count)


def _body(data: memoryview, size: int, *, compressed: bool) -> memoryview:
    if size > BODY_BYTES_MOST:
        raise OversizedPayload(f"says it inflates to {size} bytes, at most {BODY_BYTES_MOST} are taken")
    if compressed:
        try:
            # The frame's own size wins over max_output_size: a few kB can ask for gigabytes.
            if size == 0 or zstandard.frame_content_size(data) not in {-1, size}:
                raise UndecodablePayload("the zstd frame inflates to another size than the header says")
            inflated = _zstd.inflater.decompress(data, max_output_size=size, allow_extra_data=False)
            data = memoryview(inflated)
        except zstandard.ZstdError as error:
            raise UndecodablePayload(f"damaged zstd frame: {error}") from error
    if len(data) != size:
        raise UndecodablePayload(f"the body has {len(data)} bytes, the header says {size}")
    return data


class _Cursor:
    """Takes arrays from the front of a body; running off its end is an error, not a short array."""

    def __init__(self, body: memoryview) -> None:
        self._body = body
        self._at = 0

    def take(self, dtype: Any, n: int) -> NDArray[Any]:
        wanted = np.dtype(dtype).itemsize * n
        if self._at + wanted > len(self._body):
            raise UndecodablePayload(f"a column runs {self._at + wanted - len(self._body)} bytes past the end")
        array = np.frombuffer(self._body, dtype, n, self._at)
        self._at += wanted
        return array

    def align(self) -> None:
        self._at += -self._at % 8

    @property
    def at_end(self) -> bool:
        return self._at == len(self._body)


def _columns(body: memoryview, n_columns: int, count: int) -> Columns:
    cursor = _Cursor(body)
    columns = []
    left = count
    for _ in range(n_columns):
        raw_kind, n = cursor.take("<u4", 2).tolist()
        left -= n
        if left < 0:
            break
        kind = _KINDS.get(raw_kind)
        if kind is None:
            raise UndecodablePayload(f"unknown value type {raw_kind}")
        time_ns = cursor.take("<i8", n)
        value = _texts(cursor, n) if kind is ValueKind.TEXT else cursor.take(DTYPE_OF[kind], n)
        cursor.align()
        alias = cursor.take("<u4", n)
        code = cursor.take("<u2", n)
        cursor.align()
        columns.append(Column(kind, alias, time_ns, value, code))
    if left:
        raise UndecodablePayload(f"the header counts {count} samples, the columns hold another number")
    if not cursor.at_end:
        raise UndecodablePayload("bytes are left over behind the last column")
    return tuple(columns)


def _texts(cursor: _Cursor, n: int) -> NDArray[Any]:
    offsets = cursor.take("<u4", n + 1).tolist()
    cursor.align()
    if offsets[0] != 0 or any(a > b for a, b in itertools.pairwise(offsets)):
        raise UndecodablePayload("the offsets of a text column are not in order")
    data = cursor.take("u1", offsets[-1]).tobytes()
    try:
        texts = [data[a:b].decode() for a, b in itertools.pairwise(offsets)]
    except UnicodeDecodeError as error:
        raise UndecodablePayload(f"a text is not UTF-8: {error}") from error
    column = np.empty(n, object)
    column[:] = texts
    return column
