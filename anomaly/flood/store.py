"""The alarms of a period, for the report; inside the caller's transaction, whose tenant is already set."""

from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from anomaly.flood.report import Told
from database.pool import Connection
from database.queries import load_queries

queries = load_queries(__file__)

# Nobody reads a month of a plant that tells more than this; the newest would be missing, so it is said.
ALARMS_MOST = 200_000


async def load(conn: Connection, since: datetime, until: datetime, site_id: UUID | None = None) -> list[Told]:
    """Alarms that asked somebody of one site, or of all."""
    values = {"since": since, "until": until, "site_id": site_id, "most": ALARMS_MOST}
    async with conn.cursor(row_factory=class_row(Told)) as cursor:
        return await (await cursor.execute(queries.told, values)).fetchall()
