"""A request and its answer on asyncua's channel, checked: asyncua pairs them by a number and believes the rest.

request ──asyncua──► server ──asyncua──► answer: right kind? to this request? success? ──► Reader, at the body
"""

from typing import Any, TypeVar

from asyncua import Client, ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary

from protocols import UndecodablePayload
from protocols.opcua.binary import Reader

_FAULT = "i=397"
Answer = TypeVar("Answer")


class _ForwardBuffer(Buffer):  # type: ignore[misc]  # asyncua exports it untyped
    """asyncua's buffer, which goes back when a damaged length is negative; this one refuses."""

    def read(self, size: int) -> bytes:
        if size < 0:
            raise UndecodablePayload(f"{size} bytes wanted")
        octets: bytes = super().read(size)
        return octets


async def ask(client: Client, request: Any, timeout_s: float | None = None) -> Reader:
    """The body of the answer to this request; 0 waits for ever.

    Raises:
        UaStatusCodeError: the server refuses.
        UndecodablePayload: the answer is none to this request.
        OSError, TimeoutError, UaError: no answer.
    """
    protocol = client.uaclient.protocol
    if protocol is None:
        raise ConnectionError("not connected")
    answer = await protocol.send_request(request, timeout_s)
    reader = Reader(bytes(answer))
    _check_header(reader, request)
    return reader


async def ask_for(client: Client, request: Any, kind: type[Answer]) -> Answer:
    """The same, as asyncua's structure `kind`. Raises the same."""
    reader = await ask(client, request)
    buffer = _ForwardBuffer(reader.data)
    answer: Answer = struct_from_binary(kind, buffer)
    if len(buffer):
        raise UndecodablePayload(f"{len(buffer)} bytes too many")
    return answer


def _check_header(reader: Reader, request: Any) -> None:
    """Type and ResponseHeader (Part 4, 7.33)."""
    kind = reader.node_id()
    reader.take(8)  # time
    handle, status = reader.u4(), reader.u4()
    reader.diagnostics()
    for _ in range(reader.count(4)):
        reader.octets()
    reader.extension()
    name = type(request).__name__.removesuffix("Request")
    if kind not in (_FAULT, f"i={getattr(ua.ObjectIds, name + 'Response_Encoding_DefaultBinary')}"):
        raise UndecodablePayload(f"{kind} is no answer to {name}")
    if handle != request.RequestHeader.RequestHandle:
        raise UndecodablePayload(f"an answer to request {handle}, not {request.RequestHeader.RequestHandle}")
    if status >> 30:
        raise ua.UaStatusCodeError(status)
    if kind == _FAULT:
        raise UndecodablePayload("a fault that says all is well")
