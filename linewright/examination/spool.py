"""The spool: may it be written, has the disk the room, how full is it, and how long an outage it still takes.

Of a running gateway the file is only looked at, past SQLite's locks (immutable): it is never kept waiting. What is in
the log at that moment is not seen, some megabytes at most.
"""

import contextlib
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge_gateway.settings import SpoolSettings
from linewright.examination.finding import Finding, State
from linewright.examination.running import Running
from runtime.clock import NS_PER_S

_LOOK_WITHIN_S = 5.0
_STEPS = 10_000
_FULL = 0.8
_OUTAGE_HOURS_LEAST = 24
_HOUR_S = 3600
_UNSENT = """
SELECT count(*), coalesce(sum(samples), 0), min(first_ns) FROM batch
WHERE NOT EXISTS (SELECT 1 FROM receipted WHERE batch.id BETWEEN first_id AND last_id)
"""
_PACE = """
SELECT coalesce(sum(length(body)), 0), max(last_ns) - min(last_ns) FROM batch
WHERE last_ns > (SELECT max(last_ns) FROM batch) - 3600 * 1000000000
"""


@dataclass(frozen=True, slots=True)
class Content:
    """What is in the file: samples without a receipt, age of the oldest, and how fast the last hour filled it."""

    unsent: int
    oldest_s: float
    bytes_per_s: float


def findings(settings: SpoolSettings, running: Running) -> Iterator[Finding]:
    """Everything about it, the worst things first."""
    path, what = settings.path.absolute(), "spool"
    if trouble := _unwritable(path):
        yield Finding(what, *trouble)
        return
    used = size(path)
    yield _disk(path, settings.max_bytes, used)
    try:
        content = look(path) if path.exists() else None
    except sqlite3.Error as error:
        yield _unseen(path, running, error)
        content = None
    yield from _fill(settings, used, content, running)
    yield from _set_aside(path)


def size(path: Path) -> int:
    """What the spool and the files that belong to it take, its reserve included."""
    total = 0
    for suffix in ("", "-wal", "-shm", "-reserve"):
        with contextlib.suppress(FileNotFoundError):
            total += path.with_name(path.name + suffix).stat().st_size
    return total


def look(path: Path) -> Content:
    """Read the file as it is now. Raises sqlite3.Error when it is damaged, or was being written at this moment."""
    with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as file:
        give_up_s = time.monotonic() + _LOOK_WITHIN_S
        file.set_progress_handler(lambda: time.monotonic() > give_up_s, _STEPS)
        if not file.execute("SELECT 1 FROM sqlite_schema WHERE name = 'batch'").fetchone():
            return Content(0, 0, 0)  # all of it is still in the log
        _, unsent, first_ns = file.execute(_UNSENT).fetchone()
        held, span_ns = file.execute(_PACE).fetchone()
    oldest_s = max(0.0, time.time() - first_ns / NS_PER_S) if first_ns else 0.0
    return Content(unsent, oldest_s, held * NS_PER_S / span_ns if span_ns else 0.0)


def _unwritable(path: Path) -> tuple[State, str, str] | None:
    folder = path.parent
    try:
        missing = not folder.is_dir()
        path.exists()
    except PermissionError:
        return "warn", f"{path} may not be looked at by this account", "run it with sudo"
    if missing:
        return "fail", f"there is no folder {folder}", "make it, or correct path in [spool]; systemd: StateDirectory="
    try:
        read_only = bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
    except OSError as error:
        return "fail", f"{folder}: {error.strerror}", "check the disk"
    if read_only:
        return "fail", f"the disk of {folder} is read-only", "check it: dmesg; then mount it writable"
    if not os.access(folder, os.W_OK | os.X_OK) or (path.exists() and not os.access(path, os.W_OK)):
        return "warn", f"{path} may not be written by this account", "is it the gateway's account? else: sudo"
    return None


def _disk(path: Path, most: int, used: int) -> Finding:
    free, wanted = shutil.disk_usage(path.parent).free, max(0, most - used)
    told = f"{path}: {_bytes(free)} free on its disk, it may grow by {_bytes(wanted)}"
    if free > wanted:
        return Finding("spool", "ok", told)
    return Finding("spool", "warn", told, "lower max_bytes, or put it on a larger disk: the disk will be full first")


def _unseen(path: Path, running: Running, error: sqlite3.Error) -> Finding:
    if running.up:
        return Finding("spool content", "ok", f"just being written ({error})")
    way_out = "the next start of the gateway saves what is whole and sets the file aside"
    return Finding("spool content", "warn", f"{path.name} cannot be read: {error}", way_out)


def _fill(settings: SpoolSettings, used: int, content: Content | None, running: Running) -> Iterator[Finding]:
    taken, oldest_s = running.metric("spool_bytes"), running.metric("oldest_open_age_seconds")
    part = min((used if taken is None else taken) / settings.max_bytes, 1.0)
    told = f"{part:.0%} of max_bytes = {_bytes(settings.max_bytes)}"
    if oldest_s is None and content:
        oldest_s = content.oldest_s
    if oldest_s:
        told += f", the oldest sample without a receipt is {_age(oldest_s)} old"
    if oldest_s and part > _FULL:
        way_out = "bring the broker back, or raise max_bytes: when it is full, the oldest samples are given up"
        yield Finding("spool fill", "fail", told, way_out)
    elif used:
        yield Finding("spool fill", "ok", told)
    if content and content.bytes_per_s:
        yield _outage(settings.max_bytes, content.bytes_per_s)


def _outage(most: int, bytes_per_s: float) -> Finding:
    hours = most / bytes_per_s / _HOUR_S
    told = f"an empty spool takes {_age(hours * _HOUR_S)} without a broker, at the last hour's {_bytes(bytes_per_s)}/s"
    if hours >= _OUTAGE_HOURS_LEAST:
        return Finding("spool outage", "ok", told)
    return Finding("spool outage", "warn", told, "raise max_bytes, or report less: docs/how-to/shape-data.md")


def _set_aside(path: Path) -> Iterator[Finding]:
    for aside in sorted(path.parent.glob(f"{path.name}.*")):
        if aside.suffix.startswith((".damaged", ".replaced")) and not aside.name.endswith(("-wal", "-shm")):
            told = f"{aside.name} was set aside, {_bytes(aside.stat().st_size)}; what was whole in it is kept"
            yield Finding("spool damage", "warn", told, f"check the disk (smartctl, dmesg), then `rm {aside}*`")


def _bytes(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def _age(seconds: float) -> str:
    for unit, length in (("days", 2 * 86_400), ("h", 2 * _HOUR_S), ("min", 120)):
        if seconds >= length:
            return f"{seconds / {'days': 86_400, 'h': _HOUR_S, 'min': 60}[unit]:.0f} {unit}"
    return f"{seconds:.0f} s"
