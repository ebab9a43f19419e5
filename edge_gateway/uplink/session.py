"""One connection to the broker, from greeting to loss.

greeting: catalogs, state
send:     delivery.take ──► spool.load ──► …/up/data
listen:   …/down/receipt ──► delivery.receipted ──► recorder.change
tell:     state again when something was dropped; catalogs of a backlog, in case nobody listened before
"""

import asyncio
import contextlib
import itertools
from dataclasses import dataclass, field

import aiomqtt
import structlog

from edge_gateway import metrics
from edge_gateway.catalog import whole
from edge_gateway.recorder import Recorder
from edge_gateway.spool.spool import Spool
from edge_gateway.uplink import state
from edge_gateway.uplink.delivery import BatchKey, Change, Delivery
from edge_gateway.uplink.ranges import Ranges
from protocols import UndecodablePayload
from protocols.cancelling import cancel_requests, raise_forgotten
from protocols.topics import Down, GatewayAddress, Up
from protocols.wire import catalog as catalogs
from protocols.wire import receipt as receipts
from protocols.wire.catalog import Catalog
from runtime.clock import Clock, monotonic_s
from runtime.logs import Outage

log = structlog.get_logger()

_PUBLISH_MOST = 16
_TELL_S = 30.0
_SILENT_S = 60.0
_ASK_EVERY = 20


@dataclass(frozen=True, slots=True)
class Outbox:
    """What a session delivers from, and who is told of it. Outlives every session."""

    address: GatewayAddress
    catalog: Catalog
    spool: Spool
    delivery: Delivery
    recorder: Recorder
    clock: Clock
    silence: Outage = field(default_factory=lambda: Outage(log, "receipts"))

    def now_s(self) -> float:
        return monotonic_s(self.clock)


class Session:
    """Runs until the connection breaks (aiomqtt.MqttError) or it is cancelled."""

    def __init__(self, client: aiomqtt.Client, outbox: Outbox) -> None:
        self._client = client
        self._out = outbox
        self._told = b""

    async def run(self) -> None:
        cancels = cancel_requests()
        await self._client.subscribe(self._out.address.down(Down.RECEIPT), qos=1)
        raise_forgotten(cancels)
        await self._publish_backlog_catalogs()
        await self._publish(Up.CATALOG, catalogs.encode(self._out.catalog), retain=True)
        await self._tell_state()
        self._out.delivery.ask(self._out.now_s())
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._send(), name="send")
                tasks.create_task(self._listen(), name="listen")
                tasks.create_task(self._tell(), name="tell")
        finally:
            self._out.delivery.disconnected()

    async def _publish(self, lane: Up, payload: bytes, *, retain: bool = False) -> None:
        cancels = cancel_requests()
        await self._client.publish(self._out.address.up(lane), payload, qos=1, retain=retain)
        raise_forgotten(cancels)

    # Telling

    async def _tell(self) -> None:
        for turn in itertools.count(1):
            await asyncio.sleep(_TELL_S)
            await self._publish_backlog_catalogs()
            await self._tell_state()
            if turn % _ASK_EVERY == 0:
                self._out.delivery.ask(self._out.now_s())
                self._out.recorder.news.set()

    async def _tell_state(self) -> None:
        """Publish the state when it has changed."""
        spool, delivery = self._out.spool, self._out.delivery
        dropped = await spool.dropped()
        told = state.online(spool.runs, self._out.catalog.revision, delivery.open, dropped, spool.opened.set_aside)
        if told != self._told:
            await self._publish(Up.STATE, told, retain=True)
            self._told = told

    async def _publish_backlog_catalogs(self) -> None:
        """Without its catalog a backlog of an earlier configuration cannot be stored, and nobody may have heard it."""
        opened, open_runs = self._out.spool.opened, self._out.delivery.open_runs
        wanted = {run.revision for run in opened.runs if run.run in open_runs} - {self._out.catalog.revision}
        bodies = {revision: body for revision, body in opened.catalogs.items() if revision in wanted}
        for catalog in whole(bodies).values():
            await self._publish(Up.CATALOG, catalogs.encode(catalog))

    # Sending

    async def _send(self) -> None:
        delivery, news = self._out.delivery, self._out.recorder.news
        while True:
            news.clear()
            keys = delivery.take(self._out.now_s(), _PUBLISH_MOST)
            if keys:
                await self._send_batches(keys)
                continue
            self._watch_silence()
            wait_s = min(max(delivery.due_s() - self._out.now_s(), 0), _TELL_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await news.wait()

    async def _send_batches(self, keys: list[BatchKey]) -> None:
        delivery, payloads = self._out.delivery, await self._out.spool.load(keys)
        async with asyncio.TaskGroup() as tasks:
            for key, payload in zip(keys, payloads, strict=True):
                if payload is None:
                    delivery.gone(key.run, [(key.seq, key.seq)])  # dropped or thinned just now, or damaged and told so
                else:
                    tasks.create_task(self._send_batch(key, payload))

    async def _send_batch(self, key: BatchKey, payload: bytes) -> None:
        delivery = self._out.delivery
        metrics.PUBLISHED.labels("live" if delivery.is_live(key) else "backfill").inc()
        await self._publish(Up.DATA, payload)
        metrics.ACKNOWLEDGED.inc()
        if delivery.acknowledged(key):
            self._out.recorder.change(Change(key.run, Ranges([(key.seq, key.seq)]), Ranges()))

    def _watch_silence(self) -> None:
        """The broker acknowledges what it then throws away (a denied topic, for one): only receipts are proof."""
        if self._out.delivery.silent_s(self._out.now_s()) > _SILENT_S:
            way_out = "check that ingest runs, knows this gateway, and that the broker lets us publish and subscribe"
            self._out.silence.down(f"none for {_SILENT_S:.0f} s", way_out)

    # Listening

    async def _listen(self) -> None:
        async for message in self._client.messages:
            if isinstance(message.payload, bytes):
                self._take_receipt(message.payload)

    def _take_receipt(self, payload: bytes) -> None:
        try:
            receipt = receipts.decode(payload)
        except UndecodablePayload as error:
            metrics.RECEIPTS.labels("undecodable").inc()
            log.warning("receipt not understood", cause=str(error)[:200])
            return
        change = self._out.delivery.receipted(receipt, self._out.now_s())
        metrics.RECEIPTS.labels("new" if change.receipted else "repeated").inc()
        self._out.silence.up()
        for seq, reason in receipt.rejected.items():
            if seq in change.receipted:
                log.error("batch rejected, kept in the dead letters of the cloud", seq=seq, reason=reason)
        if change.reopened:
            log.warning("the cloud has lost batches that it had, sending them again", batches=len(change.reopened))
        self._out.recorder.change(change)
        self._out.recorder.news.set()
