"""Children get ready, are started again, are stopped in order, and leave nothing behind."""

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

import pytest

from linewright.children import Child, ChildFailed, running

READY = "from runtime.process import tell_systemd; tell_systemd('READY=1')"


def child(tmp_path, body, name="toy"):
    return Child(name, [sys.executable, "-c", body], {"PYTHONPATH": str(Path.cwd())}, tmp_path / f"{name}.log")


def alive(pid):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    return False


async def until(condition, within_s=60.0):
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.01)


async def test_ready_means_the_child_said_so(tmp_path):
    async with running(child(tmp_path, f"import time; time.sleep(.3); {READY}; time.sleep(60)")) as toy:
        pid = toy.pid
        assert alive(pid)
    assert not alive(pid)


async def test_a_killed_child_is_started_again(tmp_path):
    async with running(child(tmp_path, f"import time; {READY}; time.sleep(60)")) as toy:
        first = toy.pid
        os.kill(first, signal.SIGKILL)
        await until(lambda: toy.pid not in (None, first) and toy.ready.is_set())
        assert toy.restarts == 1


async def test_a_child_that_never_starts_is_told_with_the_end_of_its_log(tmp_path):
    toy = child(tmp_path, "import sys; sys.exit('config.toml:3: no such thing')")
    with pytest.raises(ChildFailed, match=r"config\.toml:3: no such thing"):
        async with running(toy):
            pass


async def test_a_child_that_ignores_the_order_to_stop_is_killed_with_its_own_children(tmp_path):
    body = (
        "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "inner = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        f"print(inner.pid, flush=True); {READY}; time.sleep(60)"
    )
    async with running(child(tmp_path, body)) as toy:
        await until(lambda: toy.log_path.stat().st_size > 0)
        inner = int(toy.log_path.read_text())
        assert alive(inner)
    await until(lambda: not alive(inner))


async def test_a_large_log_makes_way(tmp_path):
    (tmp_path / "toy.log").write_bytes(bytes(17 << 20))
    async with running(child(tmp_path, f"import time; {READY}; time.sleep(60)")):
        assert (tmp_path / "toy.log").stat().st_size == 0
    assert (tmp_path / "toy.old.log").exists()
