"""How much memory payloads take at most, by the kernel's own count, and payloads made to take as much as they can.

    reset the peak (clear_refs) ──► feed ──► VmHWM - VmRSS before = what the worst of them took

The count is of the whole process, so it holds what numpy, zstd, protobuf and the JSON parser allocate, which
tracemalloc does not see. One reset may stand for many payloads: the figure is then an upper bound for each of them.
"""

import ctypes
import gc
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from protocols.sample import Column, ValueKind
from protocols.wire import catalog, columnar, json_samples, receipt
from protocols.wire.columnar import BODY_BYTES_MOST, PAYLOAD_BYTES_MOST, SAMPLES_MOST
from tests.fuzz.decoder_targets import DATA_TOPIC, header

Heavy = dict[str, Callable[[], bytes]]

MIB = 1 << 20
_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_libc = ctypes.CDLL(None)


class Peak:
    """The most that was taken between two resets."""

    def __init__(self) -> None:
        self.most_mb = 0.0
        self.reset()

    def reset(self) -> None:
        gc.collect()
        _libc.malloc_trim(0)  # else a payload would be hidden in what the one before it left
        _CLEAR.write_text("5", encoding="ascii")
        self._before_mb = _status_mb("VmRSS")

    def take(self) -> float:
        """What was taken since the reset, in MB."""
        taken_mb = _status_mb("VmHWM") - self._before_mb
        self.most_mb = max(self.most_mb, taken_mb)
        return taken_mb


def _status_mb(field: str) -> float:
    lines = _STATUS.read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) * 1024 / 1e6


def measured(feed: Callable[[bytes], None], payload: bytes) -> float:
    """MB that one payload took."""
    peak = Peak()
    feed(payload)
    return peak.take()


def heavy_payloads(target: str) -> Heavy:
    """The worst that a target can be given, by the name of what is wrong with it."""
    on_data = f"{DATA_TOPIC}\n".encode()
    makers: dict[str, Heavy] = {
        "columnar": _columnar(),
        "decode": _behind(on_data, _columnar() | _json(json_samples.PAYLOAD_BYTES_MOST)),
        "json_samples": _json(json_samples.PAYLOAD_BYTES_MOST),
        "catalog": _json(catalog.BOUNDS.bytes_most),
        "receipt": _json(receipt.BOUNDS.bytes_most),
        "mapping": _behind(b"v1/gateway/telemetry\n", _json(MIB)),
        "sparkplug": _sparkplug(PAYLOAD_BYTES_MOST),
    }
    return makers.get(target, {})


def _behind(prefix: bytes, heavy: Heavy) -> Heavy:
    return {name: partial(_prefixed, prefix, make) for name, make in heavy.items()}


def _prefixed(prefix: bytes, make: Callable[[], bytes]) -> bytes:
    return prefix + make()


def equal_samples(kind: ValueKind, n: int) -> bytes:
    """So many of them, in a few kB."""
    value = np.full(n, "", object) if kind is ValueKind.TEXT else np.zeros(n)
    column = Column(kind, np.zeros(n, np.uint32), np.zeros(n, np.int64), value, np.zeros(n, np.uint16))
    return columnar.encode(header(n), (column,), compress=True)


def _columnar() -> Heavy:
    text = np.array(["x" * (BODY_BYTES_MOST - 100)], object)
    one = Column(ValueKind.TEXT, np.zeros(1, np.uint32), np.zeros(1, np.int64), text, np.zeros(1, np.uint16))
    return {
        "as many numbers as may be": lambda: equal_samples(ValueKind.FLOAT, SAMPLES_MOST),
        "as many texts as may be": lambda: equal_samples(ValueKind.TEXT, SAMPLES_MOST),
        "more texts": lambda: equal_samples(ValueKind.TEXT, 4 * SAMPLES_MOST),
        "one long text": lambda: columnar.encode(header(1), (one,), compress=True),
        "too large": lambda: bytes(PAYLOAD_BYTES_MOST + 1),
    }


# What JSON can be made of: head, what is repeated, tail.
_RUN = b'{"run":"12345678123456781234567812345678","credit":1,'
_REPEATED = {
    "lists": (b"[", b"[]", b"]"),
    "objects": (b"[", b"{}", b"]"),
    "small objects": (b"[", b'{"a":0}', b"]"),
    "floats": (b"[", b"1.5", b"]"),
    "words": (b"[", b'"ab"', b"]"),
    "large numbers": (b"[", b"9" * 4000, b"]"),
    "many samples": (b"[", b'{"ts":1,"values":{"a":1}}', b"]"),
    "empty tags": (b'{"revision":1,"tags":[', b"{}", b"]}"),
    "tags": (b'{"revision":1,"tags":[', b'{"alias":1,"machine":"a","tag":"b","kind":"int"}', b"]}"),
    "ranges": (_RUN + b'"committed":[', b"[1,2]", b"]}"),
    "wrong ranges": (_RUN + b'"committed":[', b"[1]", b"]}"),
    "metrics": (b'{"metrics":[', b'{"fields":{"a":1},"name":"n","timestamp":1}', b"]}"),
}
# The same with a name of its own for each.
_NAMED = {
    "samples of lists": (b'{"ts":1,"values":{', b"[]", b"}}"),
    "samples": (b'{"ts":1,"values":{', b"0", b"}}"),
    "rejections": (_RUN + b'"committed":[],"rejected":{', b"1", b"}}"),
    "devices": (b"{", b"[{}]", b"}"),
}


def _json(most: int) -> Heavy:
    return {
        **{name: partial(_repeated, parts, most) for name, parts in _REPEATED.items()},
        **{name: partial(_named, parts, most) for name, parts in _NAMED.items()},
        "deep": lambda: b"[" * 190 + b"]" * 190,
        "far too deep": lambda: b"[" * most,
        "long text": lambda: b'"' + b"x" * (most - 2) + b'"',
    }


def _repeated(parts: tuple[bytes, bytes, bytes], most: int) -> bytes:
    head, unit, tail = parts
    return head + b",".join([unit] * ((most - len(head) - len(tail)) // (len(unit) + 1))) + tail


def _named(parts: tuple[bytes, bytes, bytes], most: int) -> bytes:
    head, unit, tail = parts
    n = (most - len(head) - len(tail)) // (len(unit) + 10)
    return head + b",".join(b'"%d":%b' % (10**5 + number, unit) for number in range(n)) + tail


def _sparkplug(most: int) -> Heavy:
    units = {
        "empty metrics": b"\x12\x00",
        "metrics": b"\x12\x04\x0a\x02ab",
        "groups": b"\x13\x14",
        "nested": b"\x12\x02",
    }
    return {name: partial(bytes.__mul__, unit, most // len(unit)) for name, unit in units.items()}
