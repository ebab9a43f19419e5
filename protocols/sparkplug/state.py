"""STATE, the birth and the death of a host application: `{"online": true, "timestamp": 1700000000000}`, retained.

A death bears the timestamp of the birth before it, so a will that arrives late cannot bury a newer birth.
"""

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, ValidationError

from protocols import UndecodablePayload


class HostState(BaseModel):
    """Whether a host takes data. `timestamp_ms`: when it connected, ms since 1970 UTC."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    online: StrictBool
    timestamp_ms: StrictInt = Field(alias="timestamp", ge=0, lt=1 << 63)


def encode(*, online: bool, timestamp_ms: int) -> bytes:
    """The retained payload; the same with online = False is the will."""
    return HostState(online=online, timestamp=timestamp_ms).model_dump_json(by_alias=True).encode()


def decode(payload: bytes) -> HostState:
    """Raises UndecodablePayload."""
    try:
        return HostState.model_validate_json(payload)
    except ValidationError as error:
        raise UndecodablePayload(f'no {{"online": …, "timestamp": …}}: {error.errors()[0]["msg"]}') from error
