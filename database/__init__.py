"""PostgreSQL as this house uses it: pool, roles, migrations, backend detection, outbox, the embedded server."""


class DatabaseError(Exception):
    """Root of everything this package raises."""


class DatabaseUnavailable(DatabaseError):
    """Nobody answers, or the server is starting or stopping; try again later."""


class MigrationConflict(DatabaseError):
    """An applied migration was edited, or the database is newer than this program; needs a person."""


class EmbeddedServerMissing(DatabaseError):
    """No PostgreSQL binaries for this platform; the text says which DSN or package to give instead."""


class PrivilegedRole(DatabaseError):
    """Row-level security would not bind this role; give the service the DSN of lw_app."""
