"""Serial ports, without opening them: to open one moves its lines and may disturb who uses it."""

import grp
import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from linewright.examination.finding import Finding

_RENUMBERED = re.compile(r"/dev/tty(USB|ACM)\d+")
_BY_ID = Path("/dev/serial/by-id")
_GROUP = "dialout"


def findings(port: Path, gateway_process: int) -> Iterator[Finding]:
    """Whether the gateway can open it, and whether its name will still be the same tomorrow."""
    what = f"port {port.name}"
    try:
        about = port.stat()
    except OSError as error:
        yield Finding(what, "fail", f"{port}: {error.strerror}", _others())
        return
    if not stat.S_ISCHR(about.st_mode):
        yield Finding(what, "fail", f"{port} is no serial port", _others())
        return
    users = [process for process in _users(port.resolve()) if process != gateway_process]
    if users:
        told = f"{port} is used by {', '.join(f'{_name(process)} (process {process})' for process in users)}"
        yield Finding(what, "fail", told, "end that program: two on one line spoil each other's answers")
    elif trouble := _forbidden(port, about):
        yield Finding(what, "fail", *trouble)
    elif _RENUMBERED.fullmatch(str(port)):
        told = f"{port} is free, but its number can change at the next start"
        yield Finding(what, "warn", told, f"write its lasting name: {_lasting(port) or _BY_ID}")
    else:
        yield Finding(what, "ok", f"{port} is there")


def _forbidden(port: Path, about: os.stat_result) -> tuple[str, str] | None:
    group = str(about.st_gid)
    with suppress(KeyError):
        group = grp.getgrgid(about.st_gid).gr_name
    if not os.access(port, os.R_OK | os.W_OK):
        return f"{port} belongs to the group {group}, and this account is not in it", f"sudo usermod -aG {group} $USER"
    if group != _GROUP and os.geteuid() == 0 and _GROUP in {one.gr_name for one in grp.getgrall()}:
        told = f"{port} belongs to the group {group}; the shipped unit is in {_GROUP} only"
        return told, f"SupplementaryGroups={group} in the unit, or a udev rule that gives it to {_GROUP}"
    return None


def _others() -> str:
    there = sorted(str(path) for path in _BY_ID.glob("*")) if _BY_ID.is_dir() else []
    return f"there is: {', '.join(there)}" if there else "is the adapter plugged in? ls -l /dev/serial/by-id; dmesg"


def _lasting(port: Path) -> Path | None:
    links = sorted(_BY_ID.glob("*")) if _BY_ID.is_dir() else []
    return next((link for link in links if link.resolve() == port), None)


def _users(device: Path) -> Iterator[int]:
    """Processes that have it open; of other accounts only root sees them."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if any(str(link.readlink()) == str(device) for link in (process / "fd").iterdir()):
                yield int(process.name)


def _name(process: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{process}/comm").read_text().strip()
    return "a program"
