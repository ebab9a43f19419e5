"""The two that the gateway is measured against: the same requests and nothing else, with pymodbus and in C."""

import asyncio
import contextlib
import multiprocessing
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pymodbus.client import AsyncModbusTcpClient

from benchmarks.modbus_plant import BLOCKS, Plant

_SOURCE = Path(__file__).with_name("libmodbus_loop.c")

_spawn = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class Peers:
    """Both loops while they run. Without a C compiler or libmodbus there is only one, and `missing` says why."""

    pymodbus: multiprocessing.context.SpawnProcess
    libmodbus: "subprocess.Popen[bytes] | None"
    missing: str

    @property
    def pids(self) -> list[int]:
        return [self.pymodbus.pid or 0, *([self.libmodbus.pid] if self.libmodbus else [])]

    def check(self) -> None:
        """A loop that failed measures nothing."""
        if not self.pymodbus.is_alive() or (self.libmodbus and self.libmodbus.poll() is not None):
            raise RuntimeError("a bare loop failed")


@contextlib.contextmanager
def running(plant: Plant, ports: tuple[list[int], list[int]], folder: Path) -> Iterator[Peers]:
    """The loops, each on ports of its own, for as long as the context is open."""
    pymodbus = _spawn.Process(target=_pymodbus, args=(plant, ports[0]), daemon=True)
    pymodbus.start()
    libmodbus, missing = None, _why_not(folder / "libmodbus_loop")
    if not missing:
        blocks = ",".join(f"{address}:{count}" for address, count in BLOCKS)
        command = [str(folder / "libmodbus_loop"), str(round(plant.period_s * 1000)), blocks, *map(str, ports[1])]
        libmodbus = subprocess.Popen(command)
    try:
        yield Peers(pymodbus, libmodbus, missing)
    finally:
        pymodbus.kill()
        if libmodbus:
            libmodbus.kill()
            libmodbus.wait()


def _pymodbus(plant: Plant, ports: list[int]) -> None:
    asyncio.run(_loops(plant, ports))


async def _loops(plant: Plant, ports: list[int]) -> None:
    async with asyncio.TaskGroup() as tasks:
        for place, port in enumerate(ports):
            tasks.create_task(_loop(port, plant.period_s, place * plant.period_s / len(ports)))


async def _loop(port: int, period_s: float, phase_s: float) -> None:
    client = AsyncModbusTcpClient("127.0.0.1", port=port)
    await client.connect()
    loop = asyncio.get_running_loop()
    due_s = loop.time() + phase_s
    while True:
        await asyncio.sleep(max(0.0, due_s - loop.time()))
        due_s += period_s
        for address, count in BLOCKS:
            answer = await client.read_holding_registers(address, count=count, device_id=1)
            if answer.isError():
                raise RuntimeError(f"{port}: {answer}")


def _why_not(program: Path) -> str:
    """Build the C loop; what is missing when that fails, nothing when it is there."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if not compiler or not shutil.which("pkg-config"):
        return "no C compiler or no pkg-config: apt-get install gcc pkg-config"
    flags = _done(["pkg-config", "--cflags", "--libs", "libmodbus"])
    if flags.returncode:
        return "no libmodbus: apt-get install libmodbus-dev"
    done = _done([compiler, "-O2", "-o", str(program), str(_SOURCE), *flags.stdout.split()])
    return f"{_SOURCE.name} does not compile: {done.stderr.strip()[-200:]}" if done.returncode else ""


def _done(command: list[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, check=False)
