"""Child processes of `up`: started, watched, restarted, and stopped in the reverse order.

Each child tells that it is ready by systemd's notify protocol, on an abstract socket of its own: the same line of
code serves `systemd`, containers and this supervisor. A child dies with its parent, however the parent dies.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import structlog

from linewright import LinewrightError
from runtime.process import die_with_parent
from runtime.retry import backoff_s

log = structlog.get_logger()

_LOG_BYTES_MOST = 16 << 20
_STOP_PATIENCE_S = 2.2  # two layers of children have to be gone within 5 s
_TRIES_BEFORE_READY = 3


class ChildFailed(LinewrightError):
    """A service did not get ready; the text shows the end of its log."""


@dataclass
class Child:
    """One service: what to run, where its log goes, whether it is ready."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    log_path: Path
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    hopeless: asyncio.Event = field(default_factory=asyncio.Event)
    restarts: int = 0
    pid: int | None = None

    async def run(self) -> None:
        """Keep the service running until cancelled; then stop it."""
        pause = backoff_s(first_s=0.2, most_s=5.0)
        with _ready_line(self.ready) as address:
            while True:
                code = await self._run_once(address)
                self.restarts += 1
                if self.restarts == _TRIES_BEFORE_READY:
                    self.hopeless.set()
                log.warning("service ended, starting it again", name=self.name, exit_code=code, log=str(self.log_path))
                await asyncio.sleep(next(pause))

    async def _run_once(self, notify_address: str) -> int:
        with _open_log(self.log_path) as out:
            process = await asyncio.create_subprocess_exec(
                *self.arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**os.environ, **self.environment, "NOTIFY_SOCKET": notify_address},
                # A Ctrl-C reaches `up` only; it stops its children in order.
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        self.pid = process.pid
        try:
            return await process.wait()
        finally:
            self.pid = None
            self.ready.clear()
            await _stop(process)

    def log_end(self, lines: int = 12) -> str:
        """The last lines of the service's log."""
        with contextlib.suppress(OSError):
            return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])
        return ""


def service(name: str, arguments: Sequence[str], environment: Mapping[str, str], logs: Path) -> Child:
    """A child that runs `linewright ARGUMENTS` with this very interpreter."""
    return Child(name, [sys.executable, "-m", "linewright", *arguments], environment, logs / f"{name}.log")


@contextlib.asynccontextmanager
async def running(child: Child, ready_within_s: float = 60) -> AsyncIterator[Child]:
    """Run `child` while the context is open; enters when it is ready.

    Raises:
        ChildFailed: it ended again and again, or was not ready in time.
    """
    async with _background(child.run(), child.name):
        outcomes = (child.ready, child.hopeless)
        async with contextlib.AsyncExitStack() as stack:
            waiting = [await stack.enter_async_context(_background(outcome.wait(), child.name)) for outcome in outcomes]
            await asyncio.wait(waiting, timeout=ready_within_s, return_when=asyncio.FIRST_COMPLETED)
        if not child.ready.is_set():
            raise ChildFailed(f"{child.name} does not start. The end of {child.log_path}:\n{child.log_end()}")
        yield child


@contextlib.asynccontextmanager
async def _background(work: Coroutine[Any, Any, Any], name: str) -> AsyncIterator[asyncio.Task[Any]]:
    """Run `work` beside the block; it is cancelled and waited for when the block ends."""
    task = asyncio.create_task(work, name=name)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(_STOP_PATIENCE_S):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


@contextlib.contextmanager
def _open_log(path: Path) -> Iterator[BinaryIO]:
    """Append to the log; an old one that has grown large makes way first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > _LOG_BYTES_MOST:
        path.replace(path.with_suffix(".old.log"))
    with path.open("ab") as out:
        yield out


@contextlib.contextmanager
def _ready_line(ready: asyncio.Event) -> Iterator[str]:
    """A notify socket whose `READY=1` sets the event; yields the address for NOTIFY_SOCKET."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.setblocking(False)
        line.bind("")  # Linux picks a free abstract name
        address = "@" + line.getsockname()[1:].decode()

        def listen() -> None:
            with contextlib.suppress(BlockingIOError):
                if b"READY=1" in line.recv(4096):
                    ready.set()

        loop.add_reader(line, listen)
        try:
            yield address
        finally:
            loop.remove_reader(line)
