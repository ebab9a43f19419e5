"""Keeps the line to the broker: made anew with back-off whenever it breaks.

Uplink.run ──connect──► Session (see session.py) ──MqttError──► told once, pause, connect again
"""

import asyncio
from functools import partial

import aiomqtt
import structlog

from edge_gateway import metrics
from edge_gateway.broker_line import connected, knock, publish
from edge_gateway.uplink import state
from edge_gateway.uplink.session import Outbox, Session
from protocols.broker import BrokerSettings
from protocols.topics import Up
from runtime.logs import Outage
from runtime.retry import backoff_s

log = structlog.get_logger()

_RECONNECT_MOST_S = 5.0


class Uplink:
    """The gateway's line to its broker."""

    def __init__(self, broker: BrokerSettings, outbox: Outbox) -> None:
        self._broker = broker
        self._outbox = outbox
        self._outage = Outage(log, "broker")

    async def run(self) -> None:
        """Deliver for ever. A broker that is absent or goes away is tried again, and told once."""
        address = self._outbox.address
        topic = address.up(Up.STATE)
        will = aiomqtt.Will(topic, state.OFFLINE, qos=1, retain=True)
        farewell = partial(publish, topic=topic, payload=state.OFFLINE, qos=1, retain=True)
        pause = backoff_s(most_s=_RECONNECT_MOST_S)
        while True:
            try:
                await knock(self._broker)
                async with connected(self._broker, f"lw-{address.tenant}-{address.gateway}", will, farewell) as client:
                    pause = backoff_s(most_s=_RECONNECT_MOST_S)
                    await self._session(client)
            except* aiomqtt.MqttError as group:
                cause = group.exceptions[0]
                self._outage.down(cause, "check [broker] in the configuration; samples wait in the spool")
            await asyncio.sleep(next(pause))

    async def _session(self, client: aiomqtt.Client) -> None:
        self._outage.up()
        metrics.CONNECTED.set(1)
        try:
            await Session(client, self._outbox).run()
        finally:
            metrics.CONNECTED.set(0)
