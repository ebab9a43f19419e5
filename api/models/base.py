"""The bases of all models and the types they share."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

LIMIT_DEFAULT = 50
LIMIT_MOST = 200


class Body(BaseModel):
    """What a client sends: no unknown field, no quiet conversion."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class PageQuery(BaseModel):
    """Which page of a list; a misspelt filter is told, not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cursor: str | None = Field(None, max_length=500, description="`next_cursor` of the page before.")
    limit: int = Field(LIMIT_DEFAULT, ge=1, le=LIMIT_MOST)


class Answer(BaseModel):
    """What we send: built from values of our own, every field always there."""

    model_config = ConfigDict(frozen=True, from_attributes=True, json_schema_serialization_defaults_required=True)


def _printable(text: str) -> str:
    """PostgreSQL stores no NUL, and no person types a control character other than a new line or a tab."""
    if any(ord(sign) < 32 and sign not in "\n\t" for sign in text):
        raise ValueError("control characters are not taken")
    return text


def _only_text(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("must be a text")
    return value


def _in_utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


# JSON has neither ids nor times, so strict bodies take them from text, and from nothing else.
Id = Annotated[UUID, BeforeValidator(_only_text), Field(strict=False)]
Instant = Annotated[AwareDatetime, BeforeValidator(_only_text), Field(strict=False)]
Time = Annotated[datetime, AfterValidator(_in_utc)]

_LINE = StringConstraints(strip_whitespace=True, min_length=1, max_length=200)
_NOTE = StringConstraints(strip_whitespace=True, max_length=4000)
Line = Annotated[str, _LINE, AfterValidator(_printable)]
Note = Annotated[str, _NOTE, AfterValidator(_printable)]


Language = Literal["zh-CN", "en"]
Role = Literal["operator", "technician", "planner", "admin", "vendor"]
Priority = Literal["critical", "high", "medium", "low", "advisory"]
OrderState = Literal[
    "NEW", "WAIT_APPROVAL", "ASSIGNED", "ACCEPTED", "IN_PROGRESS", "ON_HOLD", "DONE", "CLOSED", "CANCELLED"
]


class MachineRef(Answer):
    """Enough of a machine to name it and to link to it."""

    id: UUID
    slug: str
    name: str


class PersonRef(Answer):
    """Enough of a person to name them."""

    id: UUID
    name: str
