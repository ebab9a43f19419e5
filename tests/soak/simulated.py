"""The far ends of a gateway under test in processes of their own: Modbus devices, and the gateway itself."""

import asyncio
import contextlib
import multiprocessing
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from benchmarks.modbus_plant import simulate


@contextlib.contextmanager
def devices(count: int) -> Iterator[list[int]]:
    """Ports of so many devices of 100 tags, for as long as the context is open."""
    spawn = multiprocessing.get_context("spawn")
    hears, tells = spawn.Pipe(duplex=False)
    simulator = spawn.Process(target=simulate, args=(tells, count, 1), daemon=True)
    simulator.start()
    try:
        yield hears.recv()
    finally:
        simulator.kill()
        simulator.join()
        simulator.close()


@contextlib.asynccontextmanager
async def gateway(config: Path) -> AsyncIterator[int]:
    """The process id of the real daemon; leaving stops it in order."""
    command = [sys.executable, "-m", "linewright", "gateway", "--config", str(config)]
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        process.terminate()
        await process.wait()
