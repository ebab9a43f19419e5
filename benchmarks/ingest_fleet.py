"""The sending side of the ingest benchmark: gateways in a process of their own, and the truth of what they sent.

    truth(gateway, seq) ──encode──► payloads ──MQTT, window of the receipts──► broker
                                                         ◄── receipts: done when every batch is covered
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any
from uuid import UUID, uuid4

import numpy as np
from numpy.typing import NDArray
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from protocols.broker import BrokerSettings
from protocols.sample import Column, ValueKind
from protocols.topics import Down, GatewayAddress, Up
from protocols.wire import catalog, columnar, receipt
from protocols.wire.batch import BatchHeader
from runtime.clock import ClockState

TENANT = "bench"
GATEWAYS = ("gw-0", "gw-1", "gw-2", "gw-3")
TAGS = 500
REVISION = 1
SCAN_NS = 100_000_000
_PATIENCE_S = 60.0
_ALIASES = np.arange(TAGS, dtype=np.uint32)
_GOOD = np.zeros(TAGS, np.uint16)


@dataclass(frozen=True)
class Round:
    """Batches 1 … `batches` of every gateway, each a scan of all its tags, the first one at `start_ns`."""

    start_ns: int
    batches: int

    @property
    def rows(self) -> int:
        return self.batches * len(GATEWAYS) * TAGS

    def times_ns(self, seq: int) -> NDArray[np.int64]:
        return np.full(TAGS, self.start_ns + seq * SCAN_NS, np.int64)


def values(gateway: int, seq: int) -> NDArray[np.float64]:
    """Whole numbers, so that sums are exact, and different for every sample."""
    return (gateway * 1_000_000 + seq * 1000 + _ALIASES).astype(np.float64)


def catalog_payload(gateway: str) -> bytes:
    tags = [
        catalog.CatalogTag(alias=alias, machine=f"{gateway}-machine", tag=f"t{alias:03}", kind="float")
        for alias in range(TAGS)
    ]
    return catalog.encode(catalog.Catalog(revision=REVISION, tags=tags))


def payload(played: Round, gateway: int, run: UUID, seq: int) -> bytes:
    column = Column(ValueKind.FLOAT, _ALIASES, played.times_ns(seq), values(gateway, seq), _GOOD)
    return columnar.encode(BatchHeader(run, seq, REVISION, ClockState.SYNCED, TAGS), (column,))


class _Gateway:
    """Keeps its window: at most as many batches open as the last receipt allowed."""

    def __init__(self, payloads: Sequence[bytes], run: UUID) -> None:
        self.payloads = payloads
        self.run = run
        self.sent = 0
        self.done = 0
        self.credit = 64

    def take(self, told: receipt.Receipt) -> None:
        if told.run == self.run and told.committed:
            self.done = max(self.done, told.committed[0][1])
            self.credit = told.credit


def send_round(broker: BrokerSettings, played: Round, answer: "Connection[Any, Any]") -> None:
    """Encode first, then say "encoded", wait for the start and answer with the seconds until the last receipt."""
    runs = [uuid4() for _ in GATEWAYS]
    fleet = {
        name: _Gateway([payload(played, index, runs[index], seq) for seq in range(1, played.batches + 1)], runs[index])
        for index, name in enumerate(GATEWAYS)
    }
    moved = threading.Condition()

    def heard(_client: Client, _data: Any, message: MQTTMessage) -> None:
        with moved:
            fleet[message.topic.split("/")[3]].take(receipt.decode(message.payload))
            moved.notify()

    client = Client(CallbackAPIVersion.VERSION2)
    client.on_message = heard
    client.max_inflight_messages_set(1000)
    client.connect(broker.host, broker.port)
    client.loop_start()
    for name in GATEWAYS:
        address = GatewayAddress(TENANT, name)
        client.subscribe(address.down(Down.RECEIPT), 1)
        client.publish(address.up(Up.CATALOG), catalog_payload(name), 1, retain=True).wait_for_publish(_PATIENCE_S)
    answer.send("encoded")
    answer.recv()
    started = time.perf_counter()
    _send_all(client, fleet, moved)
    answer.send(time.perf_counter() - started)
    client.disconnect()
    client.loop_stop()


def _send_all(client: Client, fleet: dict[str, _Gateway], moved: threading.Condition) -> None:
    topics = {name: GatewayAddress(TENANT, name).up(Up.DATA) for name in fleet}
    while any(gateway.done < len(gateway.payloads) for gateway in fleet.values()):
        sent = 0
        for name, gateway in fleet.items():
            # Some of each in turn, as gateways that do not know of each other would.
            end = min(len(gateway.payloads), gateway.done + gateway.credit, gateway.sent + 16)
            for data in gateway.payloads[gateway.sent : end]:
                client.publish(topics[name], data, 1)
                sent += 1
            gateway.sent = max(gateway.sent, end)
        if not sent:
            with moved:
                if not moved.wait(_PATIENCE_S):
                    raise TimeoutError("no receipt for a minute")
