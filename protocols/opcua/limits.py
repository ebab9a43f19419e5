"""How much a server takes at once: as it says, as it turns out, and never more than one chunk of bytes.

items ──ask_in_batches──► requests of at most `most` items and 60 kB; what is too much for the server is halved
"""

from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from asyncua import Client, ua

_LIMIT_NODES = (
    ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead,
    ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall,
    ua.ObjectIds.Server_ServerCapabilities_MaxArrayLength,
)
_BATCH_MOST = 1000  # where the server names no limit
_REQUEST_BYTES_MOST = 60_000  # every server takes a chunk of 64 kB
_ITEM_BYTES = 96  # of a request, beside the text of its node id: a monitored item with its filter
_TOO_MUCH = frozenset(
    {
        ua.StatusCodes.BadTooManyOperations,
        ua.StatusCodes.BadRequestTooLarge,
        ua.StatusCodes.BadResponseTooLarge,
        ua.StatusCodes.BadEncodingLimitsExceeded,
        ua.StatusCodes.BadTcpMessageTooLarge,
    }
)

Item = TypeVar("Item")
Part = TypeVar("Part")


@dataclass(slots=True)
class Limit:
    """So many items in one request; becomes less when the server turns out to take less than it said."""

    most: int


@dataclass(frozen=True, slots=True)
class Limits:
    """Of the services that we use."""

    read: Limit
    monitor: Limit


async def learn_limits(client: Client) -> Limits:
    """Ask the server. Raises what session.FAILURES names."""
    nodes = [client.get_node(ua.NodeId(number)) for number in _LIMIT_NODES]
    read, monitor, array = (_number(value) for value in await client.read_attributes(nodes))
    return Limits(Limit(min(read, array)), Limit(min(monitor, array)))


def _number(value: ua.DataValue) -> int:
    """0, nothing or nonsense means that the server names no limit."""
    number: Any = value.Value.Value if value.Value is not None else None
    return min(number, _BATCH_MOST) if isinstance(number, int) and number > 0 else _BATCH_MOST


async def ask_in_batches(
    items: Sequence[Item],
    limit: Limit,
    node_of: Callable[[Item], ua.NodeId],
    ask: Callable[[Sequence[Item]], Awaitable[Part]],
    refused: Callable[[int], Part],
) -> list[Part]:
    """Answers in the order of the items. One item that is too much by itself is `refused`, and costs nobody else."""
    parts: list[Part] = []
    pending = deque(_batches(items, limit.most, node_of))
    while pending:
        batch = pending.popleft()
        if len(batch) > limit.most:
            pending.appendleft(batch[limit.most :])
            batch = batch[: limit.most]
        try:
            parts.append(await ask(batch))
        except ua.UaStatusCodeError as error:
            if error.code not in _TOO_MUCH:
                raise
            if len(batch) == 1:
                parts.append(refused(error.code))
                continue
            half = len(batch) // 2
            if error.code == ua.StatusCodes.BadTooManyOperations:
                limit.most = min(limit.most, half)
            pending.extendleft((batch[half:], batch[:half]))
    return parts


def _batches(items: Sequence[Item], most: int, node_of: Callable[[Item], ua.NodeId]) -> Iterator[Sequence[Item]]:
    begin = size = 0
    for place, item in enumerate(items):
        identifier = node_of(item).Identifier
        item_bytes = _ITEM_BYTES + (4 * len(identifier) if isinstance(identifier, str | bytes) else 0)
        if place > begin and (place - begin == most or size + item_bytes > _REQUEST_BYTES_MOST):
            yield items[begin:place]
            begin, size = place, 0
        size += item_bytes
    if begin < len(items):
        yield items[begin:]
