"""Turns the roles that the migrations made into logins of this installation."""

from collections.abc import Mapping

import psycopg
from psycopg import sql

LOGINS = ("lw_ingest", "lw_worker", "lw_app")


def enable_logins(owner_dsn: str, passwords: Mapping[str, str]) -> None:
    """Give each role the right to log in and its password; only the scram verifier travels and is kept."""
    with psycopg.connect(owner_dsn) as connection:
        for role, password in passwords.items():
            verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
            connection.execute(
                sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), sql.Literal(verifier))
            )
