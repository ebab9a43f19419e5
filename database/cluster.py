"""A PostgreSQL data folder: held by one process, initialised once, cleared of what an earlier run left over, started.

    hold ──► stop_leftover ──► initialise ──► spawn

The server listens on a unix socket only and ends when this process ends.
"""

import contextlib
import fcntl
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import structlog

from database import DatabaseError, DatabaseUnavailable
from database.binaries import Programs
from runtime.account import Account
from runtime.process import die_with_parent

log = structlog.get_logger()

_SOCKET_NAME = ".s.PGSQL.5432"
_SOCKET_PATH_BYTES_MOST = 107  # sun_path of unix(7), less the closing zero
# A box with 2 cores and 4 GB that also runs everything else. Durability keeps its defaults: fsync, synchronous_commit.
_OPTIONS = {
    "port": "5432",
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "80",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "min_wal_size": "128MB",
    "checkpoint_timeout": "15min",
    "wal_compression": "on",
    "recovery_init_sync_method": "syncfs",  # after a power cut, one call instead of a thousand
    "jit": "off",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # The asker is told its errors; a file beside the data would grow without end.
    "log_min_messages": "log",
    "log_checkpoints": "off",
}


@contextlib.contextmanager
def hold(lock: Path) -> Iterator[None]:
    """Keep a data folder for this process; the kernel lets go of it however the process ends.

    Raises:
        DatabaseError: another process holds it.
    """
    with lock.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise DatabaseError(
                f"{lock.with_suffix('')} is in use by another running Linewright; stop that one or name another folder"
            ) from error
        yield


def stop_leftover(data_dir: Path) -> None:
    """End a server whose parent was killed before it could stop it, or what a killed server left running.

    Raises:
        DatabaseUnavailable: it does not stop.
    """
    mark = data_dir / "postmaster.pid"
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        left = _processes_in(data_dir)
        if not left:
            # The numbers in them may meanwhile be another program's, which PostgreSQL would take for a running server.
            for stale in (mark, data_dir / f"{_SOCKET_NAME}.lock"):
                stale.unlink(missing_ok=True)
            return
        log.info("stopping a database server left over by an earlier run", processes=left)
        postmaster = _first_number(mark)
        for pid in [postmaster] if postmaster in left else left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        _wait_while_running(data_dir)
    raise DatabaseUnavailable(f"the database server left over in {data_dir} does not stop; end it and start again")


def _processes_in(data_dir: Path) -> list[int]:
    """PostgreSQL's processes of this folder: each works inside it, and backends outlive a killed postmaster a while."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile, or it is none of our business
            if (process / "cwd").readlink() == data_dir and b"postgres" in (process / "cmdline").read_bytes():
                found.append(int(process.name))
    return found


def _first_number(mark: Path) -> int:
    try:
        return int(mark.read_text(encoding="utf-8").split("\n")[0])
    except (FileNotFoundError, ValueError):
        return 0


def _wait_while_running(data_dir: Path, patience_s: float = 5.0) -> None:
    deadline = time.monotonic() + patience_s
    while _processes_in(data_dir) and time.monotonic() < deadline:
        time.sleep(0.02)


def initialise(data_dir: Path, programs: Programs, account: Account, user: str, password: str) -> None:
    """Make the folder if it is not there yet; superuser `user`, scram for everybody, UTF-8.

    Raises:
        DatabaseError: the folder holds something else, or another version's data.
    """
    try:
        found = (data_dir / "PG_VERSION").read_text(encoding="ascii").strip()
    except FileNotFoundError:
        _initialise_beside(data_dir, programs, account, user, password)
        return
    except PermissionError as error:
        raise DatabaseError(f"{data_dir} belongs to another user; run as that one or name another folder") from error
    if found != str(programs.major):
        raise DatabaseError(
            f"{data_dir} was written by PostgreSQL {found}, the programs found in {programs.bin} are {programs.major}; "
            f"install PostgreSQL {found}, or move the data with pg_dump"
        )


def _initialise_beside(data_dir: Path, programs: Programs, account: Account, user: str, password: str) -> None:
    """A folder appears under its name only when it is complete, so that a power cut leaves none half made."""
    if data_dir.exists() and any(data_dir.iterdir()):
        raise DatabaseError(f"{data_dir} is neither empty nor a PostgreSQL folder; name another one")
    half = data_dir.with_name(f"{data_dir.name}.new")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(mode=0o700)
    with tempfile.NamedTemporaryFile("w", encoding="ascii") as secret:
        secret.write(password)
        secret.flush()
        account.take(half)
        account.take(Path(secret.name))
        told = _initdb(half, programs, account, [f"--username={user}", f"--pwfile={secret.name}"])
    if told:
        raise DatabaseError(f"initdb failed in {half}:\n{told}")
    half.replace(data_dir)


def _initdb(folder: Path, programs: Programs, account: Account, options: list[str]) -> str:
    told = ""
    for locale in ("C.UTF-8", "C"):  # not every C library has C.UTF-8
        command = [str(programs.bin / "initdb"), "-D", str(folder), "-E", "UTF8", "-A", "scram-sha-256", *options]
        done = subprocess.run(  # noqa: S603
            [*command, f"--locale={locale}"],
            capture_output=True,
            check=False,
            text=True,
            cwd="/",
            env=_environment(),
            **account.become(),
        )
        if done.returncode == 0:
            return ""
        told = done.stderr
    return told


@contextlib.contextmanager
def socket_folder(data_dir: Path, account: Account) -> Iterator[Path]:
    """Where the socket stands: in the data folder, or in a short-lived one when that path is too long or too odd."""
    short = len(os.fsencode(data_dir / _SOCKET_NAME)) <= _SOCKET_PATH_BYTES_MOST
    if short and re.fullmatch(r"[\w./-]+", str(data_dir)):
        yield data_dir
        return
    with tempfile.TemporaryDirectory(prefix="lw-") as folder:
        account.take(Path(folder))
        yield Path(folder)


def spawn(data_dir: Path, socket_dir: Path, programs: Programs, account: Account) -> subprocess.Popen[bytes]:
    """Start the server; it shuts down fast (SIGINT) when this process goes away, however it goes."""
    command: list[str | Path] = [programs.bin / "postgres", "-D", data_dir, "-k", socket_dir]
    for name, value in _OPTIONS.items():
        command += ["-c", f"{name}={value}"]
    with log_file(data_dir).open("wb") as told:
        return subprocess.Popen(  # noqa: S603
            command,
            stdin=subprocess.DEVNULL,
            stdout=told,
            stderr=told,
            cwd="/",
            env=_environment(),
            start_new_session=True,  # Ctrl-C in the terminal is for us: we close our connections first
            preexec_fn=partial(die_with_parent, signal.SIGINT),  # noqa: PLW1509
            **account.become(),
        )


def log_file(data_dir: Path) -> Path:
    """What the server said since it was started."""
    return data_dir / "server.log"


def _environment() -> dict[str, str]:
    """Ours without PGPORT, PGDATA and the like, which would speak over the command line."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}
