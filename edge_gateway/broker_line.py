"""A connection to an MQTT broker that can be given up at any moment: MQTT 3.1.1, a clean session, a will, a farewell.

    knock ──► connected ──CONNECT──► client ──cancelled──► farewell, DISCONNECT
                                        └──MqttError──► the will speaks

Whatever the broker forgets, the spool still has; so nothing here asks the broker to remember.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

import aiomqtt

from protocols.broker import BrokerSettings
from protocols.cancelling import cancel_requests, raise_forgotten

_KNOCK_MOST_S = 5.0
_ANSWER_MOST_S = 7.0  # a line that fell silent is given up after it: data shall come again within ten seconds
_KEEP_ALIVE_S = 20
_GOODBYE_S = 1.0
_INCOMING_MOST = 1000
_PENDING_USUAL = 64

Farewell = Callable[[aiomqtt.Client], Awaitable[None]]


@contextlib.asynccontextmanager
async def connected(
    broker: BrokerSettings, identifier: str, will: aiomqtt.Will, farewell: Farewell
) -> AsyncIterator[aiomqtt.Client]:
    """A session for as long as the context is open; an orderly stop does not leave it to the will.

    Raises:
        aiomqtt.MqttError: nobody answers, or the line broke.
    """
    client, stopping, cancels = _client(broker, identifier, will), False, cancel_requests()
    try:
        async with client:
            raise_forgotten(cancels)
            try:
                yield client
            except asyncio.CancelledError:
                stopping = True
                client.timeout = _GOODBYE_S
                with contextlib.suppress(aiomqtt.MqttError):
                    await farewell(client)
                raise
    except aiomqtt.MqttError:
        if stopping:  # a goodbye that failed must not undo the order to stop
            raise asyncio.CancelledError from None
        raise


async def publish(client: aiomqtt.Client, topic: str, payload: bytes, qos: int, *, retain: bool = False) -> None:
    """Publish, and notice an order to stop that came meanwhile."""
    cancels = cancel_requests()
    await client.publish(topic, payload, qos=qos, retain=retain)
    raise_forgotten(cancels)


async def knock(broker: BrokerSettings) -> None:
    """aiomqtt connects in a thread that cannot be stopped: where nobody answers, find out in a way that can."""
    try:
        async with asyncio.timeout(_KNOCK_MOST_S):
            _, line = await asyncio.open_connection(broker.host, broker.port)
    except OSError as error:
        raise aiomqtt.MqttError(str(error) or f"no answer in {_KNOCK_MOST_S:.0f} s") from error
    line.close()


def _client(broker: BrokerSettings, identifier: str, will: aiomqtt.Will) -> aiomqtt.Client:
    client = aiomqtt.Client(
        broker.host,
        broker.port,
        username=broker.username,
        password=broker.password.get_secret_value() if broker.password else None,
        identifier=identifier,
        protocol=aiomqtt.ProtocolVersion.V311,
        will=will,
        clean_session=True,
        keepalive=_KEEP_ALIVE_S,
        timeout=_ANSWER_MOST_S,
        max_queued_incoming_messages=_INCOMING_MOST,
        tls_context=_tls_context(broker),
    )
    client.pending_calls_threshold = _PENDING_USUAL
    return client


def _tls_context(broker: BrokerSettings) -> ssl.SSLContext | None:
    """Of the files as they are now: a certificate may be renewed between two connections."""
    try:
        return broker.tls_context()
    except OSError as error:
        raise aiomqtt.MqttError(f"ca_file, cert_file or key_file of [broker] cannot be used: {error}") from error
