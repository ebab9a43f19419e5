"""One subscription: items as the server sends them, per-item status, nothing missed in between, a watch on silence.

    server ──publish──► Notice ──in order?──► DataValues ──fit, stamp──► Columns

The server answers every publishing interval with data, or at least keep-alives; when neither comes for `silence_s`
the feed ends, whatever the transport says. So it does when a message is damaged, or missing and not to be had again.
"""

import asyncio
import contextlib
import math
from collections.abc import Iterator

import numpy as np
from asyncua import ua

from protocols import DeviceUnavailable, UndecodablePayload
from protocols.opcua.data_values import DataValues, empty
from protocols.opcua.exchange import ask_for
from protocols.opcua.monitored_items import MonitoredItems
from protocols.opcua.notifications import Notice
from protocols.opcua.points import Points, Slots
from protocols.opcua.quality import OVERFLOW
from protocols.opcua.session import FAILURES, Session
from protocols.opcua.settings import OpcuaSettings
from protocols.opcua.stamps import Stamps
from protocols.opcua.values import columns, fit
from protocols.sample import Columns, Reason, bad, concatenate
from runtime.clock import NS_PER_S, Clock
from runtime.retry import backoff_s

_RETRY_FIRST_S, _RETRY_MOST_S = 5.0, 60.0
_SILENCE_MOST_S = 600.0
_NOTIFICATIONS_MOST = 2000  # in one message: about one chunk of 64 kB
_AGAIN_MOST = 100
_SEQUENCES = (1 << 32) - 1  # they count from 1 and go on at 1


class Feed:
    """A subscription to some tags of a session. `stamps` outlives it."""

    def __init__(
        self, session: Session, settings: OpcuaSettings, points: Points, stamps: Stamps, slots: Slots, clock: Clock
    ) -> None:
        self.overruns = 0
        self._session, self._settings, self._points, self._clock = session, settings, points, clock
        self._stamps, self._slots = stamps, slots
        self._items = MonitoredItems(session, settings, points)
        self._pauses: Iterator[float] = backoff_s(_RETRY_FIRST_S, _RETRY_MOST_S)
        self._retry_at_ns = self._show_by_ns = 0
        self._silence_s = settings.silence_s
        self._id = 0
        self._sequence: int | None = None  # that of the next message
        self._heard_ns, self._heard_wall_ns = clock.monotonic_ns(), clock.now_ns()

    async def open(self) -> Columns:
        """Subscribe to all tags; returns those that the server refuses. Raises DeviceUnavailable."""
        try:
            await self._create()
            return await self._watch(self._slots)
        except FAILURES as error:
            raise DeviceUnavailable(f"{self._settings.url}: no subscription ({error!r})") from error

    async def next(self) -> Columns:
        """What arrived next, or what is still refused. Raises DeviceUnavailable when the feed has ended."""
        try:
            while True:
                if found := await self._look_after_items() or await self._take():
                    return found
        except FAILURES as error:
            raise DeviceUnavailable(f"{self._settings.url}: the subscription is lost ({error!r})") from error

    def farewell(self) -> Columns:
        """Every tag as BAD, from when on nothing is known: one publishing interval before the last sign of life."""
        since_ns = self._heard_wall_ns - round(self._settings.publishing_interval_s * NS_PER_S)
        return self._without_value(self._slots, bad(Reason.DISCONNECTED), since_ns)

    async def close(self) -> None:
        """Tell the server, if it still listens."""
        if self._id and self._session.alive:
            with contextlib.suppress(*FAILURES):
                await self._session.delete_subscriptions({self._id})

    async def _create(self) -> None:
        interval_s = self._settings.publishing_interval_s
        keep_alives = max(1, math.floor(self._settings.silence_s / interval_s / 4))
        request = ua.CreateSubscriptionRequest()
        wanted = request.Parameters
        wanted.RequestedPublishingInterval = 1000 * interval_s
        wanted.RequestedMaxKeepAliveCount = keep_alives
        wanted.RequestedLifetimeCount = 20 * keep_alives
        wanted.MaxNotificationsPerPublish = _NOTIFICATIONS_MOST
        wanted.PublishingEnabled = True
        answer = await ask_for(self._session.client, request, ua.CreateSubscriptionResponse)
        got = answer.Parameters
        self._id = got.SubscriptionId
        self._session.publishing.begin()
        self._session.seat.subscriptions.add(self._id)
        keep_alive_s = got.RevisedPublishingInterval / 1000 * got.RevisedMaxKeepAliveCount
        if math.isfinite(keep_alive_s):  # a server may insist on fewer signs of life than we want
            self._silence_s = max(self._silence_s, min(2 * keep_alive_s, _SILENCE_MOST_S))

    async def _watch(self, slots: Slots) -> Columns:
        """Ask for these items; what is refused comes back as BAD."""
        self._stamps.asked(slots, self._clock.now_ns())
        await self._items.create(self._id, slots.tolist())
        now_ns = self._clock.monotonic_ns()
        self._show_by_ns = now_ns + round(self._silence_s * NS_PER_S)
        self._retry_at_ns = now_ns + round(next(self._pauses) * NS_PER_S)
        self._heard_ns = now_ns
        return self._refused(slots)

    def _refused(self, slots: Slots) -> Columns:
        refused = [slot for slot in slots.tolist() if slot in self._items.refused]
        code = np.array([self._items.refused[slot] for slot in refused], np.uint16)
        return self._without_value(np.array(refused, np.int64), code, self._clock.now_ns())

    def _without_value(self, slots: Slots, code: object, at_ns: int) -> Columns:
        codes = np.full(len(slots), code, np.uint16)
        return columns(self._points, slots, empty(len(slots)), self._stamps.forced(slots, at_ns), codes)

    async def _look_after_items(self) -> Columns:
        """Ask again for what was refused, and give up what has shown nothing although it must, when it is time."""
        now_ns = self._clock.monotonic_ns()
        if self._items.refused and now_ns >= self._retry_at_ns:
            await self._session.refresh_namespaces()
            return await self._watch(np.array(sorted(self._items.refused), np.int64))
        if now_ns >= self._show_by_ns:
            self._show_by_ns = now_ns + round(self._silence_s * NS_PER_S)
            unseen = self._stamps.unseen(self._slots)
            if len(unseen):
                await self._items.give_up(self._id, unseen.tolist(), bad(Reason.STALE))
                return self._refused(unseen)
        return ()

    async def _take(self) -> Columns:
        """Wait for the next message, but not longer than silence or items may last."""
        self._session.publishing.ask()
        now_ns = self._clock.monotonic_ns()
        silent_at_ns = self._heard_ns + round(self._silence_s * NS_PER_S)
        if not self._session.publishing.answered and now_ns >= silent_at_ns:
            raise TimeoutError(f"not even a keep-alive for {self._silence_s} s")
        wake_at_ns = min(silent_at_ns, self._show_by_ns)
        if self._items.refused:
            wake_at_ns = min(wake_at_ns, self._retry_at_ns)
        answer = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0, wake_at_ns - now_ns) / NS_PER_S):
                answer = await self._session.publishing.next()
        if answer is None:
            return ()
        notice, at_ns = answer
        self._heard_ns = self._clock.monotonic_ns()
        if notice is None or not self._ours(notice):
            return ()
        found = [values for one in await self._in_order(notice) for values in one.data]
        self._heard_wall_ns = at_ns
        return concatenate([column for values in found for column in self._columns(values)])

    def _ours(self, notice: Notice) -> bool:
        if notice.subscription == self._id:
            return True
        if notice.subscription in self._session.ended:
            return False
        raise UndecodablePayload(f"a message of subscription {notice.subscription}, which nobody made")

    async def _in_order(self, notice: Notice) -> list[Notice]:
        """This message, after those before it that did not come; nothing when it has come already."""
        if notice.ended is not None:
            raise ConnectionError(f"the server ended it with {ua.StatusCode(notice.ended).name}")
        behind = 0 if self._sequence is None else (notice.sequence - self._sequence) % _SEQUENCES
        if behind > _SEQUENCES // 2:
            return []
        if behind > _AGAIN_MOST:
            raise UndecodablePayload(f"message {notice.sequence} after {self._sequence}")
        missed = [(self._sequence or 0) + i for i in range(behind)]
        found = await self._session.publishing.again(self._id, [(one - 1) % _SEQUENCES + 1 for one in missed])
        if notice.counted:
            found.append(notice)
        self._sequence = (notice.sequence - 1 + notice.counted) % _SEQUENCES + 1
        for one in found:
            self._session.publishing.acknowledge(one)
        return found

    def _columns(self, values: DataValues) -> Columns:
        slots = self._items.slots_of(values.handle)
        if (slots < 0).any():
            values, slots = values.at(np.flatnonzero(slots >= 0)), slots[slots >= 0]
        overrun = values.status & OVERFLOW == OVERFLOW
        if overrun.any():
            self.overruns += int(np.count_nonzero(overrun))
            for slot in set(slots[overrun].tolist()):
                self._points.notice(slot, "the server lost values before they could be sent; raise its queue_size")
        code = fit(self._points, slots, values)
        stamp_ns = self._stamps.of(slots, values, code, self._clock.now_ns())
        return columns(self._points, slots, values, stamp_ns, code)
