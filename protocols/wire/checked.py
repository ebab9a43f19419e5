"""JSON from the broker → a checked model, within bounds: as large as it may be, and no list of a million errors."""

from typing import NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from protocols import OversizedPayload, UndecodablePayload

M = TypeVar("M", bound=BaseModel)


class Bounds(NamedTuple):
    """Bytes of the payload, and objects and lists in it: an empty one takes three bytes there and 90 in memory."""

    bytes_most: int
    containers_most: int


def checked(model: type[M], payload: bytes, bounds: Bounds) -> M:
    """Raises UndecodablePayload with the first thing that is wrong; OversizedPayload beyond the bounds."""
    containers = payload.count(b"{") + payload.count(b"[")
    if len(payload) > bounds.bytes_most or containers > bounds.containers_most:
        raise OversizedPayload(f"{len(payload)} bytes with {containers} objects and lists are more than {bounds}")
    try:
        # Parsed apart: errors of `model_validate_json` keep a copy of all that was wrong.
        return model.model_validate(from_json(payload))
    except ValidationError as error:
        first = error.errors(include_input=False, include_context=False, include_url=False)[0]
        raise UndecodablePayload(f"{'.'.join(map(str, first['loc']))[:200]}: {first['msg']}") from None
    except ValueError as error:
        raise UndecodablePayload(f"no JSON: {error}") from error
