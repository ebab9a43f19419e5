"""What people found is the detector's teacher: what they call normal, a statistical detector learns anew.

    verdict.given ─► record of the rule, pattern (loop/labels.py)
                 └─► statistical alarm, a changed process, or false and still there? ─► its tags learn anew, it clears

A false alarm that has returned by itself leaves a pattern and takes nothing from what was learned: the machine is
what it was. A limit is not moved by a verdict: it is configuration, and a person's to change.
"""

import asyncio
from uuid import UUID

import numpy as np
import structlog

from anomaly import store
from anomaly.detectors.block import Block
from anomaly.loop import labels
from anomaly.metrics import VERDICTS
from anomaly.plant import Plant
from anomaly.recorder import Recorder
from anomaly.records import Alarm, MachineRef
from database.outbox import Event
from database.pool import Connection
from runtime.clock import Clock

log = structlog.get_logger()


class Verdicts:
    """Takes them from the outbox."""

    def __init__(self, plant: Plant, recorder: Recorder, deciding: asyncio.Lock, clock: Clock) -> None:
        self._plant = plant
        self._recorder = recorder
        self._deciding = deciding
        self._clock = clock

    async def take(self, conn: Connection, event: Event) -> None:
        """Handle one event; handling it twice learns anew twice, which harms nobody."""
        alarm = await store.load_alarm(conn, UUID(event.payload["alarm_id"]))
        verdict = event.payload["verdict"]
        VERDICTS.labels(alarm.source, verdict).inc()
        log.info("verdict", machine=alarm.machine_slug, cause=alarm.cause, source=alarm.source, verdict=verdict)
        if alarm.source == "statistical" and _is_normal_now(alarm, verdict):
            await self._learn_anew(alarm)  # in transactions of its own, so before this one holds anything
        await labels.learn(conn, alarm, verdict)

    async def _learn_anew(self, alarm: Alarm) -> None:
        tags = [part["tag"] for part in alarm.contributions]
        now_ns = self._clock.now_ns()
        nothing = Block.of(np.zeros(0), np.zeros(0), np.zeros(0))
        async with self._deciding:
            machine, decided = await self._plant.of_machine(
                MachineRef(alarm.tenant_id, alarm.machine_id, alarm.machine_slug), now_ns
            )
            machine.learned = True
            changes = [change for _, found in decided for change in found]
            await self._recorder.record(machine, changes + machine.watch.relearn(tags, now_ns), nothing)


def _is_normal_now(alarm: Alarm, verdict: str) -> bool:
    return verdict == "process_change" or (verdict == "false_alarm" and alarm.active)
