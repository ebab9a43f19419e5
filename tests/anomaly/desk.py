"""A worker that decides and an API that looks, over a real database."""

from anomaly import evidence, store
from anomaly.loop import labels
from anomaly.records import Case, CaseChange, MachineRef
from anomaly.watch import MODEL_VERSION
from database.pool import tenant_transaction

S = 1_000_000_000
AT = 1_790_000_000 * S


class Desk:
    """Transactions of both roles, and the machine that is ill."""

    def __init__(self, worker, app, tenant):
        self.worker_pool, self.app_pool, self.tenant = worker, app, tenant
        self.pump = self.machine("pump-1")
        self.person = tenant.people["planner"]

    def machine(self, slug):
        return MachineRef(self.tenant.tenant_id, self.tenant.machines[slug], slug)

    def worker(self):
        return tenant_transaction(self.worker_pool, self.tenant.tenant_id)

    def app(self):
        return tenant_transaction(self.app_pool, self.tenant.tenant_id)

    async def decide(self, action, at_ns=AT, machine=None, **fields):
        case = Case(**{
            "cause": "bearing_wear", "source": "limit", "priority": "high", "onset_ns": AT, "score": 1.1,
            "contributions": (("vibration", 1.0),),
        } | fields)  # fmt: skip
        version = MODEL_VERSION[case.source]
        snapshot = evidence.freeze("pump-1", case, version, [])
        async with self.worker() as conn:
            return await store.record(conn, machine or self.pump, CaseChange(action, case, at_ns), version, snapshot)

    async def unusual(self, action, **fields):
        """The same of a statistical detector, which asks for nothing itself."""
        return await self.decide(
            action, **{"cause": "unusual_behaviour", "source": "statistical", "priority": "advisory"} | fields
        )

    async def judge(self, alarm_id, verdict):
        """A person looks, and the worker takes the verdict."""
        async with self.app() as conn:
            alarm = await labels.judge(conn, alarm_id, verdict, self.person)
        async with self.worker() as conn:
            await labels.learn(conn, alarm, verdict)

    async def alarm(self, alarm_id):
        async with self.app() as conn:
            return await store.load_alarm(conn, alarm_id)

    async def outbox(self):
        async with self.worker() as conn:
            found = await conn.execute(
                "SELECT topic, payload->>'priority', payload->>'suppression' FROM audit.outbox ORDER BY id"
            )
            return await found.fetchall()

    async def actions(self):
        async with self.app() as conn:
            found = await conn.execute("SELECT action, actor_id IS NOT NULL FROM alarm.event ORDER BY id")
            return await found.fetchall()
