"""Turns the roles that the migrations made into logins of this installation."""

import time
from collections.abc import Callable, Mapping
from functools import partial

import psycopg
from psycopg import sql

LOGINS = ("lw_ingest", "lw_worker", "lw_app")

_ATTEMPTS = 10
_PAUSE_S = 0.05


def enable_logins(owner_dsn: str, passwords: Mapping[str, str]) -> None:
    """Give each role the right to log in and its password; only the scram verifier travels and is kept."""
    with psycopg.connect(owner_dsn, autocommit=True) as connection:
        for role, password in passwords.items():
            verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
            login = sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), sql.Literal(verifier))
            change_shared(partial(connection.execute, login))


def change_shared(change: Callable[[], object]) -> None:
    """Carry out a change to roles, again after a collision.

    Roles belong to the server and not to a database, so no lock of ours reaches whoever sets up another database of
    the same server at this moment; PostgreSQL refuses the later one ("tuple concurrently updated", or a role that
    has just come to be) instead of letting it wait.

    Raises:
        psycopg.Error: it was refused ten times, or for another reason.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            change()
            return
        except (psycopg.errors.InternalError_, psycopg.errors.UniqueViolation, psycopg.errors.DuplicateObject):
            if attempt == _ATTEMPTS:
                raise
            time.sleep(_PAUSE_S * attempt)
