"""A floor box of the model: the product's own spool file and delivery, without pollers, threads and network.

    measure ──► SpoolFile (SQLite) ──► Delivery ──take──► payloads        receipts ──hear──► Delivery ──► SpoolFile

Its disk can be copied at any moment and put back, into it or into another box; so can the whole running machine.
"""

import copy
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from edge_gateway.keep import Group, Keep
from edge_gateway.spool.connection import beside
from edge_gateway.spool.file import Commit
from edge_gateway.spool.salvage import open_spool_file
from edge_gateway.uplink.delivery import BatchKey, Change, Delivery, ForgetPolicy, Pace
from edge_gateway.uplink.ranges import Ranges
from protocols.wire import columnar
from protocols.wire.receipt import Receipt
from runtime.clock import NS_PER_S, ClockState
from tests.edge_gateway.gateway_parts import floats
from tests.edge_gateway.spool_parts import keys

SMALL = Pace(window=12)
KEEP_S = 86_400.0
_BYTES = 1 << 20
_FILES = ("", "-wal")

Disk = dict[str, bytes]


class Sent(NamedTuple):
    """A batch on its way."""

    key: BatchKey
    payload: bytes


class FloorBox:
    """One machine; `start` makes its process. `held` names what is on its disk."""

    def __init__(self, path: Path, forget: ForgetPolicy | None) -> None:
        self.path = path
        self._forget = forget
        self._changes: list[Change] = []

    # Its process

    def start(self, run: UUID, now_s: float) -> None:
        """A new process on the disk as it is."""
        self.spool, opened = open_spool_file(self.path, _BYTES, KEEP_S, thin=False)
        assert opened.set_aside is None
        self.spool.begin_runs({Keep.NORMAL: run}, 1, b"{}", _ns(now_s))
        self.delivery = Delivery(SMALL, self._forget, lambda low, high: (low + high) / 2)
        for held in opened.runs:
            self.delivery.hold(held.run, held.open, held.receipted)
        self.delivery.begin([run], now_s)
        self.run, self._changes, self.told_credit = run, [], 64

    def stop(self, now_s: float, *, crash: bool) -> None:
        """In order, or as by a power cut: then what is only in memory is lost."""
        if crash:
            disk = self.disk()
            self.spool.close()
            self.put_in(disk)
        else:
            self._write([], now_s)
            self.spool.close(_ns(now_s))

    # Its disk

    def disk(self) -> Disk:
        """As it is at this moment."""
        return {suffix: file.read_bytes() for suffix in _FILES if (file := beside(self.path, suffix)).exists()}

    def put_in(self, disk: Disk) -> None:
        """While no process runs."""
        for suffix in _FILES:
            beside(self.path, suffix).unlink(missing_ok=True)
        for suffix, content in disk.items():
            beside(self.path, suffix).write_bytes(content)

    def snapshot(self, path: Path) -> "FloorBox":
        """The running machine once more, with its memory: it goes on in the same run with the same next number."""
        twin = FloorBox(path, self._forget)
        twin.put_in(self.disk())
        twin.spool, _ = open_spool_file(path, _BYTES, KEEP_S, thin=False)
        for run in copy.deepcopy(self.spool._runs.current).values():
            twin.spool._runs.use({run.keep: run})
        for name in ("_newly", "_lost", "_saved_ns"):
            setattr(twin.spool._receipts, name, copy.deepcopy(getattr(self.spool._receipts, name)))
        twin.delivery = copy.deepcopy(self.delivery)
        twin.run, twin._changes, twin.told_credit = self.run, list(self._changes), self.told_credit
        return twin

    # What it does

    def measure(self, values: list[float], now_s: float) -> None:
        """Each value becomes a batch, committed before anybody hears of it."""
        self._write([Group(Keep.NORMAL, floats([0], [value])) for value in values], now_s)

    def _write(self, groups: list[Group], now_s: float) -> None:
        written = self.spool.write(Commit(groups, self._changes, _ns(now_s), ClockState.SYNCED))
        self._changes = []
        for key in written.gone:
            self.delivery.gone(key.run, [(key.seq, key.seq)])
        for key in written.keys:
            self.delivery.add(key)

    def send(self, now_s: float, most: int) -> list[Sent]:
        """What the delivery wants to be published now."""
        wanted = self.delivery.take(now_s, most)
        payloads = self.spool.load(wanted)
        assert None not in payloads
        return [Sent(key, payload) for key, payload in zip(wanted, payloads, strict=True) if payload]

    def puback(self, key: BatchKey) -> None:
        if self.delivery.acknowledged(key):
            self._changes.append(Change(key.run, Ranges([(key.seq, key.seq)]), Ranges()))

    def hear(self, receipt: Receipt, now_s: float) -> dict[BatchKey, float]:
        """The batches that this receipt lets us forget one day, and their samples."""
        change = self.delivery.receipted(receipt, now_s)
        if change.receipted or change.reopened:
            self._changes.append(change)
        if receipt.run in self.delivery._runs:
            self.told_credit = max(1, receipt.credit)
        numbers = [BatchKey(change.run, seq) for low, high in change.receipted for seq in range(low, high + 1)]
        return self._values(numbers)

    # What it holds

    def held(self) -> dict[BatchKey, float]:
        """Every batch on its disk and the sample in it."""
        return self._values(keys(self.spool.held()))

    def _values(self, wanted: list[BatchKey]) -> dict[BatchKey, float]:
        payloads = zip(wanted, self.spool.load(wanted), strict=True)
        return {key: float(columnar.decode(payload).columns[0].value[0]) for key, payload in payloads if payload}


def _ns(now_s: float) -> int:
    return round(now_s * NS_PER_S)
