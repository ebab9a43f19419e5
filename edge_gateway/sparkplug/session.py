"""One Sparkplug session, from subscription to loss.

subscribe NCMD, DCMD, STATE ──► wait for the primary host ──► births ──► data, history, deaths
listen: NCMD Rebirth ──► births again        STATE offline ──► HostAbsent: the line says NDEATH and goes
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import aiomqtt
import structlog

from edge_gateway import GatewayError, metrics
from edge_gateway.broker_line import publish
from edge_gateway.sparkplug import commands
from edge_gateway.sparkplug.host import PrimaryHost
from edge_gateway.sparkplug.node import Message
from edge_gateway.sparkplug.outlet import Outlet
from edge_gateway.uplink.delivery import BatchKey
from protocols.cancelling import cancel_requests, raise_forgotten
from protocols.sample import Columns
from protocols.sparkplug.topics import EdgeNode, Verb, host_of, parse, state_topic
from protocols.topics import BadTopic

log = structlog.get_logger()

_FIRST_VALUES_S = 5.0
_IDLE_S = 1.0
_REFUSALS_TOLD_MOST = 100

Say = Callable[[Columns], Iterator[Message]]


class HostAbsent(GatewayError):
    """The primary host is not, or no longer, behind this MQTT server."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How to behave, whatever the session. `host_wait_s`: how long to wait for the primary host; None: for ever.

    `refused`: what hosts wanted to write so far.
    """

    name: EdgeNode
    host: str | None
    host_wait_s: float | None
    history_pause_s: float
    refused: set[str] = field(default_factory=set)


class Session:
    """Runs until the line breaks (aiomqtt.MqttError), the host goes (HostAbsent), or it is cancelled."""

    def __init__(self, client: aiomqtt.Client, outlet: Outlet, host: PrimaryHost, manner: Manner) -> None:
        self._client = client
        self._out = outlet
        self._host = host
        self._manner = manner
        self._rebirth = False

    async def run(self) -> None:
        self._host.forget()
        for topic in self._topics():
            cancels = cancel_requests()
            await self._client.subscribe(topic, qos=1)
            raise_forgotten(cancels)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen(), name="listen")
            tasks.create_task(self._send(), name="send")

    def _topics(self) -> Iterator[str]:
        name, host = self._manner.name, self._manner.host
        yield name.topic(Verb.NCMD)
        yield f"{name.topic(Verb.NCMD).replace(Verb.NCMD, Verb.DCMD)}/+"
        if host:
            yield state_topic(host)

    # Sending

    async def _send(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FIRST_VALUES_S):
                await self._out.heard_all.wait()
        self._out.heard_all.set()
        await self._host_listens()
        async with self._out.turn:
            self._check_host()
            await self._be_born()
            while True:
                await self._step()

    @property
    def _host_is_absent(self) -> bool:
        return self._manner.host is not None and not self._host.online

    async def _host_listens(self) -> None:
        try:
            async with asyncio.timeout(self._manner.host_wait_s):
                while self._host_is_absent:
                    self._out.news.clear()
                    await self._out.news.wait()
        except TimeoutError as error:
            raise HostAbsent(f"{self._manner.host} is not online on this server") from error

    def _check_host(self) -> None:
        if self._host_is_absent:
            raise HostAbsent(f"{self._manner.host} has gone offline")

    async def _step(self) -> None:
        """Whatever is most urgent."""
        out = self._out
        out.news.clear()
        self._check_host()
        if self._rebirth:
            await self._be_born()
        elif key := out.backlog.fresh:
            await self._tell(key, out.node.take)
        elif key := out.backlog.old:
            await self._tell(key, out.node.history)
            await asyncio.sleep(self._manner.history_pause_s)
        else:
            await self._publish(out.node.bury())
            await self._publish(out.node.figures(out.figures()))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_IDLE_S):
                    await out.news.wait()

    async def _be_born(self) -> None:
        self._rebirth = False
        await self._publish(self._out.node.births(self._out.figures()))
        metrics.SPARKPLUG_ONLINE.set(1)

    async def _tell(self, key: BatchKey, say: Say) -> None:
        await self._publish(say(await self._out.load(key)))
        self._out.backlog.looked_at(key)
        self._out.backlog.sent(key, self._out.now_s())

    async def _publish(self, messages: Iterator[Message]) -> None:
        for message in messages:
            await publish(self._client, *message)
            metrics.SPARKPLUG_MESSAGES.labels(parse(message.topic).verb).inc()

    # Listening

    async def _listen(self) -> None:
        async for message in self._client.messages:
            topic, body = str(message.topic), message.payload
            if not isinstance(body, bytes):
                continue
            if self._manner.host and host_of(topic) == self._manner.host:
                self._host.told(body)
            else:
                with contextlib.suppress(BadTopic):
                    self._command(commands.read(parse(topic), body))
            self._out.news.set()

    def _command(self, asked: commands.Asked) -> None:
        self._rebirth |= asked.rebirth
        metrics.SPARKPLUG_REFUSED.inc(len(asked.refused))
        refused = self._manner.refused
        for what in asked.refused:
            if what not in refused and len(refused) < _REFUSALS_TOLD_MOST:
                refused.add(what)
                log.warning("Sparkplug write refused, machines are only read", what=what, host=self._manner.host)
