"""JSON of devices that speak MQTT themselves: one time, several values, no sequence and no catalog.

    {"ts": 1700000000000, "values": {"temperature": 21.5, "running": true, "pump-2/state": "idle", "flow": null}}

`ts` is ms since 1970 UTC and required: without it a repeated delivery could not be told from a new value. A key
is `tag`, then the machine bears the name of the sender, or `machine/tag`. JSON has one kind of number, so every
number is a FLOAT column and a tag does not change its type with its value. null is a value the device could not
give. Alias i of the batch is `names[i]`.
"""

import hashlib
import re

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StrictStr, ValidationError

from protocols import UndecodablePayload
from protocols.sample import DTYPE_OF, GOOD, Column, Reason, ValueKind, bad, concatenate
from protocols.wire.batch import Batch
from protocols.wire.catalog import ID

_MS_MOST = (1 << 63) // 1_000_000
_NAME = re.compile(ID)

_Value = StrictBool | StrictInt | StrictFloat | StrictStr | None


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid")

    ts: StrictInt = Field(ge=0, lt=_MS_MOST)
    values: dict[str, _Value] = Field(min_length=1, max_length=10_000)


def decode(payload: bytes, sender: str) -> Batch:
    """A payload of the device `sender` as a batch without header.

    Raises:
        UndecodablePayload: no such JSON, or a key that names no tag.
    """
    try:
        message = _Message.model_validate_json(payload)
    except ValidationError as error:
        raise UndecodablePayload(f'no {{"ts": …, "values": …}}: {error.errors()[0]["msg"]}') from error
    names = tuple(_name(key, sender) for key in message.values)
    columns = [_column(alias, message.ts * 1_000_000, value) for alias, value in enumerate(message.values.values())]
    return Batch(None, concatenate(columns), hashlib.sha256(payload).digest(), names)


def _name(key: str, sender: str) -> tuple[str, str]:
    machine, _, tag = key.rpartition("/")
    machine = machine or sender
    if not (_NAME.fullmatch(machine) and _NAME.fullmatch(tag)):
        raise UndecodablePayload(f"{key[:140]!r} names no tag: write tag or machine/tag, each like {ID}")
    return machine, tag


def _column(alias: int, time_ns: int, value: float | str | None) -> Column:
    shown: float | str
    if isinstance(value, bool):
        kind, shown = ValueKind.BOOL, value
    elif isinstance(value, str):
        kind, shown = ValueKind.TEXT, value
    else:
        kind, shown = ValueKind.FLOAT, np.nan if value is None else _float(value)
    code = bad(Reason.DEVICE_REPORTED) if value is None else GOOD
    return Column(
        kind,
        np.array([alias], np.uint32),
        np.array([time_ns], np.int64),
        np.array([shown], DTYPE_OF[kind]),
        np.array([code], np.uint16),
    )


def _float(value: float) -> float:
    """JSON knows integers beyond float64; they become infinite, which ingest stores as a bad value."""
    try:
        return float(value)
    except OverflowError:
        return np.inf
