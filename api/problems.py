"""Errors of every room as RFC 9457 problems: the only place where an error gets a status code.

    error ──► first line of PROBLEMS that fits ──► {"type", "title", "status", "detail", …} as application/problem+json

`type` is a URN of ours: it names the kind, and nothing has to be fetched from anywhere to read it.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

import psycopg
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

import anomaly
import api
import database
import device_registry
import maintenance
from anomaly import models as detector_models
from ingest_service.export import ParquetMissing
from ingest_service.waveforms import DamagedWaveform, UnknownWaveform

log = structlog.get_logger()

Extra = Callable[[Any], Mapping[str, Any]]


class ProblemResponse(JSONResponse):
    """An RFC 9457 body."""

    media_type = "application/problem+json"


def _nothing(_: object) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class Problem:
    """How one kind of error is told."""

    kind: str
    status: int
    title: str
    members: Extra = _nothing
    headers: Extra = _nothing
    detail: str | None = None  # instead of the error's own text, where that is not for strangers


def _retry_after(error: api.TooMany) -> Mapping[str, str]:
    return {"Retry-After": str(max(1, round(error.retry_after_s)))}


def _allowed(error: maintenance.Refused) -> Mapping[str, Any]:
    return {"allowed": error.allowed}


_DATABASE_AWAY = Problem(
    "database-away",
    503,
    "The database is not there",
    headers=lambda _: {"Retry-After": "5"},
    detail="Try again in a few seconds; nothing of this request was kept.",
)
_NOT_FOUND = Problem("not-found", 404, "There is no such thing")
_STALE = Problem("version-mismatch", 412, "It has changed in the meantime")

PROBLEMS: dict[type[Exception], Problem] = {
    api.SignInNeeded: Problem("sign-in", 401, "Sign in first", headers=lambda _: {"WWW-Authenticate": "Bearer"}),
    api.NotAllowed: Problem("not-allowed", 403, "Your role may not do this"),
    api.ForeignOrigin: Problem("foreign-origin", 403, "Another site started this request"),
    maintenance.Forbidden: Problem("not-yours", 403, "Somebody else may do this now", members=_allowed),
    api.NoSuchThing: _NOT_FOUND,
    device_registry.UnknownMachine: _NOT_FOUND,
    maintenance.UnknownMachine: _NOT_FOUND,
    maintenance.UnknownOrder: _NOT_FOUND,
    maintenance.UnknownReport: _NOT_FOUND,
    anomaly.UnknownAlarm: _NOT_FOUND,
    anomaly.UnknownStanding: _NOT_FOUND,
    anomaly.UnknownPattern: _NOT_FOUND,
    anomaly.UnknownStop: _NOT_FOUND,
    anomaly.UnknownDependency: _NOT_FOUND,
    detector_models.UnknownModel: _NOT_FOUND,
    detector_models.NotFromHere: Problem("not-now", 409, "The model's state does not allow this"),
    anomaly.CircularDependency: Problem("circle", 409, "Two machines would explain each other"),
    UnknownWaveform: _NOT_FOUND,
    DamagedWaveform: Problem("damaged", 500, "What is stored is not what was measured"),
    anomaly.DamagedEvidence: Problem("damaged", 500, "What is stored is not what was frozen"),
    anomaly.NoPictures: Problem("not-installed", 501, "This server cannot do that"),
    anomaly.NotPossible: Problem("not-now", 409, "The alarm's state does not allow this"),
    maintenance.NotAllowed: Problem("not-now", 409, "The order's state does not allow this", members=_allowed),
    maintenance.RequestReused: Problem("id-reused", 409, "This id belongs to something else; make a new one"),
    api.Gone: Problem("gone", 410, "It was taken back"),
    api.VersionMismatch: _STALE,
    maintenance.StaleVersion: replace(_STALE, members=lambda error: {"version": error.version}),
    api.Invalid: Problem("invalid", 422, "Something in it is not right", members=lambda e: {"fields": e.fields}),
    maintenance.BadReport: Problem("invalid", 422, "Something in it is not right"),
    maintenance.Missing: Problem("missing", 422, "Something is missing", members=lambda e: {"missing": e.fields}),
    api.TooMany: Problem("too-many", 429, "Too many requests", headers=_retry_after),
    ParquetMissing: Problem("not-installed", 501, "This server cannot do that"),
    database.DatabaseUnavailable: _DATABASE_AWAY,
    psycopg.OperationalError: _DATABASE_AWAY,  # deadlock, time-out, shutdown: the transaction is undone
}


def answer(problem: Problem, error: Exception) -> ProblemResponse:
    """The response that tells `error`."""
    detail = problem.detail or str(error)
    members, headers = problem.members(error), problem.headers(error)
    return _response(problem.kind, problem.title, problem.status, detail, members, headers)


def _response(
    kind: str, title: str, status: int, detail: str, members: Mapping[str, Any], headers: Mapping[str, str]
) -> ProblemResponse:
    body = {"type": f"urn:linewright:problem:{kind}", "title": title, "status": status, "detail": detail, **members}
    return ProblemResponse(body, status_code=status, headers=dict(headers))


async def _known(_: Request, error: Exception) -> Response:
    fitting = next(PROBLEMS[kind] for kind in type(error).__mro__ if kind in PROBLEMS)
    return answer(fitting, error)


async def _validation(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    fields = {".".join(str(part) for part in problem["loc"]): problem["msg"] for problem in error.errors()}
    return answer(PROBLEMS[api.Invalid], api.Invalid(fields))


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return http_problem(error)


def http_problem(error: HTTPException) -> ProblemResponse:
    """What the framework itself says: unknown route, method not allowed, body too large, broken form."""
    title = HTTPStatus(error.status_code).phrase
    kind = title.lower().replace(" ", "-")
    return _response(kind, title, error.status_code, str(error.detail), {}, error.headers or {})


async def _unexpected(request: Request, error: Exception) -> Response:
    """A fault of ours: the caller gets a number to quote, the log gets the rest."""
    incident = secrets.token_hex(6)
    log.error("request failed", incident=incident, method=request.method, path=request.url.path, error=repr(error))
    detail = f"This is our fault; quote incident {incident} and the time."
    return _response("fault", "Something broke", 500, detail, {"incident": incident}, {})


def install(app: FastAPI) -> None:
    """Every error that leaves a handler of `app` becomes a problem."""
    for kind in PROBLEMS:
        app.add_exception_handler(kind, _known)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)
