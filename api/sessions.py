"""Login and logout: an opaque token of 256 bits, kept as a hash, shown once and set as a cookie.

A wrong login and a wrong password look alike and take as long; guessing is slowed per login and per address.
"""

from datetime import timedelta

import structlog
from fastapi import APIRouter, Request, Response

from api import SignInNeeded
from api.access import COOKIE, Caller, SignedIn, Tx, refuse_foreign_origin
from api.limits import address_key
from api.models import session as models
from api.state import ApiState, state_of
from database.pool import set_tenant, transaction
from database.queries import load_queries
from device_registry import store as registry
from device_registry.records import Login

log = structlog.get_logger()
queries = load_queries(__file__)
router = APIRouter(tags=["session"])


@router.post("/session")
async def create_session(wanted: models.Login, request: Request, response: Response) -> models.NewSession:
    """Sign in."""
    state = state_of(request)
    if "sec-fetch-site" in request.headers or "origin" in request.headers:
        refuse_foreign_origin(request)
    found = await _checked(state, wanted, caller_address(request))
    async with transaction(state.pool) as connection:
        await set_tenant(connection, found.tenant_id)
        await connection.execute(queries.forget_sessions)
        lifetime = timedelta(hours=state.settings.session_hours)
        token, expires_at = await registry.create_session(connection, found.person_id, lifetime)
        session = await registry.find_session(connection, token)
    if session is None:
        raise SignInNeeded("the login was disabled at this moment")
    _set_cookie(state, request, response, token)
    person = models.Me.model_validate(session.person)
    return models.NewSession(person=person, expires_at=expires_at, token=token)


@router.get("/session")
async def read_session(caller: SignedIn) -> models.SessionAnswer:
    """Who one is, and until when."""
    return models.SessionAnswer(person=_me(caller), expires_at=caller.expires_at)


@router.patch("/session")
async def change_session(change: models.SessionChange, tx: Tx, caller: SignedIn) -> models.MeAnswer:
    """Choose another language; it stays with the person."""
    await registry.set_language(tx, caller.person_id, change.language)
    return models.MeAnswer(person=_me(caller).model_copy(update={"language": change.language}))


@router.delete("/session", status_code=204)
async def end_session(tx: Tx, caller: SignedIn, response: Response) -> None:
    """Sign out; open streams of this session end within seconds."""
    await registry.end_session(tx, caller.token)
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax")


def caller_address(request: Request) -> str:
    """What limits count: the peer, or what a trusted proxy says is behind it."""
    return address_key(request.client.host if request.client else "")


async def _checked(state: ApiState, wanted: models.Login, address: str) -> Login:
    key = wanted.login.casefold()
    state.limits.login_address.take(address)
    state.limits.login.take(key)
    async with transaction(state.pool) as connection:
        found = await registry.find_login(connection, wanted.login)
    usable = found if found and not found.disabled else None
    fits = await state.passwords.fits(usable.password_hash if usable else None, wanted.password)
    if usable is None or not fits:
        log.warning("login refused", login=wanted.login, address=address)
        raise SignInNeeded("login or password is wrong")
    state.limits.login_address.give_back(address)
    state.limits.login.give_back(key)
    return usable


def _set_cookie(state: ApiState, request: Request, response: Response, token: str) -> None:
    response.set_cookie(
        COOKIE,
        token,
        max_age=state.settings.session_hours * 3600,
        path="/",
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https" or state.settings.base_url.startswith("https"),
    )


def _me(caller: Caller) -> models.Me:
    return models.Me.model_validate(
        {"id": caller.person_id, "login": caller.login, "name": caller.name,
         "roles": sorted(caller.roles), "language": caller.language}
    )  # fmt: skip
