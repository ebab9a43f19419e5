"""The box itself: its disk and its clock."""

import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from edge_gateway.clock.kernel import clock_state
from linewright.examination.finding import Check, Finding, blocking
from runtime.clock import ClockState

_FREE_BYTES_LEAST = 2 << 30
_RELEASED_S = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
_DISCIPLINE = "install chrony, or give systemd-timesyncd a server of your network"


def checks(root: Path | None) -> list[Check]:
    """`root`: the folder of a server's data; None on a box that has none."""
    found = [blocking("clock", clock)]
    return [blocking("disk", partial(disk, root)), *found] if root else found


def disk(root: Path) -> Iterator[Finding]:
    """Whether a database has room to grow."""
    existing = next(folder for folder in (root, *root.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    told = f"{free / (1 << 30):.1f} GiB free for {root}"
    if free > _FREE_BYTES_LEAST:
        yield Finding("disk", "ok", told)
    else:
        yield Finding("disk", "fail", told, "free some space or move the data: linewright up --data /larger/disk")


def clock() -> Iterator[Finding]:
    """Whether the stamps of samples can be trusted."""
    now = datetime.now(UTC)
    shown = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    if time.time() < max(_RELEASED_S, Path(__file__).stat().st_mtime):
        told = f"shows {shown}, which is before this program was installed"
        yield Finding("clock", "fail", told, f"set it (`timedatectl set-time`), then {_DISCIPLINE}")
    elif (state := clock_state()) is ClockState.SYNCED:
        yield Finding("clock", "ok", f"synchronised, shows {shown}")
    elif state is ClockState.UNSYNCED:
        told = f"nothing keeps it right; it shows {shown}, every batch says so, too"
        yield Finding("clock", "warn", told, _DISCIPLINE)
    else:
        yield Finding(
            "clock", "warn", f"the kernel does not say whether it is synchronised; it shows {shown}", _DISCIPLINE
        )
