"""Where the processors' time goes: CPU seconds of each process of a site, between two looks.

broker, ingest, packer: processes of ours        fleet: every process that ended between the looks
database: backends by the name of who asked, the server's own processes together
"""

import contextlib
from collections import defaultdict
from collections.abc import Iterator

import psutil

from benchmarks.ingest_site import Site

_CLIENTS = "SELECT array_agg(pid), array_agg(application_name) FROM pg_stat_activity WHERE application_name <> ''"


class Meter:
    """Adds up; only what happens inside `running` counts. `seconds[name]` is what a process took."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        before = self._read()
        yield
        after = self._read()
        for name, took_s in after.items():
            self.seconds[name] = self.seconds.get(name, 0.0) + took_s - before.get(name, 0.0)

    def _read(self) -> dict[str, float]:
        seconds: defaultdict[str, float] = defaultdict(float)
        us = psutil.Process()
        seconds["fleet"] = us.cpu_times().children_user + us.cpu_times().children_system
        roles = {pid: name for name, pid in self._site.processes.items()}
        for child in us.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if "postgres" not in child.name():
                    seconds[roles.get(child.pid, "broker")] += _own_s(child)
        return seconds | self._of_database()

    def _of_database(self) -> dict[str, float]:
        with self._site.owner() as connection:
            row = connection.execute(_CLIENTS).fetchone()
            assert row
            named = dict(zip(row[0] or (), row[1] or (), strict=True))
            own = connection.info.backend_pid
        seconds: defaultdict[str, float] = defaultdict(float)
        with contextlib.suppress(psutil.NoSuchProcess):  # a server elsewhere
            server = psutil.Process(own).parent()
            assert server
            times = server.cpu_times()
            seconds["database"] = times.children_user + times.children_system
            for child in server.children():
                with contextlib.suppress(psutil.NoSuchProcess):
                    seconds[f"database for {named[child.pid]}" if child.pid in named else "database"] += _own_s(child)
        return seconds


def _own_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
