"""A process on one page: run until told to stop, stop by cancellation, keep side tasks alive, tell systemd.

run(main) ── SIGTERM / SIGINT ──► main is cancelled ──► context managers close in reverse order ──► exit 0
"""

import asyncio
import contextlib
import ctypes
import gc
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog

from runtime.retry import backoff_s

log = structlog.get_logger()

_PR_SET_PDEATHSIG = 1
# Python's own 700 looks for dead cycles at every few messages; ours are freed by their counts.
_GC_OBJECTS = 20_000
# A quiet process would keep its dead cycles for half an hour; the young ones are looked through in a millisecond.
_GC_S = 30.0


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run `main` to its end or to the first SIGTERM or SIGINT; a second one kills at once."""
    gc.freeze()  # what the imports made lives as long as the process: no collection need look at it
    gc.set_threshold(_GC_OBJECTS)
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(_until_signal(main))


async def _until_signal(main: Coroutine[Any, Any, None]) -> None:
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(main)

    def stop(number: signal.Signals) -> None:
        task.cancel()
        loop.remove_signal_handler(number)

    def collect() -> None:
        gc.collect(0)
        loop.call_later(_GC_S, collect)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)
    collect()
    await task


async def supervise(name: str, work: Callable[[], Awaitable[None]], on_restart: Callable[[], None]) -> None:
    """Run `work` for ever: whatever it raises is logged, counted by `on_restart`, and it is started again.

    The only place with a broad `except`: a floor box has nobody to restart a dead task. `work` runs as a task of its
    own, so that what it raises while it is being stopped cannot undo the order to stop.
    """
    pause = backoff_s()
    while True:
        started = asyncio.get_running_loop().time()
        task = asyncio.ensure_future(work())
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled() and task.exception():
                log.warning("task failed while it was stopped", task=name, cause=str(task.exception()))
            raise
        try:
            task.result()
            log.warning("task ended, starting it again", task=name)
        except (Exception, asyncio.CancelledError):
            log.exception("task failed, starting it again", task=name)
        on_restart()
        if asyncio.get_running_loop().time() - started > 60:
            pause = backoff_s()
        await asyncio.sleep(next(pause))


def die_with_parent(number: int = signal.SIGTERM) -> None:
    """Ask Linux to send this process `number` when its parent dies; meant for `preexec_fn` of a child.

    Must be called from the parent's main thread: the kernel watches the thread that forked.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number)


def tell_systemd(state: str) -> None:
    """Send `READY=1`, `WATCHDOG=1`, `STOPPING=1` or `STATUS=…` to systemd; silent where there is none, and where it
    does not listen at the moment: a full line must not stop the loop.

    Source: sd_notify(3), the datagram protocol behind NOTIFY_SOCKET.
    """
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    path = "\0" + address[1:] if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as line, contextlib.suppress(OSError):
        line.sendto(state.encode(), path)


def watchdog_period_s() -> float | None:
    """Seconds between two `WATCHDOG=1`, half of what systemd allows; None without a watchdog."""
    allowed_us = os.environ.get("WATCHDOG_USEC")
    return int(allowed_us) / 2e6 if allowed_us else None
