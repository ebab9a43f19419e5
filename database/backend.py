"""Which of the three backends a database is: plain PostgreSQL, TimescaleDB Apache edition, TimescaleDB Community."""

from dataclasses import dataclass
from enum import StrEnum

import psycopg


class Kind(StrEnum):
    """What the schema may use."""

    PLAIN = "plain"
    TIMESCALE_APACHE = "timescale_apache"
    TIMESCALE_COMMUNITY = "timescale_community"


@dataclass(frozen=True, slots=True)
class Backend:
    """What was found."""

    kind: Kind
    server_version: str
    timescale_version: str | None = None

    @property
    def migration_suffix(self) -> str:
        """Which variant of a migration belongs to this backend."""
        return "plain" if self.kind is Kind.PLAIN else "timescale"


_FACTS = """
SELECT current_setting('server_version'),
       (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'),
       current_setting('timescaledb.license', true)
"""
# Its own settings exist only where the server was started with it; not everybody may see shared_preload_libraries.
_LOADED_AND_AVAILABLE = """
SELECT FROM pg_available_extensions
WHERE name = 'timescaledb' AND installed_version IS NULL
  AND EXISTS (SELECT FROM pg_settings WHERE name = 'timescaledb.max_background_workers')
"""


def detect(connection: psycopg.Connection[tuple[str, ...]]) -> Backend:
    """Look at the database behind `connection`; changes nothing."""
    facts = connection.execute(_FACTS).fetchone()
    assert facts
    server, timescale, licence = facts
    if timescale is None:
        return Backend(Kind.PLAIN, server)
    kind = Kind.TIMESCALE_COMMUNITY if licence == "timescale" else Kind.TIMESCALE_APACHE
    return Backend(kind, server, timescale)


def prepare(connection: psycopg.Connection[tuple[str, ...]]) -> Backend:
    """Detect, after creating the extension where the server was started with it: who loads it, wants it."""
    if connection.execute(_LOADED_AND_AVAILABLE).rowcount:
        connection.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
    return detect(connection)
