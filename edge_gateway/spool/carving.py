"""Reads rows out of a damaged SQLite file page by page, trusting nothing that leads from one page to the other.

    database, log ──► page images ──► leaf pages of tables ──► cells ──overflow pages──► records ──► (rowid, values)

A lost root page, a broken index of pages or a damaged log costs no row whose own bytes are whole. What comes out may be
damaged or long deleted: whoever asks has to check it. Formats: sqlite.org/fileformat2.html, sections 1.6, 2.1 and 4.
"""

import mmap
import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Buffer = bytes | mmap.mmap
Value = int | str | bytes | None

_LEAF = 0x0D
_WAL_HEADER, _FRAME_HEADER = 32, 24
_INT_BYTES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
_FIXED: dict[int, Value] = {0: None, 8: 0, 9: 1}
_RECORD_BYTES_MOST = 16 << 20


class Record(NamedTuple):
    """One row as its bytes say."""

    rowid: int
    values: tuple[Value, ...]


class BrokenCell(ValueError):
    """These bytes are no row."""


class Frame(NamedTuple):
    """One page image in a log; `ends`: it is the last of its transaction; `sure`: its checksum is right."""

    page: int
    offset: int
    ends: bool
    sure: bool


def frames(log: bytes, page_bytes: int) -> list[Frame]:
    """The frames of the log's present generation, as far as that can be told, wherever they stand."""
    step = _FRAME_HEADER + page_bytes
    count = max(len(log) - _WAL_HEADER, 0) // step
    if not count:
        return []
    rows = np.frombuffer(log, np.uint8, count * step, _WAL_HEADER).reshape(count, step)
    sure = _checked(log, rows)
    generation = log[16:24] if _is_header(log) else log[_WAL_HEADER + 8 : _WAL_HEADER + 16]
    found = []
    for number in range(count):
        start = _WAL_HEADER + number * step
        page, size, generation_here = struct.unpack_from(">II8s", log, start)
        if generation_here == generation and page:
            found.append(Frame(page, start + _FRAME_HEADER, size > 0, bool(sure[number])))
    return found


def _words(log: bytes) -> np.dtype[np.uint32]:
    """The byte order of the checksums is that of the machine which wrote the log."""
    return np.dtype(">u4" if log[3] == 0x83 else "<u4")


def _checksums(words: NDArray[np.uint32], seeds: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Of many rows at once; a frame's goes on from that of the frame before."""
    first, second = seeds.astype(np.uint32).T.copy()
    for low, high in zip(words.T[::2], words.T[1::2], strict=True):
        first += low.astype(np.uint32) + second
        second += high.astype(np.uint32) + first
    return np.stack([first, second], axis=1)


def _is_header(log: bytes) -> bool:
    words = np.frombuffer(log, _words(log), 6).reshape(1, 6)
    told = np.frombuffer(log, ">u4", 2, 24).reshape(1, 2)
    return bool((_checksums(words, np.zeros((1, 2), np.uint32)) == told).all())


def _checked(log: bytes, rows: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Whose checksum is right, each by what the one before says, so that one damaged frame does not hide the others."""
    told = np.ascontiguousarray(rows[:, 16:24]).view(">u4")
    before = np.concatenate([np.frombuffer(log, ">u4", 2, 24).reshape(1, 2), told[:-1]])
    summed = np.concatenate([rows[:, :8], rows[:, _FRAME_HEADER:]], axis=1)
    right: NDArray[np.bool_] = (_checksums(summed.view(_words(log)), before) == told).all(axis=1)
    return right


def ends_beyond(log: bytes, page_bytes: int, frames_read: int) -> int:
    """How many transactions end in the log behind the frames that SQLite has read."""
    end = _WAL_HEADER + frames_read * (_FRAME_HEADER + page_bytes)
    return sum(frame.ends and frame.offset > end for frame in frames(log, page_bytes))


class Pages:
    """The pages of a database, some of them replaced by images of its log, the newest of each."""

    def __init__(self, database: Buffer, page_bytes: int, log: bytes, images: Iterable[Frame]) -> None:
        self._database = memoryview(database)
        self._log = memoryview(log)
        self.page_bytes = page_bytes
        self._in_log = {frame.page: frame.offset for frame in images}
        self._last = len(self._database) // page_bytes

    def numbers(self) -> Iterator[int]:
        """Of the pages that there are: a damaged log can name any."""
        yield from range(2, self._last + 1)
        yield from (number for number in self._in_log if number > self._last)

    def _is_there(self, number: int) -> bool:
        return 0 < number <= self._last or number in self._in_log

    def page(self, number: int) -> memoryview:
        if number in self._in_log:
            return self._log[self._in_log[number] :][: self.page_bytes]
        return self._database[(number - 1) * self.page_bytes :][: self.page_bytes]

    def records(self) -> Iterator[Record]:
        """Every row that can be put together; pages that are free for certain are passed over."""
        free = self._free()
        for number in self.numbers():
            page = self.page(number)
            if page[0] == _LEAF and number not in free:
                yield from self._cells(page)

    def _free(self) -> set[int]:
        """What the list of free pages names, if it names as many as the head of the file says."""
        found: set[int] = set()
        trunk, total = struct.unpack_from(">2I", self.page(1), 32) if self._is_there(1) else (0, 0)
        while self._is_there(trunk) and trunk not in found:
            found.add(trunk)
            trunk, count, *leaves = struct.unpack_from(f">{self.page_bytes // 4}I", self.page(trunk))
            found.update(leaves[: min(count, len(leaves))])
        return found if len(found) == total else set()

    def _cells(self, page: memoryview) -> Iterator[Record]:
        count = min(int.from_bytes(page[3:5], "big"), (self.page_bytes - 8) // 2)
        for offset in struct.unpack_from(f">{count}H", page, 8):
            try:
                yield self._record(page, offset)
            except (BrokenCell, IndexError, struct.error, UnicodeDecodeError):
                continue

    def _record(self, page: memoryview, offset: int) -> Record:
        size, at = _varint(page, offset)
        rowid, at = _varint(page, at)
        if not 0 < size <= _RECORD_BYTES_MOST:
            raise BrokenCell(f"{size} bytes")
        return Record(rowid, tuple(_values(self._payload(page, at, size))))

    def _payload(self, page: memoryview, at: int, size: int) -> bytes:
        """What stands in the cell, and then along the chain of overflow pages."""
        local = self._local_bytes(size)
        parts = [bytes(page[at : at + local])]
        next_ = int.from_bytes(page[at + local : at + local + 4], "big") if local < size else 0
        left = size - local
        while left > 0:
            if not self._is_there(next_):
                raise BrokenCell(f"overflow page {next_}")
            page = self.page(next_)
            parts.append(bytes(page[4 : 4 + left]))
            next_, left = int.from_bytes(page[:4], "big"), left - (self.page_bytes - 4)
        return b"".join(parts)

    def _local_bytes(self, size: int) -> int:
        most, least = self.page_bytes - 35, (self.page_bytes - 12) * 32 // 255 - 23
        if size <= most:
            return size
        local = least + (size - least) % (self.page_bytes - 4)
        return local if local <= most else least


def _varint(data: memoryview | bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(8):
        byte = data[at + place]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + place + 1
    return value << 8 | data[at + 8], at + 9


def _values(record: bytes) -> Iterator[Value]:
    end, at = _varint(record, 0)
    body = end
    while at < end:
        kind, at = _varint(record, at)
        value, body = _value(record, kind, body)
        yield value


def _value(record: bytes, kind: int, at: int) -> tuple[Value, int]:
    if kind in _FIXED:
        return _FIXED[kind], at
    size = _INT_BYTES.get(kind, (kind - 12) // 2)
    data = record[at : at + size]
    if size < 0 or len(data) < size:
        raise BrokenCell(f"a value of kind {kind} runs off the end")
    if kind in _INT_BYTES:
        return int.from_bytes(data, "big", signed=True), at + size
    return (data.decode() if kind % 2 else data), at + size


def carve(database: Buffer, log: bytes, page_bytes: int) -> Iterator[Record]:
    """Every row, with all of the log, with what is sure of it, and without it: what is damaged in one of them may be
    whole in the other. Most rows come more than once.
    """
    images = frames(log, page_bytes)
    yield from Pages(database, page_bytes, log, images).records()
    if images:
        yield from Pages(database, page_bytes, log, [frame for frame in images if frame.sure]).records()
        yield from Pages(database, page_bytes, log, ()).records()
