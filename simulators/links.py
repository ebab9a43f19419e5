"""What stands between a machine and its readers: servers that go down with their machine's power, lines that are cut.

levels of the faults ──follow──► power_cycle: server closed, open again; communication_loss: machine silent
                            └──► truth: "stop" and "start" of every machine that this concerns
"""

import asyncio
from collections.abc import Mapping
from typing import Protocol

import structlog

from protocols.sample import Value
from runtime.logs import Outage
from runtime.retry import backoff_s
from simulators import ServerDown
from simulators.faults import Fault, Levels
from simulators.plant import MachineSettings
from simulators.truth import TruthFile

log = structlog.get_logger()


class PlantServer(Protocol):
    """A server of machines, whatever it speaks."""

    host: str
    port: int

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def show(self, slug: str, values: Mapping[str, Value], time_ns: int) -> None: ...

    async def silence(self, slug: str, *, silent: bool) -> None: ...


class Link:
    """One server and its machines, as the faults of the moment leave them."""

    def __init__(self, server: PlantServer, machines: tuple[MachineSettings, ...], truth: TruthFile | None) -> None:
        self.server = server
        self.machines = machines
        self._truth = truth
        self._open = False
        self._silent: set[str] = set()
        self._move: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Begin to serve.

        Raises:
            ServerDown: the port cannot be had.
        """
        await self.server.open()
        self._open = True
        self._tell(*(machine.slug for machine in self.machines), answers=True)

    async def close(self) -> None:
        """Serve no more."""
        if self._open:
            self._open = False
            self._tell(*(machine.slug for machine in self.machines), answers=False)
        await self.server.close()

    async def follow(self, levels: Mapping[str, Levels], tasks: asyncio.TaskGroup) -> None:
        """Be as the faults of this tick demand. A server takes its time to go down and up; the plant goes on."""
        for slug, present in levels.items():
            silent = Fault.COMMUNICATION_LOSS in present
            if silent is not (slug in self._silent):
                (self._silent.add if silent else self._silent.discard)(slug)
                await self.server.silence(slug, silent=silent)
                self._tell(slug, answers=not silent)
        powered = not any(Fault.POWER_CYCLE in present for present in levels.values())
        if powered is not self._open and (self._move is None or self._move.done()):
            self._move = tasks.create_task(self._reopen() if powered else self.close())

    async def _reopen(self) -> None:
        """Listen again; somebody may have taken the port meanwhile, so insist."""
        outage = Outage(log, f"port {self.server.port} of the simulated plant")
        for pause_s in backoff_s():
            try:
                await self.open()
                outage.up()
                return
            except ServerDown as error:
                outage.down(error)
                await asyncio.sleep(pause_s)

    def _tell(self, *machines: str, answers: bool) -> None:
        for slug in machines if self._truth else ():
            if self._truth:
                (self._truth.started if answers else self._truth.stopped)(slug)
