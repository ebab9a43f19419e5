"""The same damage on a real line between a real server and the driver: does the data come back, how soon, how often?

asyncua server ──► MutatingLink: the next armed answer is damaged ──► OpcuaDriver ──► every value compared
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from asyncua import ua

from protocols.sample import GOOD, Sample
from runtime.ports import free_ports
from tests.fuzz.opcua_damage import damaged
from tests.fuzz.opcua_line import CONFIGURED, TYPES, shown
from tests.protocols.link import Link, link_to
from tests.protocols.opcua_rig import URI, Listener, OpcuaServer, device, make, opcua_server

TAGS = 12
RECOVERY_MOST_S = 5.0
_WRITE_S = 0.02
_GIVE_UP_S = 30.0
_HEAD = 8


class MutatingLink(Link):
    """Cuts what the server says into chunks and damages one when told."""

    rng = random.Random(1)

    def __init__(self, target_port: int) -> None:
        super().__init__(target_port)
        self.hurt = 0
        self._countdown = -1

    def arm(self) -> None:
        """One of the next answers is damaged."""
        self._countdown = self.rng.randrange(12)

    async def _forward(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, heard: bytearray) -> None:
        if heard is self.asked:
            await super()._forward(source, sink, heard)
            return
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await source.readexactly(_HEAD)
                chunk = head + await source.readexactly(int.from_bytes(head[4:], "little") - _HEAD)
                sink.write(b"".join(self._changed(chunk)))
                await sink.drain()
        sink.close()

    def _changed(self, chunk: bytes) -> list[bytes]:
        self._countdown -= 1
        if self._countdown != -1:
            return [chunk]
        self.hurt += 1
        return damaged(chunk, self.rng)


class Plant:
    """The server and what each tag has ever shown."""

    def __init__(self, server: OpcuaServer) -> None:
        self._server = server
        self.turn = 0
        self.ever: list[set[Any]] = [set() for _ in range(TAGS)]

    async def open(self) -> None:
        for tag in range(TAGS):
            self.ever[tag].add(shown(tag, 0))
            await self._server.add(f"n{tag}", shown(tag, 0), ua.VariantType[TYPES[tag]])

    async def run(self) -> None:
        """Every tag changes all the time."""
        while True:
            self.turn += 1
            for tag in range(TAGS):
                value = shown(tag, self.turn)
                self.ever[tag].add(value)
                data = ua.DataValue(ua.Variant(value, ua.VariantType[TYPES[tag]]), None, datetime.now(UTC))
                await self._server.server.write_attribute_value(ua.NodeId(f"n{tag}", self._server.index), data)
            await asyncio.sleep(_WRITE_S)


async def live(account: Any, rng: random.Random, answers: int) -> None:
    """Damage so many answers one by one; each time wait until every tag is good and fresh again."""
    if not answers:
        return
    async with opcua_server(free_ports()[0]) as server:
        plant = Plant(server)
        await plant.open()
        await server.start()
        async with link_to(server.port, MutatingLink) as link:
            link.rng = rng
            tags = [{"tag": f"t{n}", "node": f"nsu={URI};s=n{n}", "type": CONFIGURED[n]} for n in range(TAGS)]
            driver = make(device(link.port, tags, silence_s=0.8, timeout_s=0.5))
            writing = asyncio.create_task(plant.run())
            listener = Listener(driver, range(TAGS), forever=True)
            try:
                await _storm(account, plant, link, listener, answers)
            finally:
                writing.cancel()
                await listener.stop()
                await driver.close()


async def _storm(account: Any, plant: Plant, link: MutatingLink, listener: Listener, answers: int) -> None:
    await _fresh(plant, listener)
    for turn in range(answers):
        link.arm()
        if link.rng.random() < 0.3:  # then it is one of the answers that open a session
            link.cut()
            link.mend()
        await _until(lambda wanted=turn: link.hurt > wanted)
        begun_s = time.monotonic()
        await _fresh(plant, listener)
        took_s = time.monotonic() - begun_s
        account.slowest_recovery_s = max(account.slowest_recovery_s, round(took_s, 2))
        account.slow_recoveries += took_s > RECOVERY_MOST_S
        for sample in listener.heard:
            _judge(account, plant, sample)
        listener.heard.clear()
    account.live_answers = link.hurt


async def _fresh(plant: Plant, listener: Listener) -> None:
    """Until every tag has told, as GOOD, something that it shows only from now on."""
    turn, seen = plant.turn, len(listener.heard)
    waiting = set(range(TAGS))

    def all_told() -> bool:
        nonlocal seen
        now = {tag: [shown(tag, later) for later in range(turn + 1, plant.turn + 1)] for tag in waiting}
        for sample in listener.heard[seen:]:
            tag = int(sample.tag)
            if tag in waiting and sample.code == GOOD and sample.value in now[tag]:
                waiting.discard(tag)
        seen = len(listener.heard)
        return not waiting

    await _until(all_told)


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(_GIVE_UP_S):
        while not condition():
            await asyncio.sleep(0.005)


def _judge(account: Any, plant: Plant, sample: Sample) -> None:
    if sample.code != GOOD:
        account.not_good += 1
    elif sample.value in plant.ever[int(sample.tag)]:
        account.good += 1
    else:
        account.wrong += 1
        account.fault(f"live: tag {sample.tag} is said to be {sample.value!r}")
