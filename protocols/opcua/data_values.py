"""Many DataValues (Part 6, 5.2.2.17) at once as columns: the hot path of reading and of subscriptions. Pure.

    4 bytes handle (subscriptions only) │ mask │ type │ value │ status │ source time, ps │ server time, ps │ next …

Values of a fixed length, which is nearly all, are found by one look at mask and type and then gathered by numpy, all
of one layout together; texts and arrays are read one by one.
"""

import struct
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocols import UndecodablePayload
from protocols.opcua.binary import ARRAY, DOUBLE, FIXED, FLOAT, Reader, Scalar

_FIELDS = (
    (0x02, "status", "<u4"),
    (0x04, "source", "<i8"),
    (0x10, "", "<u2"),
    (0x08, "server", "<i8"),
    (0x20, "", "<u2"),
)
_COLUMNS = ("handle", "type", "status", "source", "server", "whole", "real")
_HANDLE_BYTES = 4


@dataclass(frozen=True, slots=True)
class DataValues:
    """n values as they came. `type` is the built-in type, or-ed with ARRAY; 0 = no value.

    Numbers stand in `whole` (integers, Boolean, DateTime; UInt64 as if signed) or `real`; all else in `other` by place.
    Times are 100 ns since 1601, 0 where there is none.
    """

    handle: NDArray[np.uint32]
    type: NDArray[np.uint8]
    status: NDArray[np.uint32]
    source: NDArray[np.int64]
    server: NDArray[np.int64]
    whole: NDArray[np.int64]
    real: NDArray[np.float64]
    other: dict[int, Scalar | list[Scalar]]

    def __len__(self) -> int:
        return len(self.type)

    def at(self, places: NDArray[np.int64]) -> "DataValues":
        """Only these."""
        some = empty(len(places))
        for name in _COLUMNS:
            getattr(some, name)[:] = getattr(self, name)[places]
        some.other.update((i, self.other[place]) for i, place in enumerate(places.tolist()) if place in self.other)
        return some

    def copy_from(self, source: "DataValues", places: NDArray[np.int64]) -> None:
        """Take all of `source` to these places."""
        for name in _COLUMNS:
            getattr(self, name)[places] = getattr(source, name)
        self.other.update((int(places[place]), value) for place, value in source.other.items())

    def put(self, place: int, kind: int, value: Scalar) -> None:
        """Set one value."""
        self.type[place] = kind
        if kind in (FLOAT, DOUBLE):
            self.real[place] = value
        elif kind in FIXED:
            assert isinstance(value, int)
            self.whole[place] = value if value < 1 << 63 else value - (1 << 64)
        else:
            self.other[place] = value


def empty(count: int, status: int = 0) -> DataValues:
    """So many DataValues without a value."""
    return DataValues(
        handle=np.zeros(count, np.uint32),
        type=np.zeros(count, np.uint8),
        status=np.full(count, status, np.uint32),
        source=np.zeros(count, np.int64),
        server=np.zeros(count, np.int64),
        whole=np.zeros(count, np.int64),
        real=np.zeros(count, np.float64),
        other={},
    )


def read_data_values(reader: Reader, *, handles: bool) -> DataValues:
    """An array of DataValues, or of MonitoredItemNotifications, which have a handle before each.

    Raises:
        UndecodablePayload: the bytes are no such array.
    """
    lead = _HANDLE_BYTES if handles else 0
    values = empty(reader.count(lead + 1))
    places: dict[int, list[int]] = defaultdict(list)
    starts: list[int] = []
    data = reader.data
    try:
        for place in range(len(values)):
            at = reader.at
            starts.append(at)
            mask = data[at + lead]
            layout = mask << 8 | data[at + lead + 1] if mask & 1 else mask << 8
            size = _SIZES.get(layout)
            if size is None:
                _read_one(reader, values, place, lead)
            else:
                places[layout].append(place)
                reader.at = at + lead + size
        reader.take(0)
    except IndexError as error:
        raise UndecodablePayload(f"{len(values)} values do not fit into the message") from error
    raw, begins = np.frombuffer(data, np.uint8), np.array(starts, np.int64)
    for layout, found in places.items():
        _gather(values, raw, begins, np.array(found), _record(layout, lead))
    return values


def _gather(
    values: DataValues, raw: NDArray[np.uint8], begins: NDArray[np.int64], places: NDArray[np.int64], record: Any
) -> None:
    """Copy all values of one layout into their places."""
    rows = raw[begins[places][:, None] + np.arange(record.itemsize)].view(record)[:, 0]
    for name in record.names:
        getattr(values, name)[places] = rows[name] if name != "whole" else rows[name].astype("<i8")


def _read_one(reader: Reader, values: DataValues, place: int, lead: int) -> None:
    """A text, an array, or what has no use here."""
    if lead:
        values.handle[place] = reader.u4()
    mask = reader.byte()
    if mask & 0xC0:
        raise UndecodablePayload(f"no data value begins with {mask:#x}")
    if mask & 1:
        variant = reader.variant()
        if variant.items is None:
            values.put(place, variant.type, variant.value)
        else:
            values.type[place] = variant.type | ARRAY
            values.other[place] = variant.items
    for bit, name, form in _FIELDS:
        if mask & bit:
            octets = reader.take(np.dtype(form).itemsize)
            if name:
                getattr(values, name)[place] = np.frombuffer(octets, form)[0]


def _size(mask: int, kind: int) -> int:
    value = 1 + struct.calcsize(FIXED[kind]) if mask & 1 else 0
    return 1 + value + sum(np.dtype(form).itemsize for bit, _, form in _FIELDS if mask & bit)


_SIZES = {mask << 8: _size(mask, 0) for mask in range(0, 0x40, 2)} | {
    mask << 8 | kind: _size(mask, kind) for mask in range(1, 0x40, 2) for kind in FIXED
}


@cache
def _record(layout: int, lead: int) -> Any:
    """The layout as a numpy record; its fields are named as those of DataValues."""
    mask, kind = layout >> 8, layout & 0xFF
    fields = {"handle": ("<u4", 0)} if lead else {}
    at = lead + 1
    if mask & 1:
        form = np.dtype(FIXED[kind])
        fields["type"] = ("u1", at)
        fields["real" if kind in (FLOAT, DOUBLE) else "whole"] = (form.str, at + 1)
        at += 1 + form.itemsize
    for bit, name, form_of in _FIELDS:
        if mask & bit:
            if name:
                fields[name] = (form_of, at)
            at += np.dtype(form_of).itemsize
    return np.dtype(
        {
            "names": list(fields),
            "formats": [form for form, _ in fields.values()],
            "offsets": [offset for _, offset in fields.values()],
            "itemsize": at,
        }
    )
