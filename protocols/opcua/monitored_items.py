"""The items of one subscription: asked for in batches, each with its own status, refused ones asked for again later.

    slots ──create──► server ──per item──► watched, or refused with a reason
    client handle ──slots_of──► slot

Handles are drawn by lot: one that we never gave away betrays a damaged message, or one of an earlier subscription.
"""

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
from asyncua import ua
from numpy.typing import NDArray

from protocols import UndecodablePayload
from protocols.opcua.exchange import ask_for
from protocols.opcua.limits import ask_in_batches
from protocols.opcua.points import Points, Slots
from protocols.opcua.quality import refusal_of
from protocols.opcua.session import Session
from protocols.opcua.settings import OpcuaSettings, OpcuaTag
from protocols.sample import Reason, bad

_HANDLES = 1 << 32
_FILTER_REFUSED = frozenset(
    {
        ua.StatusCodes.BadFilterNotAllowed,
        ua.StatusCodes.BadMonitoredItemFilterInvalid,
        ua.StatusCodes.BadMonitoredItemFilterUnsupported,
        ua.StatusCodes.BadDeadbandFilterInvalid,
    }
)
_TRIGGERS = {
    "status": ua.DataChangeTrigger.Status,
    "value": ua.DataChangeTrigger.StatusValue,
    "timestamp": ua.DataChangeTrigger.StatusValueTimestamp,
}


class MonitoredItems:
    """What the server watches for us, and what it does not."""

    def __init__(self, session: Session, settings: OpcuaSettings, points: Points) -> None:
        self._session, self._settings, self._points = session, settings, points
        self.refused: dict[int, int] = {}  # slot: quality code
        self._item_of: dict[int, tuple[int, int]] = {}  # slot: client handle, item id on the server
        self._unfiltered: set[int] = set()
        self._slot_of: dict[int, int] = {}  # every handle that was ever given away; -1: given up
        self._handles: NDArray[np.uint32] = np.empty(0, np.uint32)
        self._slots: Slots = np.empty(0, np.int64)

    def slots_of(self, handles: NDArray[np.uint32]) -> Slots:
        """Slots of these client handles, -1 where the item was given up meanwhile.

        Raises:
            UndecodablePayload: one of them was never given away.
        """
        if not len(self._handles):
            raise UndecodablePayload("values of items that nobody asked for")
        places = np.searchsorted(self._handles, handles).clip(max=len(self._handles) - 1)
        if (self._handles[places] != handles).any():
            raise UndecodablePayload("a value of an item that nobody asked for")
        slots: Slots = self._slots[places]
        return slots

    async def create(self, subscription: int, slots: Sequence[int]) -> None:
        """Ask for these; what the server does not watch is in `refused` afterwards. Raises session.FAILURES."""
        known = []
        for slot in slots:
            value = self._session.value_of(self._points.tags[slot].node)
            if value is None:
                self.refused[slot] = bad(Reason.BAD_ADDRESS)
            else:
                known.append((slot, self._request(slot, value)))
        self._index()
        without_filter = await self._create(subscription, known)
        if without_filter:
            self._unfiltered.update(without_filter)
            for slot in without_filter:
                self._points.notice(slot, "the server has no such filter for it and sends every change")
            await self.create(subscription, without_filter)

    async def give_up(self, subscription: int, slots: Sequence[int], code: int) -> None:
        """The server says that it watches these, but nothing comes: treat them as refused. Raises session.FAILURES."""
        request = ua.DeleteMonitoredItemsRequest()
        request.Parameters.SubscriptionId = subscription
        items = [self._item_of.pop(slot) for slot in slots if slot in self._item_of]
        self._slot_of |= dict.fromkeys((handle for handle, _ in items), -1)
        self._index()
        self.refused |= dict.fromkeys(slots, code)

        async def delete(ids: Sequence[int]) -> None:
            request.Parameters.MonitoredItemIds = list(ids)
            await ask_for(self._session.client, request, ua.DeleteMonitoredItemsResponse)

        await ask_in_batches(
            [item for _, item in items], self._session.limits.monitor, lambda _: ua.NodeId(), delete, lambda _: None
        )

    async def _create(self, subscription: int, wanted: list[tuple[int, Any]]) -> list[int]:
        """Ask for these; returns those whose filter the server does not have."""

        async def create(batch: Sequence[tuple[int, Any]]) -> list[Any]:
            request = ua.CreateMonitoredItemsRequest()
            request.Parameters.SubscriptionId = subscription
            request.Parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
            request.Parameters.ItemsToCreate = [item for _, item in batch]
            answer = await ask_for(self._session.client, request, ua.CreateMonitoredItemsResponse)
            if len(answer.Results) != len(batch):
                raise UndecodablePayload(f"asked for {len(batch)} items, got {len(answer.Results)}")
            return list(answer.Results)

        parts = await ask_in_batches(
            wanted,
            self._session.limits.monitor,
            lambda item: item[1].ItemToMonitor.NodeId,
            create,
            lambda status: [ua.MonitoredItemCreateResult(StatusCode=ua.StatusCode(status))],
        )
        without_filter = []
        for (slot, request), result in zip(wanted, (one for part in parts for one in part), strict=True):
            if result.StatusCode.is_good():
                self.refused.pop(slot, None)
                self._item_of[slot] = (request.RequestedParameters.ClientHandle, result.MonitoredItemId)
                self._notice_queue(slot, request.RequestedParameters.QueueSize, result.RevisedQueueSize)
            elif result.StatusCode.value in _FILTER_REFUSED and slot not in self._unfiltered:
                without_filter.append(slot)
            else:
                self.refused[slot] = refusal_of(result.StatusCode.value)
        return without_filter

    def _request(self, slot: int, value: ua.ReadValueId) -> ua.MonitoredItemCreateRequest:
        tag, device = self._points.tags[slot], self._settings
        request = ua.MonitoredItemCreateRequest()
        request.ItemToMonitor = value
        request.MonitoringMode = ua.MonitoringMode.Reporting
        asked = request.RequestedParameters
        asked.ClientHandle = self._new_handle(slot)
        asked.SamplingInterval = 1000 * (device.sampling_interval_s if tag.sampling_s is None else tag.sampling_s)
        asked.QueueSize = tag.queue_size or device.queue_size
        asked.DiscardOldest = tag.discard == "oldest"
        asked.Filter = None if slot in self._unfiltered else _filter(tag)
        return request

    def _new_handle(self, slot: int) -> int:
        while True:
            handle = random.randrange(_HANDLES)
            if handle not in self._slot_of:
                self._slot_of[handle] = slot
                return handle

    def _index(self) -> None:
        self._handles = np.array(sorted(self._slot_of), np.uint32)
        self._slots = np.array([self._slot_of[handle] for handle in self._handles.tolist()], np.int64)

    def _notice_queue(self, slot: int, asked: int, got: int) -> None:
        if 0 < got < asked:
            self._points.notice(slot, f"the server keeps only {got} changes between two answers, not {asked}")


def _filter(tag: OpcuaTag) -> ua.DataChangeFilter | None:
    """None is the server's own default: every new value or status."""
    deadband, kind = tag.server_deadband, ua.DeadbandType.Absolute
    if tag.server_deadband_percent is not None:
        deadband, kind = tag.server_deadband_percent, ua.DeadbandType.Percent
    if deadband is None and tag.trigger == "value":
        return None
    chosen = ua.DataChangeFilter()
    chosen.Trigger = _TRIGGERS[tag.trigger]
    chosen.DeadbandType = ua.DeadbandType.None_ if deadband is None else kind
    chosen.DeadbandValue = deadband or 0.0
    return chosen
