"""The embedded server: for root and for everybody, in closed folders, after every kind of violent end."""

import multiprocessing
import os
import pwd
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psycopg
import pytest

from database import DatabaseError, EmbeddedServerMissing, binaries
from database.embedded import EmbeddedPostgres, delete_database, start_database

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can hand a server to another account")

# Starts a server, writes a row, says so and waits to be killed. `%s` may take away the order to die with the parent.
CHILD = """
import sys, time
from pathlib import Path
import psycopg, database.cluster
%s
from database.embedded import EmbeddedPostgres
with EmbeddedPostgres(Path(sys.argv[1])) as server:
    with psycopg.connect(server.dsn("owner")) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept VALUES (42)")
    print(server.pid, flush=True)
    time.sleep(100)
"""
IMMORTAL = "database.cluster.die_with_parent = lambda number: None"


@pytest.fixture
def folder(open_folder, request):
    made = open_folder / f"embedded-{abs(hash(request.node.name)) % 100000}"
    made.mkdir()
    yield made
    shutil.rmtree(made)


def start_child(folder: Path, patch: str = "") -> tuple[subprocess.Popen, int]:
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD % patch, str(folder / "pg")],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )
    with child.stdout:
        return child, int(child.stdout.readline())


def wait_for_end(pidfd: int, patience_s: float) -> bool:
    return bool(select.select([pidfd], [], [], patience_s)[0])


def fail_in_background(connection: psycopg.Connection, query: str) -> threading.Thread:
    """Run a query that the server's end will cut short."""

    def run() -> None:
        with pytest.raises(psycopg.Error):
            connection.execute(query)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def wait_until_active(folder: Path, backend_pid: int) -> None:
    query = "SELECT FROM pg_stat_activity WHERE pid = %s AND state = 'active'"
    deadline = time.monotonic() + 5
    with psycopg.connect(EmbeddedPostgres(folder / "pg").dsn("owner"), autocommit=True) as connection:
        while not connection.execute(query, [backend_pid]).rowcount:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def kept_rows(dsn: str) -> list[tuple]:
    with psycopg.connect(dsn) as connection:
        return connection.execute("SELECT n FROM kept").fetchall()


def test_it_starts_migrated_with_logins_and_stops_in_time(folder):
    with start_database(folder / "pg") as server:
        for role in ("lw_ingest", "lw_worker", "lw_app"):
            with psycopg.connect(server.dsn(role)) as connection:
                assert connection.execute("SELECT current_user").fetchone() == (role,)
        with psycopg.connect(server.dsn("owner")) as connection:
            settings = dict(connection.execute("SELECT name, setting FROM pg_settings").fetchall())
            stored = connection.execute("SELECT rolpassword FROM pg_authid WHERE rolcanlogin").fetchall()
        started = time.monotonic()
    assert time.monotonic() - started < 3
    assert (settings["fsync"], settings["synchronous_commit"], settings["listen_addresses"]) == ("on", "on", "")
    assert (settings["server_encoding"], settings["TimeZone"]) == ("UTF8", "UTC")
    assert all(text.startswith("SCRAM-SHA-256$") for (text,) in stored)


def test_it_stops_in_time_with_a_busy_client(folder):
    with EmbeddedPostgres(folder / "pg") as server:
        connection = psycopg.connect(server.dsn("owner"))
        busy = fail_in_background(connection, "SELECT pg_sleep(60)")
        started = time.monotonic()
    assert time.monotonic() - started < 3
    busy.join(5)
    connection.close()


def test_a_wrong_password_is_refused_and_secrets_are_ours_alone(folder):
    with EmbeddedPostgres(folder / "pg") as server:
        wrong = server.dsn("owner").replace(server.password("owner"), "wrong")
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(wrong)
        modes = {path.stat().st_mode & 0o777 for path in (folder / "secrets").iterdir()}
        assert modes == {0o600}
        assert server.data_dir.stat().st_mode & 0o777 == 0o700


def test_a_long_or_odd_path_gets_its_socket_elsewhere(folder):
    with EmbeddedPostgres(folder / ("a, b" * 10) / ("x" * 80) / "pg") as server:
        with psycopg.connect(server.dsn("owner")) as connection:
            connection.execute("SELECT 1")
        socket_dir = Path(psycopg.conninfo.conninfo_to_dict(server.dsn("owner"))["host"])
    assert not socket_dir.exists()


def test_a_folder_in_use_is_refused(folder):
    with EmbeddedPostgres(folder / "pg"), pytest.raises(DatabaseError, match="in use"):
        EmbeddedPostgres(folder / "pg").__enter__()


def test_a_folder_of_something_else_is_left_alone(folder):
    (folder / "pg").mkdir()
    (folder / "pg" / "thesis.txt").write_text("ten years of work")
    with pytest.raises(DatabaseError, match="neither empty"):
        EmbeddedPostgres(folder / "pg").__enter__()
    assert (folder / "pg" / "thesis.txt").read_text() == "ten years of work"


def test_data_of_another_version_are_left_alone(folder):
    with EmbeddedPostgres(folder / "pg") as server:
        version = server.data_dir / "PG_VERSION"
    version.write_text("14\n")
    with pytest.raises(DatabaseError, match="written by PostgreSQL 14"):
        EmbeddedPostgres(folder / "pg").__enter__()


def test_data_without_their_passwords_are_left_alone(folder):
    with EmbeddedPostgres(folder / "pg"):
        pass
    shutil.rmtree(folder / "secrets")
    with pytest.raises(DatabaseError, match="passwords"):
        EmbeddedPostgres(folder / "pg").__enter__()


def test_deleting_spares_a_running_server_and_makes_room_for_a_new_one(folder):
    with EmbeddedPostgres(folder / "pg") as server:
        with psycopg.connect(server.dsn("owner")) as connection:
            connection.execute("CREATE TABLE kept (n int)")
        with pytest.raises(DatabaseError, match="in use"):
            delete_database(folder / "pg")
    delete_database(folder / "pg")
    delete_database(folder / "never" / "was")
    with EmbeddedPostgres(folder / "pg") as server, psycopg.connect(server.dsn("owner")) as connection:
        assert connection.execute("SELECT to_regclass('kept')").fetchone() == (None,)


def test_no_programs_is_told_with_the_way_out(monkeypatch):
    monkeypatch.setattr(binaries.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(binaries.shutil, "which", lambda name: None)
    monkeypatch.setattr(binaries, "_DEBIAN_PROGRAMS", Path("/nowhere"))
    with pytest.raises(EmbeddedServerMissing, match="LINEWRIGHT_DATABASE__DSN"):
        binaries.find_programs()


def test_killing_the_parent_ends_the_server_and_loses_nothing(folder):
    child, server = start_child(folder)
    watched = os.pidfd_open(server)
    child.kill()
    child.wait()
    assert wait_for_end(watched, 3)
    with EmbeddedPostgres(folder / "pg") as again:
        assert kept_rows(again.dsn("owner")) == [(42,)]


def test_a_server_that_outlived_its_parent_is_stopped_first(folder):
    child, server = start_child(folder, IMMORTAL)
    watched = os.pidfd_open(server)
    child.kill()
    child.wait()
    assert not wait_for_end(watched, 0.3)
    with EmbeddedPostgres(folder / "pg") as again:
        assert wait_for_end(watched, 0)
        assert kept_rows(again.dsn("owner")) == [(42,)]


def test_a_killed_postmaster_recovers_even_while_a_backend_computes_on(folder):
    child, server = start_child(folder)
    connection = psycopg.connect(EmbeddedPostgres(folder / "pg").dsn("owner"))
    busy = fail_in_background(connection, "DO $$ BEGIN LOOP END LOOP; END $$")
    backend = os.pidfd_open(connection.info.backend_pid)
    wait_until_active(folder, connection.info.backend_pid)
    os.kill(server, signal.SIGKILL)
    assert not wait_for_end(backend, 0.3)
    child.kill()
    child.wait()
    with EmbeddedPostgres(folder / "pg") as again:
        assert kept_rows(again.dsn("owner")) == [(42,)]
    assert wait_for_end(backend, 0)
    busy.join(5)
    connection.close()


def test_the_mark_of_a_dead_server_whose_number_is_taken_does_no_harm(folder):
    with EmbeddedPostgres(folder / "pg") as server:
        mark = server.data_dir / "postmaster.pid"
        lines = mark.read_text().splitlines()
    mark.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    shutil.copystat(server.data_dir / "PG_VERSION", mark)
    with EmbeddedPostgres(folder / "pg") as server, psycopg.connect(server.dsn("owner")) as connection:
        connection.execute("SELECT 1")


@as_root
def test_an_ordinary_user_needs_no_other_account(folder):
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)

    def run() -> None:
        os.setgroups([])
        os.setgid(nobody.pw_gid)
        os.setuid(nobody.pw_uid)
        with start_database(folder / "pg") as server, psycopg.connect(server.dsn("lw_app")) as connection:
            connection.execute("SELECT 1")

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    process.join(30)
    assert process.exitcode == 0
    assert (folder / "pg").stat().st_uid == nobody.pw_uid
    with EmbeddedPostgres(folder / "pg") as server:  # root later hands the same data to their owner
        assert Path(f"/proc/{server.pid}").stat().st_uid == nobody.pw_uid


@as_root
def test_a_closed_folder_stays_closed_and_data_and_programs_stand_elsewhere(folder, monkeypatch):
    monkeypatch.setattr(binaries, "_REACHABLE_ROOT", folder / "reachable")
    programs = binaries.find_programs()
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    for tree in programs.tree:
        shutil.copytree(tree, closed / tree.name)
    hidden = binaries.Programs(
        closed / programs.bin.relative_to(Path(os.path.commonpath(programs.tree))),
        programs.major,
        tuple(closed / tree.name for tree in programs.tree),
    )
    monkeypatch.setattr("database.embedded.find_programs", lambda: hidden)
    for _ in range(2):
        with start_database(closed / "deep" / "pg") as server, psycopg.connect(server.dsn("lw_app")) as connection:
            connection.execute("SELECT 1")
            assert server.data_dir.is_relative_to(folder / "reachable")
            assert str(folder / "reachable") in Path(f"/proc/{server.pid}/cmdline").read_text()
    assert closed.stat().st_mode & 0o777 == 0o700
    shutil.rmtree(closed / "deep")  # who removes the folder means the data too
    with EmbeddedPostgres(closed / "deep" / "pg") as server, psycopg.connect(server.dsn("owner")) as connection:
        assert connection.execute("SELECT to_regnamespace('registry')").fetchone() == (None,)
