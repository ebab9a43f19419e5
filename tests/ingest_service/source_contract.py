"""What every source must keep, whatever the broker: a subclass says how to open one and how to send to it."""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import ClassVar

from ingest_service.delivery import Message
from ingest_service.source import Source

TOPIC = "lw/1/demo/gw-1/up/data"
RECEIPT = "lw/1/demo/gw-1/down/receipt"


async def gather(source: Source, wanted: int, within_s: float = 10) -> list[Message]:
    """Take until there are `wanted`."""
    taken: list[Message] = []
    async with asyncio.timeout(within_s):
        while len(taken) < wanted:
            taken += await source.burst()
    return taken


class Rig:
    """A broker as the contract needs it; one adapter's tests implement it."""

    def open(self, name: str = "one", **limits: int) -> AbstractAsyncContextManager[Source]:
        raise NotImplementedError

    async def send(self, *payloads: bytes) -> None:
        """To TOPIC, each stored by the broker when this returns."""
        raise NotImplementedError

    async def restart(self, source: Source) -> None:
        """The broker goes away and comes back, and the source is subscribed again."""
        raise NotImplementedError

    def listen(self, topic: str) -> AbstractAsyncContextManager["asyncio.Queue[bytes]"]:
        """What is published there, as somebody else hears it."""
        raise NotImplementedError


class SourceContract:
    """Needs a fixture `rig`."""

    payloads: ClassVar = [b"%d" % number for number in range(50)]

    async def test_every_message_comes_as_it_was_sent(self, rig: Rig):
        async with rig.open() as source:
            await rig.send(*self.payloads, b"", bytes(range(256)))
            taken = await gather(source, 52)
            assert sorted(one.payload for one in taken) == sorted([*self.payloads, b"", bytes(range(256))])
            assert {one.topic for one in taken} == {TOPIC}
            assert source.connected

    async def test_a_burst_without_messages_ends_when_its_time_is_over(self, rig: Rig):
        async with rig.open() as source:
            assert await source.burst(0.05) == []
            assert source.fill == 0.0

    async def test_no_more_is_held_than_the_bound_and_acknowledging_makes_room(self, rig: Rig):
        async with rig.open(messages_most=10) as source:
            await rig.send(*self.payloads)
            held = await gather(source, 10)
            assert await source.burst(0.3) == []
            assert source.fill == 1.0
            taken = list(held)
            while len(taken) < 50:
                source.acknowledge(held)
                held = await gather(source, 1)
                taken += held
            assert sorted(one.payload for one in taken) == sorted(self.payloads)
            source.acknowledge(held)
            assert source.fill < 1.0

    async def test_bytes_are_bounded_too(self, rig: Rig):
        async with rig.open(bytes_most=5000) as source:
            await rig.send(*[bytes(3000)] * 6)
            held = await gather(source, 2)
            assert await source.burst(0.3) == []
            source.acknowledge(held)
            assert len(await gather(source, 2)) == 2

    async def test_workers_divide_the_messages(self, rig: Rig):
        async with rig.open("one") as one, rig.open("two") as two:
            await rig.send(*self.payloads)
            taken: list[Message] = []
            async with asyncio.timeout(10):
                while len(taken) < 50:
                    taken += await one.burst(0.1) + await two.burst(0.1)
            assert sorted(message.payload for message in taken) == sorted(self.payloads)

    async def test_an_acknowledgement_of_an_earlier_connection_does_nothing(self, rig: Rig):
        async with rig.open() as source:
            await rig.send(b"before")
            before = await gather(source, 1)
            await rig.restart(source)
            await rig.send(b"after")
            taken = await gather(source, 1)
            while taken[-1].payload != b"after":  # a broker that keeps them brings what was not acknowledged again
                taken += await gather(source, 1)
            source.acknowledge(before)
            source.acknowledge(taken)
            assert source.fill == 0.0

    async def test_what_is_published_arrives(self, rig: Rig):
        async with rig.open() as source, rig.listen(RECEIPT) as heard:
            assert source.publish(RECEIPT, b"receipt")
            async with asyncio.timeout(10):
                assert await heard.get() == b"receipt"

    async def test_leaving_a_full_source_takes_no_time(self, rig: Rig):
        async with asyncio.timeout(10):
            async with rig.open(messages_most=1) as source:
                await rig.send(*[b"x"] * 5)
                await gather(source, 1)
