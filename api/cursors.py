"""Opaque cursors: the sort key of the last row, base64url of JSON. A cursor that is none of ours is 422."""

import base64
import binascii
import json
from datetime import datetime
from uuid import UUID

from api import Invalid


def encode(*key: datetime | UUID | str | int) -> str:
    """The sort key of the last row of a page."""
    parts = [part.isoformat() if isinstance(part, datetime) else str(part) for part in key]
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def time_and_id(cursor: str | None) -> tuple[datetime, UUID] | None:
    """The key of a list sorted by (time, id). Raises Invalid."""
    if cursor is None:
        return None
    try:
        at, row_id = _parts(cursor, 2)
        stamp = datetime.fromisoformat(at)
        if stamp.tzinfo is None:
            raise ValueError(at)
        return stamp, UUID(row_id)
    except ValueError as error:
        raise Invalid({"query.cursor": "is no cursor of this list; start without one"}) from error


def time(cursor: str | None) -> datetime | None:
    """The key of a list sorted by one time. Raises Invalid."""
    try:
        stamp = datetime.fromisoformat(text(cursor) or "") if cursor is not None else None
    except ValueError as error:
        raise Invalid({"query.cursor": "is no cursor of this list; start without one"}) from error
    if stamp is not None and stamp.tzinfo is None:
        raise Invalid({"query.cursor": "is no cursor of this list; start without one"})
    return stamp


def text(cursor: str | None) -> str | None:
    """The key of a list sorted by one text. Raises Invalid."""
    if cursor is None:
        return None
    try:
        (key,) = _parts(cursor, 1)
    except ValueError as error:
        raise Invalid({"query.cursor": "is no cursor of this list; start without one"}) from error
    return key


def _parts(cursor: str, wanted: int) -> list[str]:
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        parts = json.loads(raw)
    except (binascii.Error, UnicodeError, RecursionError) as error:
        raise ValueError(cursor) from error
    if not isinstance(parts, list) or len(parts) != wanted:
        raise ValueError(cursor)
    for part in parts:
        if not isinstance(part, str) or "\0" in part or not part.isprintable():
            raise ValueError(cursor)
    return parts
