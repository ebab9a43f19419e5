"""Keeps the line to the broker: MQTT 3.1.1, a clean session, made anew with back-off whenever it breaks.

    Uplink.run ──connect──► Session (see session.py) ──MqttError──► told once, pause, connect again

Whatever the broker forgets, the spool still has; so nothing here asks the broker to remember.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator

import aiomqtt
import structlog

from edge_gateway import metrics
from edge_gateway.uplink import state
from edge_gateway.uplink.session import Outbox, Session
from protocols.broker import BrokerSettings
from protocols.cancelling import cancel_requests, raise_forgotten
from protocols.topics import Up
from runtime.logs import Outage
from runtime.retry import backoff_s

log = structlog.get_logger()

_KNOCK_MOST_S = 10.0
_KEEP_ALIVE_S = 20
_GOODBYE_S = 1.0
_RECONNECT_MOST_S = 10.0
_RECEIPTS_MOST = 1000
_PENDING_USUAL = 64


class Uplink:
    """The gateway's line to its broker."""

    def __init__(self, broker: BrokerSettings, outbox: Outbox) -> None:
        self._broker = broker
        self._outbox = outbox
        self._outage = Outage(log, "broker")

    async def run(self) -> None:
        """Deliver for ever. A broker that is absent or goes away is tried again, and told once."""
        pause = backoff_s(most_s=_RECONNECT_MOST_S)
        while True:
            try:
                await self._knock()
                async with self._connected() as client:
                    pause = backoff_s(most_s=_RECONNECT_MOST_S)
                    await Session(client, self._outbox).run()
            except* aiomqtt.MqttError as group:
                cause = group.exceptions[0]
                self._outage.down(cause, "check [broker] in the configuration; samples wait in the spool")
            await asyncio.sleep(next(pause))

    async def _knock(self) -> None:
        """aiomqtt connects in a thread that cannot be stopped: where nobody answers, find out in a way that can."""
        try:
            async with asyncio.timeout(_KNOCK_MOST_S):
                _, line = await asyncio.open_connection(self._broker.host, self._broker.port)
        except OSError as error:
            raise aiomqtt.MqttError(str(error) or f"no answer in {_KNOCK_MOST_S:.0f} s") from error
        line.close()

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[aiomqtt.Client]:
        client, stopping, cancels = self._client(), False, cancel_requests()
        try:
            async with client:
                raise_forgotten(cancels)
                self._outage.up()
                metrics.CONNECTED.set(1)
                try:
                    yield client
                except asyncio.CancelledError:
                    stopping = True
                    client.timeout = _GOODBYE_S
                    await self._say_goodbye(client)
                    raise
                finally:
                    metrics.CONNECTED.set(0)
        except aiomqtt.MqttError:
            if stopping:  # a goodbye that failed must not undo the order to stop
                raise asyncio.CancelledError from None
            raise

    def _client(self) -> aiomqtt.Client:
        address, broker = self._outbox.address, self._broker
        client = aiomqtt.Client(
            broker.host,
            broker.port,
            username=broker.username,
            password=broker.password.get_secret_value() if broker.password else None,
            identifier=f"lw-{address.tenant}-{address.gateway}",
            protocol=aiomqtt.ProtocolVersion.V311,
            will=aiomqtt.Will(address.up(Up.STATE), state.OFFLINE, qos=1, retain=True),
            clean_session=True,
            keepalive=_KEEP_ALIVE_S,
            max_queued_incoming_messages=_RECEIPTS_MOST,
            tls_context=self._tls_context(),
        )
        client.pending_calls_threshold = _PENDING_USUAL
        return client

    def _tls_context(self) -> ssl.SSLContext | None:
        """Of the files as they are now: a certificate may be renewed between two connections."""
        try:
            return self._broker.tls_context()
        except OSError as error:
            raise aiomqtt.MqttError(f"ca_file, cert_file or key_file of [broker] cannot be used: {error}") from error

    async def _say_goodbye(self, client: aiomqtt.Client) -> None:
        """An orderly stop does not leave it to the will."""
        with contextlib.suppress(aiomqtt.MqttError):
            await client.publish(self._outbox.address.up(Up.STATE), state.OFFLINE, qos=1, retain=True)
