"""What the server's answers bring: values that were read, or what a subscription has to tell. Pure, strict.

body of a PublishResponse ──read_notice──► Notice        body of a ReadResponse ──read_results──► DataValues
"""

from dataclasses import dataclass

from protocols import UndecodablePayload
from protocols.opcua.binary import Reader
from protocols.opcua.data_values import DataValues, read_data_values

_DATA, _EVENTS, _STATUS = "i=811", "i=916", "i=820"  # binary encodings, Part 6


@dataclass(frozen=True, slots=True)
class Notice:
    """One notification message. Without data, events and status it is a keep-alive, and `sequence` the next one's."""

    subscription: int
    sequence: int
    data: tuple[DataValues, ...] = ()
    counted: bool = False  # it has a sequence number of its own and wants to be acknowledged
    ended: int | None = None  # the status with which the server ends the subscription


def read_notice(reader: Reader) -> Notice:
    """The body of a PublishResponse. Raises UndecodablePayload."""
    subscription = reader.u4()
    reader.take(4 * reader.count(4))  # sequence numbers that the server still holds
    if reader.byte() > 1:
        raise UndecodablePayload("more notifications: neither yes nor no")
    notice = _message(reader, subscription)
    acknowledged = reader.count(4)
    reader.take(4 * acknowledged)
    reader.all_diagnostics(acknowledged)
    reader.finish()
    return notice


def read_again(reader: Reader, subscription: int) -> Notice:
    """The body of a RepublishResponse. Raises UndecodablePayload."""
    notice = _message(reader, subscription)
    reader.finish()
    return notice


def _message(reader: Reader, subscription: int) -> Notice:
    sequence = reader.u4()
    reader.take(8)  # publish time
    count = reader.count(3)
    data: list[DataValues] = []
    ended = None
    for _ in range(count):
        type_id, octets = reader.extension()
        body = Reader(octets)
        if type_id == _DATA:
            data.append(read_data_values(body, handles=True))
            body.all_diagnostics(len(data[-1]))
            body.finish()
        elif type_id == _STATUS:
            status = body.u4()
            body.diagnostics()
            body.finish()
            ended = status if status >> 30 >= 2 else ended
        elif type_id != _EVENTS:
            raise UndecodablePayload(f"a notification of unknown type {type_id}")
    return Notice(subscription, sequence, tuple(data), count > 0, ended)


def read_results(reader: Reader) -> DataValues:
    """The body of a ReadResponse. Raises UndecodablePayload."""
    values = read_data_values(reader, handles=False)
    reader.all_diagnostics(len(values))
    reader.finish()
    return values
