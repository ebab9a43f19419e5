"""Where the database is. Each service is given the DSN of its own role (lw_ingest, lw_worker, lw_app)."""

from pydantic import Field, SecretStr

from runtime.settings import Settings


class DatabaseSettings(Settings):
    """A PostgreSQL ≥ 15 server, with or without TimescaleDB."""

    dsn: SecretStr = Field(
        description="libpq DSN, e.g. postgresql://user:password@host:5432/linewright; from LINEWRIGHT_DATABASE__DSN."
    )
    pool_size: int = Field(4, ge=1, le=64, description="Most connections this process opens.")
