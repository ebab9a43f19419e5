"""The machines under watch: loaded when their first sample comes, kept up to date, saved.

series ──► MachineWatch (tags, limits, saved states, active alarms from the database)
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
import structlog
from psycopg.rows import class_row, dict_row

from anomaly.detectors.block import Block
from anomaly.detectors.limits import LimitRule
from anomaly.metrics import MACHINES
from anomaly.records import ActiveAlarm, CaseChange, CauseRule, MachineRef, Tag
from anomaly.watch import DETECTORS, MachineWatch
from database.pool import Connection, set_tenant
from database.queries import load_queries
from ingest_service.transactions import Transactions

log = structlog.get_logger()
queries = load_queries(__file__)

Rules = dict[UUID, list[CauseRule]]


@dataclass(slots=True)
class Watched:
    """A machine, its detectors, and whether they have learned something since they were saved."""

    ref: MachineRef
    watch: MachineWatch
    learned: bool = False


Decided = list[tuple[Watched, list[CaseChange]]]


class Plant:
    """Every machine that has sent samples since the start."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions
        self._watched: dict[UUID, Watched] = {}
        self._machine_of: dict[int, UUID] = {}
        self._rules: Rules | None = None

    def divide(self, block: Block) -> Iterator[tuple[Watched, Block]]:
        """The samples of each machine; those of no known machine are left out."""
        series, at = np.unique(block.series, return_inverse=True)
        owner = [self._machine_of.get(one) for one in series.tolist()]
        for machine_id in dict.fromkeys(owner):
            if machine_id is not None:
                mine = np.array([one == machine_id for one in owner], bool)
                yield self._watched[machine_id], block.where(mine[at])

    async def load(self, series: Iterable[int], now_ns: int) -> Decided:
        """Take the machines of these series under watch; cases that nothing can hold any more are to be cleared."""
        new = [one for one in series if one not in self._machine_of]
        if not new:
            return []
        found = await self._transactions.until_committed(lambda conn: _machines(conn, new))
        return [decided for ref in found for decided in await self._load(ref, now_ns)]

    async def of_machine(self, ref: MachineRef, now_ns: int) -> tuple[Watched, Decided]:
        """The watch of a machine, loaded when it is not there yet."""
        decided = [] if ref.id in self._watched else await self._load(ref, now_ns)
        return self._watched[ref.id], decided

    async def reload(self, now_ns: int) -> Decided:
        """Take over changed limits."""
        before = self._rules or {}
        self._rules = await self._transactions.until_committed(_rules)
        changed = [
            machine.ref
            for machine in self._watched.values()
            if set(before.get(machine.ref.id, [])) != set(self._rules.get(machine.ref.id, []))
        ]
        return [decided for ref in changed for decided in await self._load(ref, now_ns)]

    async def save(self, conn: Connection) -> list[Watched]:
        """Write down what has been learned since the last time. Once that is committed, tell `saved`."""
        changed = [machine for machine in self._watched.values() if machine.learned]
        for machine in changed:
            await set_tenant(conn, machine.ref.tenant_id)
            for name, state in machine.watch.states().items():
                values = {"machine_id": machine.ref.id, "detector": name, "version": DETECTORS[name], "state": state}
                await conn.execute(queries.save_state, values)
        return changed

    def saved(self, machines: Iterable[Watched]) -> None:
        """These are safe."""
        for machine in machines:
            machine.learned = False

    async def _load(self, ref: MachineRef, now_ns: int) -> Decided:
        if self._rules is None:
            self._rules = await self._transactions.until_committed(_rules)
        tags = await self._transactions.until_committed(lambda conn: _tags(conn, ref))
        rules = self._rules.get(ref.id, [])
        known = self._watched.get(ref.id)
        if known:
            changes = known.watch.set_plant(tags, rules, now_ns)
        else:
            known = Watched(ref, MachineWatch(tags, rules))
            changes = await self._resume(known, now_ns)
            self._watched[ref.id] = known
            MACHINES.set(len(self._watched))
        self._machine_of |= {tag.series: ref.id for tag in tags}
        return [(known, changes)]

    async def _resume(self, machine: Watched, now_ns: int) -> list[CaseChange]:
        states, alarms = await self._transactions.until_committed(lambda conn: _stored(conn, machine.ref))
        for name in machine.watch.restore(states):
            log.warning("detector state cannot be read, it starts anew", machine=machine.ref.slug, detector=name)
        return machine.watch.resume(alarms, now_ns)


async def _machines(conn: Connection, series: Sequence[int]) -> list[MachineRef]:
    found = await conn.execute(queries.machines_of_series, {"series": list(series)})
    return [MachineRef(*row) for row in await found.fetchall()]


async def _tags(conn: Connection, ref: MachineRef) -> list[Tag]:
    async with conn.cursor(row_factory=class_row(Tag)) as cursor:
        await cursor.execute(queries.tags_of_machine, _key(ref))
        return await cursor.fetchall()


async def _rules(conn: Connection) -> Rules:
    async with conn.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(queries.rules)).fetchall()
    rules: Rules = {}
    for row in rows:
        # A limit that is turned round or given another meaning is another limit.
        key = f"{row['key']}:{row['kind']}:{row['cause']}:{row['priority']}"
        limit = LimitRule(
            key, row["series_id"], row["kind"], row["threshold"], row["deadband"], row["on_delay_s"], row["off_delay_s"]
        )
        rules.setdefault(row["machine_id"], []).append(CauseRule(limit, row["cause"], row["priority"]))
    return rules


async def _stored(conn: Connection, ref: MachineRef) -> tuple[dict[str, bytes], list[ActiveAlarm]]:
    wanted = {"detectors": list(DETECTORS), "versions": list(DETECTORS.values())}
    states = await (await conn.execute(queries.load_states, _key(ref) | wanted)).fetchall()
    async with conn.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(queries.active_alarms, _key(ref))).fetchall()
    return dict(states), [ActiveAlarm(**row | {"tags": tuple(row["tags"])}) for row in rows]


def _key(ref: MachineRef) -> dict[str, Any]:
    return {"tenant_id": ref.tenant_id, "machine_id": ref.id}
