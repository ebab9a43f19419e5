"""Messages of a shared MQTT 5 subscription, each acknowledged only when somebody says that it is safe.

    broker ──paho thread──► bounded queue ──one wake a burst──► burst() ─► … commit … ─► acknowledge()

- Clean start, session expiry 0: what a worker had not acknowledged goes to the others or comes back from the
  spools of the gateways; a session kept for a dead worker would hold its share captive.
- The queue bounds what is held until it is acknowledged, whatever the broker makes of Receive Maximum (mosquitto
  2.0 forgets it after the first acknowledgement, rumqttd does not know it). While it is full the thread does not
  read, so TCP pushes back; a worker full for longer than the keep-alive loses its connection, and its share.
- A message number means something on its own connection only: acknowledgements of an earlier one are dropped.
"""

import asyncio
import secrets
import socket
import threading
from collections.abc import Iterable, Sequence
from typing import Any, Self

import structlog
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from ingest_service.delivery import Message
from ingest_service.settings import SubscriptionSettings
from protocols.broker import BrokerSettings
from runtime.logs import Outage

log = structlog.get_logger()

_KEEP_ALIVE_S = 30
_RECONNECT_MOST_S = 3
_GOODBYE_S = 2.0
# Waking the loop costs as much as taking a message: wait for the rest of the burst.
_LINGER_S = 0.005
# Decoding more at a stretch would keep the database waiting for the rest of its COPY.
_BURST_MOST = 32
_PUBLISH_QUEUE_MOST = 10_000
# Above anything we accept: a broker silently drops what exceeds it, and the sender would never learn why.
_PACKET_BYTES_MOST = 64 << 20


class Subscriber:
    """An open subscription. `shared` filters are divided among all workers of the group, `own` ones are not."""

    def __init__(
        self,
        broker: BrokerSettings,
        limits: SubscriptionSettings,
        name: str,
        *,
        shared: Sequence[str] = (),
        own: Sequence[str] = (),
    ) -> None:
        self._broker = broker
        self._limits = limits
        self._filters = [*own, *(f"$share/{limits.group}/{topic}" for topic in shared)]
        self._outage = Outage(log, "broker")
        self._room = threading.Condition()  # guards everything down to `_closed`
        self._queue: list[Message] = []
        self._held = 0
        self._held_bytes = 0
        self._connection = 0
        self._connected = False
        self._closed = False
        self._gone = threading.Event()
        self._arrived = asyncio.Event()
        self._subscribed = asyncio.Event()
        # Two workers under one client id would throw each other out for ever.
        self._client = self._new_client(f"{name}-{secrets.token_hex(4)}")

    def _new_client(self, client_id: str) -> Client:
        client = Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTv5, manual_ack=True)
        if self._broker.username:
            secret = self._broker.password
            client.username_pw_set(self._broker.username, secret.get_secret_value() if secret else None)
        client.reconnect_delay_set(1, _RECONNECT_MOST_S)
        client.max_queued_messages_set(_PUBLISH_QUEUE_MOST)
        client.max_inflight_messages_set(self._limits.messages_most)
        client.on_socket_open = _without_delay
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        return client

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        context = self._broker.tls_context()
        if context:
            self._client.tls_set_context(context)
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = 0
        properties.ReceiveMaximum = self._limits.messages_most
        properties.MaximumPacketSize = _PACKET_BYTES_MOST
        self._client.connect_async(
            self._broker.host, self._broker.mqtt5_port, _KEEP_ALIVE_S, clean_start=True, properties=properties
        )
        self._client.loop_start()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        with self._room:
            self._closed = True
            self._room.notify_all()
        await asyncio.shield(asyncio.to_thread(self._say_goodbye))

    def _say_goodbye(self) -> None:
        self._client.disconnect()
        line: Any = self._client.socket()
        if line and not self._gone.wait(_GOODBYE_S):
            line.shutdown(socket.SHUT_RDWR)  # a frozen broker does not answer; nothing is lost by leaving
        self._client.loop_stop()

    @property
    def connected(self) -> bool:
        return self._connected

    @property
    def fill(self) -> float:
        """How full the queue is, 0 to 1."""
        with self._room:
            return min(1.0, max(self._held / self._limits.messages_most, self._held_bytes / self._limits.bytes_most))

    async def wait_subscribed(self) -> None:
        """Until the broker has confirmed the subscriptions once."""
        await self._subscribed.wait()

    async def burst(self, timeout_s: float | None = None) -> list[Message]:
        """The next few messages; waits for the first one, at most `timeout_s`, then returns none."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._arrived.wait()
        except TimeoutError:
            return []
        await asyncio.sleep(0 if len(self._queue) >= _BURST_MOST else _LINGER_S)
        with self._room:
            taken, self._queue = self._queue[:_BURST_MOST], self._queue[_BURST_MOST:]
            if not self._queue:
                self._arrived.clear()
            return taken

    def acknowledge(self, messages: Iterable[Message]) -> None:
        """Tell the broker that these are safe, and make room for as many others."""
        with self._room:
            for message in messages:
                self._held -= 1
                self._held_bytes -= len(message.payload)
                if self._connected and message.mid and message.connection == self._connection:
                    self._client.ack(message.mid, 1)
            self._room.notify_all()

    def publish(self, topic: str, payload: bytes) -> bool:
        """Send with QoS 1; False when there is no connection or too much is waiting already."""
        if not self._connected:
            return False
        return self._client.publish(topic, payload, qos=1).rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    # From here on: the paho thread.

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        with self._room:
            self._room.wait_for(lambda: self._closed or not self._is_full())
            if self._closed:
                return
            first = not self._queue
            self._queue.append(Message(message.topic, bytes(message.payload), message.mid, self._connection))
            self._held += 1
            self._held_bytes += len(message.payload)
        if first:
            self._in_loop(self._arrived.set)

    def _is_full(self) -> bool:
        return self._held >= self._limits.messages_most or self._held_bytes >= self._limits.bytes_most

    def _on_connect(self, client: Client, _data: Any, _flags: ConnectFlags, code: ReasonCode, _properties: Any) -> None:
        if code.is_failure:
            way_out = "ingest needs MQTT 5 for its shared subscription" if "version" in str(code).lower() else ""
            self._in_loop(self._outage.down, code, way_out)
            return
        with self._room:
            self._connection += 1
            self._connected = True
        client.subscribe([(topic, SubscribeOptions(qos=1)) for topic in self._filters])

    def _on_subscribe(self, _client: Client, _data: Any, _mid: int, codes: list[ReasonCode], _properties: Any) -> None:
        refused = [f"{topic}: {code}" for topic, code in zip(self._filters, codes, strict=False) if code.is_failure]
        if refused:
            self._in_loop(
                self._outage.down, "; ".join(refused), "allow ingest these topics in the broker's access list"
            )
        else:
            self._in_loop(self._outage.up)
            self._in_loop(self._subscribed.set)

    def _on_disconnect(
        self, _client: Client, _data: Any, _flags: DisconnectFlags, code: ReasonCode, _more: Any
    ) -> None:
        with self._room:
            self._connected = False
        if self._closed:
            self._gone.set()
        self._in_loop(self._outage.down, code)

    def _on_connect_fail(self, _client: Client, _data: Any) -> None:
        self._in_loop(self._outage.down, f"{self._broker.host}:{self._broker.mqtt5_port} does not answer")

    def _in_loop(self, call: Any, *args: Any) -> None:
        if not self._closed:
            self._loop.call_soon_threadsafe(call, *args)


def _without_delay(_client: Client, _data: Any, line: Any) -> None:
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
