"""The writers' side of packing: which minute of arrival the rows of a transaction carry."""

from database.pool import Connection
from database.queries import load_queries

queries = load_queries(__file__)


async def minute_of_arrival(connection: Connection) -> int:
    """The database's minute, or a later one when the packer has closed this one already.

    No slice is closed before this transaction has ended. To be called before anything else is locked: the packer
    waits for all writers, so a writer that makes others wait must not wait behind the packer.
    """
    async with connection.pipeline():
        await connection.execute(queries.lock_arrival)
        cursor = await connection.execute(queries.arrival)  # on its own: it must look after the lock is held
    row = await cursor.fetchone()
    assert row
    return int(row[0])
