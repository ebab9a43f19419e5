"""Completes the OpenAPI document with what the framework cannot know: who may call what, and how refusals look."""

from collections.abc import Iterator
from typing import Any

from api.access import ACCESS, COOKIE, PUBLIC
from api.models.problem import ProblemBody

_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "The token of POST /api/v1/session."},
    "cookie": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "The same token, set for browsers."},
}
_REFUSAL = {
    "description": "Refused: a problem (RFC 9457), whose `type` says which.",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemBody"}}},
}
_REFUSALS = ("4XX", "503")


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """Add security, roles and refusals to every operation."""
    parts = document["components"]
    parts["securitySchemes"] = _SCHEMES
    parts["schemas"]["ProblemBody"] = ProblemBody.model_json_schema()
    for operation in _operations(document):
        roles = ACCESS[operation["operationId"]]
        operation["security"] = [] if roles is PUBLIC else [{"bearer": []}, {"cookie": []}]
        if roles is not PUBLIC:
            operation["x-roles"] = sorted(roles)
        operation["responses"].pop("422", None)  # the framework's own error body, which is never sent
        operation["responses"] |= dict.fromkeys(_REFUSALS, _REFUSAL)
    for name in ("HTTPValidationError", "ValidationError"):
        parts["schemas"].pop(name, None)
    return document


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in document["paths"].values():
        yield from methods.values()
