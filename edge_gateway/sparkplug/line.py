"""Keeps the edge node's line: one MQTT server at a time, the next one when it or the primary host on it is gone.

Line.run ──bdSeq + 1, will──► Session ──MqttError: the will is the NDEATH──► pause, next server
                                      ──HostAbsent: NDEATH, DISCONNECT ────► pause, next server
"""

import asyncio
import itertools
from collections.abc import Iterator, Sequence

import aiomqtt
import structlog

from edge_gateway import metrics
from edge_gateway.broker_line import connected, knock, publish
from edge_gateway.sparkplug.host import PrimaryHost
from edge_gateway.sparkplug.outlet import Outlet
from edge_gateway.sparkplug.session import HostAbsent, Manner, Session
from protocols.broker import BrokerSettings
from protocols.cancelling import cancel_requests
from runtime.logs import Outage
from runtime.retry import backoff_s

log = structlog.get_logger()

_RECONNECT_MOST_S = 10.0
_WAY_OUT = "check [sparkplug] in the configuration; samples wait in the spool"


class Line:
    """The edge node's line to its MQTT servers."""

    def __init__(self, servers: Sequence[BrokerSettings], outlet: Outlet, manner: Manner) -> None:
        self._servers = [(server, PrimaryHost()) for server in servers]
        self._outlet = outlet
        self._manner = manner
        self._outage = Outage(log, "Sparkplug")
        self._pause = _pauses()

    async def run(self) -> None:
        """For ever. What is absent or goes away is tried again, and told once."""
        for server, host in itertools.cycle(self._servers):
            try:
                await knock(server)
                await self._visit(server, host)
            except* aiomqtt.MqttError as group:
                self._outage.down(group.exceptions[0], _WAY_OUT)
            finally:
                metrics.SPARKPLUG_ONLINE.set(0)
            await asyncio.sleep(next(self._pause))

    async def _visit(self, server: BrokerSettings, host: PrimaryHost) -> None:
        """One CONNECT. What was sent before a loss was perhaps heard by nobody; before an orderly stop it was."""
        out, node = self._outlet, self._outlet.node
        bd_seq = await asyncio.to_thread(out.memory.next_bd_seq, out.backlog.all_sent)
        topic, payload, qos = node.connect(bd_seq)
        try:
            async with connected(server, self._identifier, aiomqtt.Will(topic, payload, qos), self._die) as client:
                await self._session(client, host)
        finally:
            node.forget()
            if not cancel_requests():
                out.backlog.doubt(out.now_s())

    async def _session(self, client: aiomqtt.Client, host: PrimaryHost) -> None:
        self._outage.up()
        self._pause = _pauses()
        try:
            await Session(client, self._outlet, host, self._manner).run()
        except* HostAbsent as group:
            self._outage.down(group.exceptions[0], "start the host; samples wait in the spool")
            await self._die(client)

    async def _die(self, client: aiomqtt.Client) -> None:
        """Nobody was told of a node that was never born."""
        if self._outlet.node.alive:
            await publish(client, *self._outlet.node.death())

    @property
    def _identifier(self) -> str:
        return f"lw-{self._manner.name.group}-{self._manner.name.edge}-sparkplug"


def _pauses() -> Iterator[float]:
    return backoff_s(most_s=_RECONNECT_MOST_S)
