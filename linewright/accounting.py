"""Truth against database: every value that the simulated plant handed out, and every row that is stored.

    truth.jsonl ──┐
                  ├──► simulators.audit ──► Audit (missing, duplicated, wrong)
    telemetry.* ──┘
"""

from collections.abc import Iterator
from pathlib import Path

import psycopg

from simulators.audit import Audit, Rules, StoredRow, audit
from simulators.plant import Plant
from simulators.run import subscribed_series
from simulators.truth import read_values

# Microseconds as an integer: a float would not hold them.
_ROWS = """
    SELECT machine.slug, tag.slug, (extract(epoch FROM s.time) * 1000000)::bigint, s.value, s.quality
    FROM telemetry.{table} s
    JOIN registry.tag USING (series_id) JOIN registry.machine ON machine.id = tag.machine_id
    JOIN registry.tenant ON tenant.tenant_id = tag.tenant_id
    WHERE tenant.slug = %s
"""


def account(owner_dsn: str, plant: Plant, truth: Path, end_ns: int) -> Audit:
    """Compare everything handed out up to `end_ns` with everything stored up to now."""
    rules = Rules(end_ns=end_ns, subscribed=subscribed_series(plant))
    with psycopg.connect(owner_dsn) as connection:
        rows = [*_stored(connection, "stored", plant.tenant), *_stored(connection, "text_sample", plant.tenant)]
    return audit(read_values(truth), rows, rules)


def _stored(connection: psycopg.Connection, table: str, tenant: str) -> Iterator[StoredRow]:
    for machine, tag, time_us, value, code in connection.execute(_ROWS.format(table=table), [tenant]):
        yield StoredRow(machine, tag, time_us * 1000, value, code)
