"""PostgreSQL on this machine without installing a server: started from packaged programs, dies with this process.

    data_dir ──initdb once──► postgres child ──unix socket, scram passwords──► dsn(role)

No TCP port is opened. Passwords are random and stand in `secrets/` beside the data folder, readable by its owner
only. A server left over by a killed parent is stopped first; a folder in use by a living parent is refused.
"""

import contextlib
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
import structlog
from psycopg.conninfo import make_conninfo

from database import DatabaseError, DatabaseUnavailable
from database.binaries import choose_account, find_programs, places_of, within_reach
from database.cluster import hold, initialise, log_file, socket_folder, spawn, stop_leftover
from database.migrate import migrate
from database.roles import LOGINS, enable_logins

log = structlog.get_logger()

OWNER = "lw_owner"
DATABASE = "linewright"

_START_S = 60.0
_STOP_S = 2.0


class EmbeddedPostgres:
    """A server on `data_dir` for as long as the context is open.

    Enter it on the main thread: the kernel ties the server's life to the thread that started it.
    """

    def __init__(self, data_dir: Path) -> None:
        self._wanted_dir = data_dir.resolve()
        self._secrets_dir = self._wanted_dir.with_name("secrets")
        self._data_dir = self._socket_dir = self._wanted_dir
        self._process: subprocess.Popen[bytes] | None = None
        self._opened = contextlib.ExitStack()

    @property
    def pid(self) -> int:
        """Process id of the postmaster."""
        if self._process is None:
            raise DatabaseError("the embedded server is not running; enter its context first")
        return self._process.pid

    @property
    def data_dir(self) -> Path:
        """Where the data really are: elsewhere than asked when the server's account cannot enter that place."""
        return self._data_dir

    def dsn(self, role: str, dbname: str = DATABASE) -> str:
        """Connection string of `owner`, `lw_ingest`, `lw_worker` or `lw_app`."""
        user = OWNER if role == "owner" else role
        password = self.password(role)
        return make_conninfo(host=str(self._socket_dir), port=5432, user=user, password=password, dbname=dbname)

    def password(self, role: str) -> str:
        """The role's password, made when first asked for."""
        path = self._secrets_dir / f"postgres-{role}"
        if not path.exists() or not path.stat().st_size:
            self._secrets_dir.mkdir(mode=0o700, exist_ok=True)
            path.touch(mode=0o600)
            path.write_text(secrets.token_urlsafe(24), encoding="ascii")
        return path.read_text(encoding="ascii")

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as opened:
            self._wanted_dir.parent.mkdir(parents=True, exist_ok=True)
            opened.enter_context(hold(self._wanted_dir.with_name(f"{self._wanted_dir.name}.lock")))
            account = choose_account(self._wanted_dir)
            self._data_dir, programs = within_reach(self._wanted_dir, find_programs(), account)
            stop_leftover(self._data_dir)
            self._refuse_lost_password()
            initialise(self._data_dir, programs, account, OWNER, self.password("owner"))
            self._socket_dir = opened.enter_context(socket_folder(self._data_dir, account))
            opened.callback(self._stop)
            self._process = spawn(self._data_dir, self._socket_dir, programs, account)
            self._wait_until_ready(self._process)
            self._opened = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()

    def _refuse_lost_password(self) -> None:
        """Data whose passwords are gone: of a folder that was removed (its data stood elsewhere), or a mistake."""
        if (self._secrets_dir / "postgres-owner").exists() or not (self._data_dir / "PG_VERSION").exists():
            return
        if self._data_dir == self._wanted_dir:
            raise DatabaseError(f"{self._data_dir} is there, but its passwords are not; put {self._secrets_dir} back")
        aside = self._data_dir.with_name(f"{self._data_dir.name}.{time.time_ns()}")
        log.warning("data of a removed folder set aside", removed=str(self._wanted_dir), data=str(aside))
        self._data_dir.rename(aside)

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_S
        while True:
            try:
                _create_database(self.dsn("owner", "postgres"))
            except psycopg.OperationalError as error:
                if process.poll() is not None:
                    words = log_file(self._data_dir).read_text(encoding="utf-8", errors="replace")
                    raise DatabaseUnavailable(f"PostgreSQL stopped while starting:\n{words[-2000:]}") from error
                if time.monotonic() > deadline:
                    raise DatabaseUnavailable(f"PostgreSQL did not answer in {_START_S:.0f} s: {error}") from error
            else:
                return
            time.sleep(0.02)

    def _stop(self) -> None:
        """Fast shutdown; what does not finish in time is ended hard, the write-ahead log repairs it."""
        process, self._process = self._process, None
        if process is None:
            return
        for number, patience_s in ((signal.SIGINT, _STOP_S), (signal.SIGQUIT, 0.5), (signal.SIGKILL, None)):
            process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(patience_s)
                return


@contextlib.contextmanager
def start_database(data_dir: Path) -> Iterator[EmbeddedPostgres]:
    """An embedded server, migrated, with logins for all services; what `up` and the tests stand on."""
    with EmbeddedPostgres(data_dir) as server:
        migrate(server.dsn("owner"))
        enable_logins(server.dsn("owner"), {role: server.password(role) for role in LOGINS})
        yield server


def delete_database(data_dir: Path) -> None:
    """Delete a server's data, wherever they stand.

    Raises:
        DatabaseError: the server is running.
    """
    wanted = data_dir.resolve()
    if not wanted.parent.exists():
        return
    with hold(wanted.with_name(f"{wanted.name}.lock")):
        for place in places_of(wanted):
            stop_leftover(place)
            shutil.rmtree(place, ignore_errors=True)


def _create_database(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True, connect_timeout=5) as connection:
        if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).rowcount:
            connection.execute(f'CREATE DATABASE "{DATABASE}"')
