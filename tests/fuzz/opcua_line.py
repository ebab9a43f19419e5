"""The real driver on asyncua's real client protocol, its socket replaced by the other end of this module.

    OpcuaDriver ──requests──► Wire          answers, in the server's own encoding ──► data_received ──► OpcuaDriver

Ten thousand damaged answers need ten seconds this way; a real socket and server would need an hour (see opcua_live).
"""

import asyncio
import contextlib
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from asyncua import ua
from asyncua.client.ua_client import UaClientState, UASocketProtocol
from asyncua.common.connection import SecureConnection, TransportLimits
from asyncua.crypto.security_policies import SecurityPolicyNone
from asyncua.ua.ua_binary import struct_to_binary

from protocols.opcua.limits import Limit, Limits
from protocols.opcua.session import Session
from runtime.clock import SystemClock
from tests.protocols.opcua_rig import URI, device, make

CHANNEL, TOKEN, SUBSCRIPTION = 7, 13, 77
_TAGS = (
    ("Double", "float64"), ("Float", "float32"), ("Int32", "int32"), ("UInt32", "uint32"), ("Int16", "int16"),
    ("UInt16", "uint16"), ("SByte", "int8"), ("Byte", "uint8"), ("Int64", "int64"), ("UInt64", "uint64"),
    ("Boolean", "bool"), ("String", "string"),
)  # fmt: skip
TYPES, CONFIGURED = zip(*_TAGS, strict=True)
FLOATS_OF_FLOAT = 1  # the second tag of each dozen is a Float that is configured as float64, the usual default


def shown(tag: int, turn: int) -> Any:
    """What this tag shows in this turn; no other tag shows it in any turn near."""
    kind = TYPES[tag % len(TYPES)]
    if kind == "Boolean":
        return turn % 2 == 0
    if kind == "String":
        return f"tag {tag} turn {turn}"
    if kind in ("SByte", "Byte"):
        return tag % 10 + 12 * (turn % 8)
    number = tag + 100 * (turn % 300)
    return number + 0.25 if kind in ("Double", "Float") else number


class Wire(asyncio.Transport):
    """Takes what the client writes; closing it is told to the protocol, as a socket would."""

    def __init__(self, protocol: UASocketProtocol) -> None:
        super().__init__()
        self._protocol = protocol
        self.open = True

    def write(self, data: Any) -> None:
        pass

    def is_closing(self) -> bool:
        return not self.open

    def close(self) -> None:
        if self.open:
            self.open = False
            asyncio.get_running_loop().call_soon(self._protocol.connection_lost, None)


class Line:
    """One life of a session: until damage ends it."""

    def __init__(self, tags: int) -> None:
        limits = TransportLimits(65535, 65535, 0, 0)
        self.protocol = UASocketProtocol(30, SecurityPolicyNone(), limits)
        self.wire = Wire(self.protocol)
        self._server = SecureConnection(SecurityPolicyNone(), limits)
        for end in (self.protocol._connection, self._server):
            end.security_token.ChannelId, end.security_token.TokenId, end._open = CHANNEL, TOKEN, True
        self.protocol.connection_made(self.wire)
        types = [CONFIGURED[tag % len(TYPES)] for tag in range(tags)]
        named = [{"tag": f"t{i}", "node": f"nsu={URI};s=n{i}", "type": kind} for i, kind in enumerate(types)]
        named[FLOATS_OF_FLOAT]["type"] = "float64"
        self.driver: Any = make(device(4840, named, silence_s=600.0, timeout_s=30.0))
        self.client: Any = SimpleNamespace(
            uaclient=SimpleNamespace(protocol=self.protocol),
            state=UaClientState.CONNECTED,
            close_session=self.lose,
            disconnect=self.lose,
        )
        self.protocol.on_connection_lost = self._lost
        session = Session(self.client, self.driver._seat, Limits(Limit(1000), Limit(1000)), ["", URI], SystemClock())
        self.driver._session = session
        self.sequence = 0

    def _lost(self, _error: object) -> None:
        self.client.state = UaClientState.DISCONNECTED

    async def lose(self) -> None:
        """The end of this life."""
        self._lost(None)
        self.wire.close()
        await settle()

    @property
    def alive(self) -> bool:
        return self.wire.open

    @property
    def pending(self) -> list[int]:
        """Requests that wait for an answer: number and handle of each are the same here."""
        return sorted(self.protocol._callbackmap)

    def chunk(self, request: int, response: Any) -> bytes:
        """An honest answer, as the server sends it."""
        response.ResponseHeader.RequestHandle = request
        return bytes(self._server.message_to_binary(struct_to_binary(response), request_id=request))

    def receive(self, chunks: Sequence[bytes]) -> None:
        for chunk in chunks:
            if self.alive:
                self.protocol.data_received(chunk)

    def created(self, tags: int) -> list[Any]:
        """The answers that open a subscription."""
        subscription = ua.CreateSubscriptionResponse()
        subscription.Parameters.SubscriptionId = SUBSCRIPTION
        items = ua.CreateMonitoredItemsResponse()
        items.Results = [ua.MonitoredItemCreateResult(MonitoredItemId=tag) for tag in range(tags)]
        return [subscription, items]

    def published(self, values: dict[int, Any]) -> ua.PublishResponse:
        """A message with these values: tag to what it shows."""
        self.sequence += 1
        handles = {slot: handle for handle, slot in self.driver._feed._items._slot_of.items()}
        notification = ua.DataChangeNotification()
        notification.MonitoredItems = [
            ua.MonitoredItemNotification(handles[tag], data_value(tag, value)) for tag, value in values.items()
        ]
        response = ua.PublishResponse()
        response.Parameters.SubscriptionId = SUBSCRIPTION
        response.Parameters.NotificationMessage.SequenceNumber = self.sequence
        response.Parameters.NotificationMessage.NotificationData = [notification]
        return response


def data_value(tag: int, value: Any) -> ua.DataValue:
    now = ua.get_win_epoch().now(tz=ua.get_win_epoch().tzinfo)
    return ua.DataValue(ua.Variant(value, ua.VariantType[TYPES[tag % len(TYPES)]]), None, now, now)


async def settle(turns: int = 12) -> None:
    """Let everything that is ready happen."""
    for _ in range(turns):
        await asyncio.sleep(0)


async def stop(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
