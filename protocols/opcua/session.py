"""One session with an OPC UA server: trust, login, limits, namespaces.

    OpcuaSettings ──open_session──► Session ──► checked services, in batches the server accepts

Sessions are short-lived on purpose: after a loss the driver makes a new one, asyncua's own reconnection stays off. The
new one takes the seat of the old one, so there is never more than one.
"""

import asyncio
import contextlib
import re
import struct
from collections.abc import Sequence

import numpy as np
from asyncua import Client, ua
from asyncua.client.ua_client import UaClientState
from asyncua.crypto.uacrypto import InvalidSignature as WrongSignature
from cryptography.exceptions import InvalidSignature

from protocols import BadPointTable, DeviceUnavailable, UndecodablePayload
from protocols.cancelling import cancel_requests, raise_forgotten
from protocols.opcua.data_values import DataValues, empty
from protocols.opcua.exchange import ask, ask_for
from protocols.opcua.limits import Limits, ask_in_batches, learn_limits
from protocols.opcua.notifications import read_results
from protocols.opcua.publishing import Publishing
from protocols.opcua.seat import ReturningClient, Seat
from protocols.opcua.security import explained, secure
from protocols.opcua.settings import OpcuaSettings
from runtime.clock import Clock, SystemClock

# What a service call may raise: a refused certificate is a bare AssertionError, a damaged answer any of the later ones.
FAILURES = (
    OSError, TimeoutError, ua.UaError, AssertionError, UndecodablePayload, ValueError, LookupError, struct.error,
    InvalidSignature, WrongSignature,
)  # fmt: skip

_NODE = re.compile(r"(?:nsu=([^;]+);)?(.+)", re.DOTALL)
_SESSION_LIFE_LEAST_S = 20.0  # how long the server keeps a session whose gateway lost its power


class Session:
    """A connected client and what the server said about itself."""

    def __init__(self, client: Client, seat: Seat, limits: Limits, namespaces: list[str], clock: Clock) -> None:
        self.client = client
        self.seat = seat
        self.limits = limits
        self.publishing = Publishing(client, clock)
        self.ended: set[int] = set()  # subscriptions whose last messages may still come
        self._namespaces = namespaces
        self._values: dict[str, ua.ReadValueId] = {}

    @property
    def alive(self) -> bool:
        return self.client.state is UaClientState.CONNECTED

    def value_of(self, text: str) -> ua.ReadValueId | None:
        """The value that a configured node means on this server; None when it does not know the namespace."""
        if text not in self._values:
            uri, rest = split_node(text)
            if uri is not None and uri not in self._namespaces:
                return None
            value = self._values[text] = ua.ReadValueId()
            value.NodeId = ua.NodeId.from_string(rest if uri is None else f"ns={self._namespaces.index(uri)};{rest}")
            value.AttributeId = ua.AttributeIds.Value
        return self._values[text]

    async def read(self, nodes: Sequence[str]) -> DataValues:
        """The values of these configured nodes, in order, each with its own status."""
        wanted = [self.value_of(node) for node in nodes]
        asked = [value for value in wanted if value is not None]
        parts = await ask_in_batches(
            asked, self.limits.read, lambda value: value.NodeId, self._read, lambda status: empty(1, status)
        )
        values = empty(len(nodes), ua.StatusCodes.BadNodeIdUnknown)
        places = np.array([place for place, value in enumerate(wanted) if value is not None], np.int64)
        begin = 0
        for part in parts:
            values.copy_from(part, places[begin : begin + len(part)])
            begin += len(part)
        return values

    async def _read(self, wanted: Sequence[ua.ReadValueId]) -> DataValues:
        request = ua.ReadRequest()
        request.Parameters.TimestampsToReturn = ua.TimestampsToReturn.Neither
        request.Parameters.NodesToRead = list(wanted)
        values = read_results(await ask(self.client, request))
        if len(values) != len(wanted):
            raise UndecodablePayload(f"asked for {len(wanted)} values, got {len(values)}")
        return values

    async def refresh_namespaces(self) -> None:
        """Ask for the namespaces again: a server may load an information model late."""
        namespaces = await self.client.get_namespace_array()
        if namespaces != self._namespaces:
            self._namespaces = namespaces
            self._values.clear()

    async def delete_subscriptions(self, ids: set[int]) -> None:
        """The server need not keep these any longer."""
        self.ended |= ids
        request = ua.DeleteSubscriptionsRequest()
        request.Parameters.SubscriptionIds = sorted(ids)
        await ask_for(self.client, request, ua.DeleteSubscriptionsResponse)
        self.seat.subscriptions -= ids

    async def close(self) -> None:
        """Close session, channel and socket; a server that is gone is not waited for longer than the time-out."""
        cancels = cancel_requests()
        await self.publishing.close()
        await _leave(self.client, self.seat)
        raise_forgotten(cancels)


async def _leave(client: Client, seat: Seat) -> None:
    """Leave no session behind on the server, half-made or whole; what it does not confirm is taken over later."""
    connected = client.state is UaClientState.CONNECTED
    with contextlib.suppress(*FAILURES):
        await client.close_session()
        if connected:
            seat.leave()
    with contextlib.suppress(*FAILURES):
        await client.disconnect()


def split_node(text: str) -> tuple[str | None, str]:
    """Namespace URI and the rest of a node text. Raises BadPointTable when the rest is no node id."""
    match = _NODE.fullmatch(text)
    uri, rest = (match[1], match[2]) if match else (None, text)
    try:
        ua.NodeId.from_string(rest)
    except (ua.UaError, ValueError) as error:
        raise BadPointTable(f"node {text!r} is no node id; write nsu=<uri>;s=<name> or nsu=<uri>;i=<number>") from error
    return uri, rest


async def open_session(settings: OpcuaSettings, seat: Seat, clock: Clock | None = None) -> Session:
    """Connect, log in, learn limits and namespaces. Raises DeviceUnavailable."""
    client = ReturningClient(seat, settings.url, settings.timeout_s)
    client.session_timeout = round(1000 * max(_SESSION_LIFE_LEAST_S, 4 * settings.timeout_s))
    cancels = cancel_requests()
    try:
        await secure(client, settings)
        await client.connect()
        limits = await learn_limits(client)
        namespaces = await client.get_namespace_array()
        session = Session(client, seat, limits, namespaces, clock or SystemClock())
        if client.resumed and seat.subscriptions:
            await session.delete_subscriptions(set(seat.subscriptions))
        raise_forgotten(cancels)
    except FAILURES as error:
        await _leave(client, seat)
        raise DeviceUnavailable(await _cause(settings, error)) from error
    except (DeviceUnavailable, asyncio.CancelledError):
        await _leave(client, seat)
        raise
    return session


async def _cause(settings: OpcuaSettings, error: BaseException) -> str:
    with contextlib.suppress(*FAILURES):
        return await explained(settings, error)
    return f"{settings.url}: no session ({error!r})"
