"""Stop is cancellation; a failing task is started again; health answers; logs keep secrets."""

import asyncio
import json
import os
import select
import signal
import socket
import subprocess
import sys
import textwrap
import urllib.error
import urllib.request

import pytest

from runtime.health import check, serve_health
from runtime.logs import Outage, blot_secrets
from runtime.process import supervise, tell_systemd
from runtime.retry import backoff_s


def run_script(body, **environ):
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(body)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environ},
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_unwinds_context_managers_and_exits_with_zero(number):
    child = run_script("""
        import asyncio
        from runtime.process import run
        async def main():
            try:
                print("up", flush=True)
                await asyncio.sleep(60)
            finally:
                print("closed", flush=True)
        run(main())
    """)
    assert child.stdout.readline() == "up\n"
    child.send_signal(number)
    assert child.communicate(timeout=10)[0] == "closed\n"
    assert child.returncode == 0


async def test_a_supervised_task_that_fails_while_it_is_stopped_stops_all_the_same():
    begun, restarts = asyncio.Event(), []

    async def work():
        try:
            begun.set()
            await asyncio.sleep(60)
        finally:
            raise OSError("could not be closed")

    task = asyncio.create_task(supervise("stubborn", work, lambda: restarts.append(1)))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 2)
    assert not restarts


def test_a_child_dies_with_its_parent():
    parent = run_script("""
        import subprocess, sys, time
        from runtime.process import die_with_parent
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], preexec_fn=die_with_parent)
        print(child.pid, flush=True)
        time.sleep(60)
    """)
    pid = int(parent.stdout.readline())
    watched = os.pidfd_open(pid)
    parent.kill()
    parent.communicate()
    assert select.select([watched], [], [], 10)[0], "the child outlived its parent"
    os.close(watched)


async def test_a_failing_task_is_started_again_and_counted():
    starts, restarts = [], []

    async def work():
        starts.append(1)
        if len(starts) < 3:
            raise ValueError("broken")
        await asyncio.sleep(60)

    async with asyncio.timeout(10):
        task = asyncio.create_task(supervise("work", work, lambda: restarts.append(1)))
        while len(starts) < 3:
            await asyncio.sleep(0.01)
    task.cancel()
    assert len(restarts) == 2


async def test_health_tells_what_fails_and_serves_metrics():
    well = {"spool": True}

    def get(port, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    spool = check(lambda: well["spool"], "disk full", "free some space")
    async with serve_health(0, {"spool": spool}, {"/tags": lambda: [{"tag": "x"}]}) as port:
        assert (await asyncio.to_thread(get, port, "/healthz"))[0] == 200
        well["spool"] = False
        status, body = await asyncio.to_thread(get, port, "/healthz")
        assert status == 503
        assert json.loads(body) == {
            "status": "failing",
            "failing": ["spool"],
            "troubles": [{"check": "spool", "cause": "disk full", "way_out": "free some space"}],
        }
        assert json.loads((await asyncio.to_thread(get, port, "/tags"))[1]) == [{"tag": "x"}]
        assert "python_info" in (await asyncio.to_thread(get, port, "/metrics"))[1]
        assert (await asyncio.to_thread(get, port, "/etc/passwd"))[0] == 404


def test_systemd_is_told(monkeypatch, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(tmp_path / "n"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "n"))
        tell_systemd("READY=1")
        assert line.recv(100) == b"READY=1"
        for _ in range(1000):  # nobody listens: the line is full soon, and must not stop us
            tell_systemd("WATCHDOG=1")
        assert line.recv(100) == b"WATCHDOG=1"


def test_secrets_do_not_reach_the_log():
    event = blot_secrets(None, "info", {"password": "a", "dsn": "postgresql://u:geheim@h/d", "n": 1})
    assert event == {"password": "***", "dsn": "postgresql://u:***@h/d", "n": 1}


def test_an_outage_is_told_once_each_way():
    told = []

    class Log:
        def warning(self, text, **_):
            told.append(text)

        info = warning

    outage = Outage(Log(), "broker")
    for _ in range(5):
        outage.down("refused")
    for _ in range(5):
        outage.up()
    assert told == ["broker lost, trying again", "broker back"]
    for _ in range(5):  # a flapping line is told once a minute ...
        outage.down("refused")
        assert outage.lasting_s > 0
        outage.up()
        assert outage.lasting_s == 0
    assert len(told) == 2
    outage = Outage(Log(), "broker", quiet_s=0.0)
    for _ in range(2):  # ... the control: without the quiet time each is told
        outage.down("refused")
        outage.up()
    assert len(told) == 6


def test_waiting_times_grow_to_a_ceiling_and_are_never_zero():
    pauses = backoff_s(first_s=0.1, most_s=1.0)
    drawn = [next(pauses) for _ in range(200)]
    assert all(0.01 <= pause <= 1.0 for pause in drawn)
    assert max(drawn[:2]) <= 0.2
    assert max(drawn[10:]) > 0.5
