"""One subscription: items as the server sends them, per-item status, and a watch on silence.

    server ──publish──► [bounded queue] ──next──► Columns

The server answers every publishing interval with data, or at least keep-alives; when neither comes for `silence_s`
the feed ends, whatever the transport says. A full queue stops our publish requests: then the server's own queues hold.

Stamps are source times. What an item shows first was set before we subscribed, perhaps days ago, perhaps already told
by an earlier run: then it is stamped when we asked, which says that it held then, and UNCERTAIN stale. What changes
after that keeps its source time and comes later.
"""

import asyncio
import contextlib
import math
from collections.abc import Iterator, Mapping
from typing import Any

from asyncua import ua

from protocols import DeviceUnavailable
from protocols.opcua.quality import code_of
from protocols.opcua.session import FAILURES, Session
from protocols.opcua.settings import OpcuaSettings, OpcuaTag
from protocols.opcua.values import Collector, fitted, time_ns_of
from protocols.sample import GOOD, Columns, Quality, Reason, bad, quality_code
from runtime.clock import NS_PER_S, Clock
from runtime.retry import backoff_s

_QUEUE_MESSAGES = 100
_RETRY_FIRST_S, _RETRY_MOST_S = 5.0, 60.0
_STALE = quality_code(Quality.UNCERTAIN, Reason.STALE)
_UNSYNCED = quality_code(Quality.UNCERTAIN, Reason.CLOCK_UNSYNCED)
_YEAR_2000_NS = 946_684_800 * NS_PER_S
_DAY_NS = 86_400 * NS_PER_S
_TICK_NS = 1000


class Feed:
    """A subscription to some tags. `told_ns` holds the time of each alias's last sample and outlives the feed."""

    def __init__(
        self,
        session: Session,
        settings: OpcuaSettings,
        tags: Mapping[int, OpcuaTag],
        clock: Clock,
        told_ns: dict[int, int],
    ) -> None:
        self._session, self._settings, self._tags, self._clock = session, settings, tags, clock
        self._told_ns = told_ns
        self._asked_ns: dict[int, int] = {}  # of items that have not shown anything yet
        self._refused: set[int] = set()
        self._retry_at_ns = 0
        self._pauses: Iterator[float] = backoff_s(_RETRY_FIRST_S, _RETRY_MOST_S)
        self._queue: asyncio.Queue[Columns | None] = asyncio.Queue(_QUEUE_MESSAGES)
        self._ended = ""
        self._handing_over = False
        self._id: int | None = None
        self._heard_ns, self._heard_wall_ns = clock.monotonic_ns(), clock.now_ns()

    async def open(self) -> Columns:
        """Subscribe to all tags; returns those that the server refuses. Raises DeviceUnavailable."""
        interval_s = self._settings.publishing_interval_s
        keep_alives = max(1, math.floor(self._settings.silence_s / interval_s / 4))
        parameters = ua.CreateSubscriptionParameters()
        parameters.RequestedPublishingInterval = 1000 * interval_s
        parameters.RequestedMaxKeepAliveCount = keep_alives
        parameters.RequestedLifetimeCount = 20 * keep_alives
        parameters.MaxNotificationsPerPublish = 10_000
        parameters.PublishingEnabled = True
        try:
            result = await self._session.client.uaclient.create_subscription(parameters, self._published)
            self._id = result.SubscriptionId
            return await self._monitor(self._tags)
        except FAILURES as error:
            raise DeviceUnavailable(f"{self._settings.url}: no subscription ({error!r})") from error

    async def next(self) -> Columns:
        """What arrived next, or what is still refused. Raises DeviceUnavailable when the feed has ended."""
        while True:
            now_ns = self._clock.monotonic_ns()
            if self._refused and now_ns >= self._retry_at_ns and (refused := await self._retry()):
                return refused
            silent_at_ns = self._heard_ns + round(self._settings.silence_s * NS_PER_S)
            if self._queue.empty() and not self._handing_over and now_ns >= silent_at_ns:
                raise DeviceUnavailable(f"{self._settings.url}: not even a keep-alive for {self._settings.silence_s} s")
            wake_at_ns = min(silent_at_ns, self._retry_at_ns) if self._refused else silent_at_ns
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0, wake_at_ns - now_ns) / NS_PER_S):
                    columns = await self._queue.get()
                if columns is None:
                    raise DeviceUnavailable(f"{self._settings.url}: the server ended the subscription ({self._ended})")
                return columns

    def farewell(self) -> Columns:
        """Every tag as BAD, from when on nothing is known: one publishing interval before the last sign of life."""
        collector = Collector()
        since_ns = self._heard_wall_ns - round(self._settings.publishing_interval_s * NS_PER_S)
        for alias, tag in self._tags.items():
            stamp_ns = max(since_ns, self._told_ns.get(alias, 0) + _TICK_NS)
            self._told_ns[alias] = stamp_ns
            value, code = fitted(tag.kind, None, 0x8031_0000)
            collector.add(tag.kind, alias, stamp_ns, value, code)
        return collector.columns()

    async def close(self) -> None:
        """Tell the server, if it still listens."""
        if self._id is not None and self._session.alive:
            with contextlib.suppress(*FAILURES):
                await self._session.client.uaclient.delete_subscriptions([self._id])

    async def _published(self, result: ua.PublishResult) -> None:
        """Called by asyncua for data, keep-alives and the end of the subscription."""
        self._handing_over = True  # as long as our own queue is full, the server has no way to be heard
        try:
            for notification in result.NotificationMessage.NotificationData or ():
                if isinstance(notification, ua.DataChangeNotification):
                    await self._queue.put(self._columns(notification.MonitoredItems))
                elif isinstance(notification, ua.StatusChangeNotification) and notification.Status.is_bad():
                    self._ended = notification.Status.name
                    await self._queue.put(None)
        finally:
            self._handing_over = False
        if not self._ended:
            self._heard_ns, self._heard_wall_ns = self._clock.monotonic_ns(), self._clock.now_ns()

    def _columns(self, items: list[ua.MonitoredItemNotification]) -> Columns:
        collector = Collector()
        now_ns = self._clock.now_ns()
        for item in items:
            alias, data = item.ClientHandle, item.Value
            tag = self._tags.get(alias)
            if tag is None or data is None:
                continue
            raw: Any = data.Value.Value if data.Value is not None else None
            status = data.StatusCode.value if data.StatusCode is not None else 0
            value, code = fitted(tag.kind, raw, status)
            stamp_ns, code = self._stamp(alias, data, code, now_ns)
            collector.add(tag.kind, alias, stamp_ns, value, code)
        return collector.columns()

    def _stamp(self, alias: int, data: ua.DataValue, code: int, now_ns: int) -> tuple[int, int]:
        source = data.SourceTimestamp or data.ServerTimestamp
        stamp_ns = time_ns_of(source) if source else now_ns
        if not _YEAR_2000_NS <= stamp_ns <= now_ns + _DAY_NS:
            stamp_ns, code = now_ns, code or _UNSYNCED
        told_ns = self._told_ns.get(alias, 0)
        asked_ns = self._asked_ns.pop(alias, None)
        if asked_ns is not None:
            if stamp_ns <= max(told_ns, asked_ns):
                stamp_ns, code = max(asked_ns, told_ns + _TICK_NS), code or _STALE
        elif told_ns - NS_PER_S < stamp_ns <= told_ns:  # a clock coarser than its changes; a step back is left alone
            stamp_ns = told_ns + _TICK_NS
        self._told_ns[alias] = stamp_ns
        return stamp_ns, code

    async def _monitor(self, tags: Mapping[int, OpcuaTag]) -> Columns:
        """Ask for these items; what is refused is remembered and comes back as BAD."""
        collector = Collector()
        self._asked_ns |= dict.fromkeys(tags, self._clock.now_ns())
        requests = []
        for alias, tag in tags.items():
            value = self._session.value_of(tag.node)
            if value is None:
                self._refuse(collector, alias, tag, bad(Reason.BAD_ADDRESS))
            else:
                requests.append(self._request(alias, value))
        for start in range(0, len(requests), self._session.monitor_most):
            batch = requests[start : start + self._session.monitor_most]
            parameters = ua.CreateMonitoredItemsParameters()
            parameters.SubscriptionId = self._id
            parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
            parameters.ItemsToCreate = batch
            results = await self._session.client.uaclient.create_monitored_items(parameters)
            for request, result in zip(batch, results, strict=True):
                alias = request.RequestedParameters.ClientHandle
                if result.StatusCode.is_good():
                    self._refused.discard(alias)
                else:
                    self._refuse(collector, alias, self._tags[alias], code_of(result.StatusCode.value))
        self._retry_at_ns = self._clock.monotonic_ns() + round(next(self._pauses) * NS_PER_S)
        return collector.columns()

    def _request(self, alias: int, value: ua.ReadValueId) -> ua.MonitoredItemCreateRequest:
        request = ua.MonitoredItemCreateRequest()
        request.ItemToMonitor = value
        request.MonitoringMode = ua.MonitoringMode.Reporting
        request.RequestedParameters.ClientHandle = alias
        request.RequestedParameters.SamplingInterval = 1000 * self._settings.sampling_interval_s
        request.RequestedParameters.QueueSize = self._settings.queue_size
        request.RequestedParameters.DiscardOldest = True
        return request

    def _refuse(self, collector: Collector, alias: int, tag: OpcuaTag, code: int) -> None:
        self._refused.add(alias)
        value, _ = fitted(tag.kind, None, 0)
        stamp_ns = max(self._clock.now_ns(), self._told_ns.get(alias, 0) + _TICK_NS)
        self._told_ns[alias] = stamp_ns
        collector.add(tag.kind, alias, stamp_ns, value, code if code != GOOD else bad(Reason.DEVICE_REPORTED))

    async def _retry(self) -> Columns:
        try:
            await self._session.refresh_namespaces()
            return await self._monitor({alias: self._tags[alias] for alias in sorted(self._refused)})
        except FAILURES as error:
            raise DeviceUnavailable(f"{self._settings.url}: {error!r}") from error
