"""`linewright demo-check`: the demo without a person, and an account of every sample.

    up --simulate ──► wait for the order of the failing bearing ──► end mark ──► wait until all is stored ──► audit
"""

import asyncio
import contextlib
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg

from linewright import LinewrightError
from linewright.accounting import account
from linewright.layout import Layout
from linewright.progress import Progress
from linewright.site import Plan, Site, open_site
from runtime.ports import free_ports
from simulators.audit import Audit
from simulators.plant import DEMO, load_plant
from simulators.truth import read_lines

_DRAIN_S = 30.0
_ORDER = """
    SELECT extract(epoch FROM alarm.onset_at)::float8, extract(epoch FROM alarm.raised_at)::float8,
           extract(epoch FROM work_order.reported_at)::float8
    FROM work.work_order JOIN alarm.alarm ON alarm.id = work_order.source_id
    WHERE work_order.source = 'alarm' AND work_order.cause = %s ORDER BY work_order.no LIMIT 1
"""


class NoOrder(LinewrightError):
    """The failing bearing raised no work order in time."""


@dataclass(frozen=True, slots=True)
class Report:
    """What `make demo-check` prints. Seconds are of the wall clock."""

    produced: int
    stored: int
    missing: int
    duplicated: int
    wrong: int
    in_gaps: int
    start_s: float
    fault_to_alarm_s: float
    limit_to_alarm_s: float
    alarm_to_order_s: float
    examples: tuple[str, ...]

    @property
    def clean(self) -> bool:
        return self.produced > 0 and not (self.missing or self.duplicated or self.wrong)

    def as_json(self) -> str:
        return json.dumps(asdict(self) | {"clean": self.clean}, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class _Times:
    """When things happened, seconds since 1970."""

    fault: float
    onset: float
    alarm: float
    order: float


async def demo_check(patience_s: float, keep: Path | None) -> Report:
    """Run the sample plant once, in a folder of its own.

    Raises:
        NoOrder: no work order within `patience_s` after everything was up.
    """
    progress = Progress()
    with _folder(keep) as folder:
        plan = Plan(Layout(folder), DEMO, free_ports()[0])
        started = time.monotonic()
        async with open_site(plan, progress) as site:
            start_s = time.monotonic() - started
            with progress.step("the bearing fails, an order appears"):
                times = await _wait_for_order(site, plan.layout.truth, patience_s)
            with progress.step("every sample is accounted for"):
                result = await settle(site, plan.layout.truth)
    return Report(
        produced=result.produced,
        stored=result.stored,
        missing=result.missing,
        duplicated=result.duplicated,
        wrong=result.wrong,
        in_gaps=result.in_gaps,
        start_s=round(start_s, 1),
        fault_to_alarm_s=round(times.alarm - times.fault, 2),
        limit_to_alarm_s=round(times.alarm - times.onset, 2),
        alarm_to_order_s=round(times.order - times.alarm, 2),
        examples=tuple(result.examples),
    )


async def _wait_for_order(site: Site, truth: Path, patience_s: float) -> _Times:
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        with psycopg.connect(site.connections["owner"]) as connection:
            found = connection.execute(_ORDER, ["bearing_wear"]).fetchone()
        if found:
            return _Times(_fault_began(truth, "bearing_wear"), *found)
        await asyncio.sleep(0.5)
    raise NoOrder(f"no work order for the failing bearing within {patience_s:.0f} s; see the logs with --keep FOLDER")


def _fault_began(truth: Path, fault: str) -> float:
    began = (line["t_ns"] for line in read_lines(truth) if line.get("fault") == fault and line.get("phase") == "onset")
    return float(next(began, 0)) / 1e9


async def settle(site: Site, truth: Path, drain_s: float = _DRAIN_S) -> Audit:
    """Account for everything up to now, as soon as it has had time to arrive."""
    plant = load_plant(DEMO)
    end_ns = time.time_ns()
    deadline = time.monotonic() + drain_s
    while True:
        await asyncio.sleep(2)
        result = await asyncio.to_thread(account, site.connections["owner"], plant, truth, end_ns)
        if result.clean or time.monotonic() > deadline:
            return result


@contextlib.contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep:
        yield keep.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="linewright-demo-") as folder:
        Path(folder).chmod(0o755)  # the database's account has to pass
        yield Path(folder)


