"""The body of every refusal."""

from pydantic import BaseModel, ConfigDict


class ProblemBody(BaseModel):
    """RFC 9457, with members of ours where a kind has them."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:linewright:problem:not-now",
                    "title": "The order's state does not allow this",
                    "status": 409,
                    "detail": "`close` is not possible in NEW; allowed now: assign, cancel",
                    "allowed": ["assign", "cancel"],
                }
            ]
        }
    )

    type: str
    title: str
    status: int
    detail: str
    fields: dict[str, str] | None = None
    allowed: list[str] | None = None
    missing: list[str] | None = None
    version: int | None = None
    incident: str | None = None
