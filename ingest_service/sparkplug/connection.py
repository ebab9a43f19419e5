"""The host's connection to the broker: a subscription with a birth and a death of its own.

    CONNECT with will STATE {"online": false, t} ─► SUBSCRIBE STATE/<host>, spBv1.0/# ─► STATE {"online": true, t}
    somebody says that we are offline ─► STATE {"online": true, t}         leaving ─► STATE {"online": false, now}

An edge node with this host as its primary one holds back its data while the retained STATE says offline; a database
too slow for longer than the keep-alive costs the connection, and so the STATE, too.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from paho.mqtt.client import Client, MQTTMessage, MQTTMessageInfo
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

from ingest_service.delivery import Message
from ingest_service.settings import SubscriptionSettings
from ingest_service.sparkplug.host import Host
from ingest_service.subscriber import Subscriber
from protocols import UndecodablePayload
from protocols.broker import BrokerSettings
from protocols.sparkplug import state
from protocols.sparkplug.topics import state_topic
from runtime.clock import Clock

log = structlog.get_logger()

_NS_PER_MS = 1_000_000
_GOODBYE_S = 2.0
_ASK_EVERY_S = 0.2


class HostSubscriber(Subscriber):
    """A Subscriber that is born and dies in `spBv1.0/STATE/<host>`.

    `obituaries` are asked for when the broker is back after an outage, and read like messages that came from it.
    """

    def __init__(
        self,
        broker: BrokerSettings,
        limits: SubscriptionSettings,
        host_id: str,
        own: Sequence[str],
        *,
        clock: Clock,
        obituaries: Callable[[], Sequence[Message]],
    ) -> None:
        self._clock = clock
        self._obituaries = obituaries
        self._state_topic = state_topic(host_id)
        self._connected_ms = 0
        self._births = 0
        self._contradicted = False
        super().__init__(broker, limits, "sparkplug-host", own=[self._state_topic, *own])

    def command(self, topic: str, payload: bytes) -> bool:
        """Send with QoS 0, as Sparkplug wants commands; False when there is no connection."""
        return self.connected and self._client.publish(topic, payload, qos=0).rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    def inject(self, messages: Sequence[Message]) -> None:
        """Put messages of our own behind those that have come."""
        if messages:
            with self._room:
                self._queue += messages
                self._held += len(messages)
                self._held_bytes += sum(len(message.payload) for message in messages)
            self._arrived.set()

    def _new_client(self, client_id: str) -> Client:
        client = super()._new_client(client_id)
        client.on_pre_connect = self._on_pre_connect
        return client

    def _say_goodbye(self) -> None:
        if self._connected:
            death = self._publish_state(online=False, timestamp_ms=self._clock.now_ns() // _NS_PER_MS)
            if death.rc == MQTTErrorCode.MQTT_ERR_SUCCESS:
                death.wait_for_publish(_GOODBYE_S)
        super()._say_goodbye()

    # From here on: the paho thread.

    def _on_pre_connect(self, client: Client, _data: Any) -> None:
        self._connected_ms = self._clock.now_ns() // _NS_PER_MS
        will = state.encode(online=False, timestamp_ms=self._connected_ms)
        client.will_set(self._state_topic, will, qos=1, retain=True)

    def _on_subscribe(self, _client: Client, _data: Any, _mid: int, codes: list[ReasonCode], _more: Any) -> None:
        super()._on_subscribe(_client, _data, _mid, codes, _more)
        if any(code.is_failure for code in codes):
            return
        self._publish_state(online=True, timestamp_ms=self._connected_ms)
        self._births += 1
        if self._births > 1:
            self._in_loop(lambda: self.inject(self._obituaries()))

    def _on_message(self, client: Client, data: Any, message: MQTTMessage) -> None:
        if message.topic != self._state_topic:
            super()._on_message(client, data, message)
            return
        client.ack(message.mid, message.qos)
        if not message.retain and not self._closed:  # retained: how the session before this one ended
            self._contradict(offline=_says_offline(message.payload))

    def _contradict(self, *, offline: bool) -> None:
        """Once for each false death, though two of our filters bring it: until our own birth comes back."""
        if offline and not self._contradicted:
            log.warning("somebody says that this host is offline", topic=self._state_topic)
            self._publish_state(online=True, timestamp_ms=self._connected_ms)
        self._contradicted = offline

    def _publish_state(self, *, online: bool, timestamp_ms: int) -> MQTTMessageInfo:
        payload = state.encode(online=online, timestamp_ms=timestamp_ms)
        return self._client.publish(self._state_topic, payload, qos=1, retain=True)


def _says_offline(payload: bytes | bytearray) -> bool:
    try:
        return not state.decode(bytes(payload)).online
    except UndecodablePayload:
        return False


async def ask_for_rebirths(host: Host, feed: HostSubscriber) -> None:
    """Send the requests that are due, until cancelled."""
    while True:
        for topic, payload in host.requests():
            feed.command(topic, payload)
        await asyncio.sleep(_ASK_EVERY_S)
