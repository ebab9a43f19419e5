"""Stops taking before the database's disk is full, and takes again by itself when there is room.

    every few seconds: what is left ──low──► no group is written, so no receipt is sent: the gateways keep everything
                                    └─again enough──► on with it

A PostgreSQL that cannot write its log stops, and may need a person to start again; and the packer, which makes room,
needs some to work in. Where the data lie is asked of the database. If it is on another machine, only its size is known.
"""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import structlog

from database.pool import Connection
from database.queries import load_queries
from ingest_service import metrics
from ingest_service.settings import DiskSettings
from ingest_service.transactions import Transactions
from runtime.health import Trouble

log = structlog.get_logger()
queries = load_queries(__file__)

_LOOK_S = 5.0
_MIB = 1 << 20
_AGAIN = 1.25  # of the least: what is freed shall last for more than a moment
_WAY_OUT = "make room, or set [retention] for the packer; gateways keep everything until then"


class Room(NamedTuple):
    """What is left in one place. Below `least_bytes` nothing is taken, until `enough_bytes` are there again."""

    place: str
    left_bytes: int
    least_bytes: int
    enough_bytes: int

    def __str__(self) -> str:
        return f"{self.left_bytes // _MIB} MiB left {self.place}, at least {self.least_bytes // _MIB} MiB are wanted"


class DiskGuard:
    """Lets groups through while there is room."""

    def __init__(self, settings: DiskSettings, transactions: Transactions) -> None:
        self._settings = settings
        self._transactions = transactions
        self._roomy = asyncio.Event()
        self._roomy.set()
        self._low: Room | None = None
        self._told_blind = False

    @property
    def is_low(self) -> bool:
        return self._low is not None

    def trouble(self) -> Trouble | None:
        """For /healthz."""
        return Trouble(f"nothing is taken: {self._low}", _WAY_OUT) if self._low else None

    async def wait(self) -> None:
        """Until there is room."""
        await self._roomy.wait()

    async def run(self) -> None:
        """Look again and again."""
        while True:
            await asyncio.sleep(_LOOK_S)
            await self.look()

    async def look(self) -> None:
        """Ask the database where its data lie and how large they are, and the disk what is left."""
        size_bytes, folder = await self._transactions.until_committed(_asked)
        self.judge(await asyncio.to_thread(measure, self._settings, size_bytes, folder))

    def judge(self, rooms: list[Room]) -> None:
        """Stop or go on; each is told once."""
        if not rooms and not self._told_blind:
            self._told_blind = True
            log.warning(
                "nobody watches the database's disk",
                way_out="set disk.folder to a folder on it, or disk.database_bytes_most where it is another machine's",
            )
        for room in rooms:
            metrics.DISK_LEFT.labels(room.place).set(room.left_bytes)
        was, self._low = self._low, _lowest(rooms, was_low=self.is_low)
        metrics.DISK_LOW.set(self.is_low)
        if self._low is None:
            self._roomy.set()
        else:
            self._roomy.clear()
        if self._low and not was:
            log.error("no room for the database: nothing is taken any more", cause=str(self._low), way_out=_WAY_OUT)
        elif was and not self._low:
            log.info("room for the database again, taking what comes", left=[str(room) for room in rooms])


def measure(settings: DiskSettings, size_bytes: int, folder: Path | None) -> list[Room]:
    """What is left in every place that is known."""
    found = [_room_of(settings, place) for place in _volumes(settings.folder or folder)]
    most = settings.database_bytes_most
    if most is not None:
        found.append(Room("of disk.database_bytes_most", most - size_bytes, 0, most // 50))
    return found


def _volumes(folder: Path | None) -> Iterator[Path]:
    """The data and, where it can be seen that it is elsewhere, the write-ahead log."""
    if folder is None:
        return
    log_folder, seen = folder / "pg_wal", set()
    for place in (folder, log_folder):
        try:
            device = place.stat().st_dev
        except OSError:
            continue  # not ours to see
        if device not in seen:
            seen.add(device)
            yield place


def _room_of(settings: DiskSettings, place: Path) -> Room:
    usage = shutil.disk_usage(place)
    least = max(settings.free_least_bytes, round(usage.total * settings.free_least_percent / 100))
    return Room(f"on the disk of {place}", usage.free, least, round(least * _AGAIN))


def _lowest(rooms: list[Room], *, was_low: bool) -> Room | None:
    low = [room for room in rooms if room.left_bytes < (room.enough_bytes if was_low else room.least_bytes)]
    return min(low, key=lambda room: room.left_bytes - room.least_bytes, default=None)


async def _asked(connection: Connection) -> tuple[int, Path | None]:
    row = await (await connection.execute(queries.database_place)).fetchone()
    assert row
    return int(row[0]), Path(row[1]) if row[1] else None
