"""What a sample costs with few series and with many: the same samples a group, spread over 1,000 to 1,000,000 series.

for each number of series: fleet ──MQTT──► ingest, then a bare COPY of the same into a table with a b-tree
──► results/ingest_series.svg, and the exponent of the growth
"""

import math
from dataclasses import replace

from benchmarks.figures import RESULTS, figure
from benchmarks.ingest_peers import copy_rate
from benchmarks.ingest_site import Site
from benchmarks.plot import Points, growth, log_log_svg
from simulators.fleet.plan import FleetPlan
from simulators.fleet.play import Drive

_SERIES = (1_000, 10_000, 100_000, 1_000_000)
_TAGS = 500
_CONNECTIONS = 4
_MEASURED_S = 6.0
_IN_FLIGHT = 4000
_WARM = Drive(speed=math.inf, connections=_CONNECTIONS, patience_s=300)


def cost_by_series(site: Site, bench: str) -> None:
    ours: list[tuple[float, float]] = []
    indexed: list[tuple[float, float]] = []
    with site.ingesting():
        for series in _SERIES:
            ours_us, indexed_us = _costs_us(site, series)
            ours.append((series, ours_us))
            indexed.append((series, indexed_us))
    _tell(site, bench, ours, indexed)


def _costs_us(site: Site, series: int) -> tuple[float, float]:
    """µs a sample, ours and the COPY."""
    plan = FleetPlan(
        tenant=f"series-{series}", gateways=series // _TAGS, tags=_TAGS, scans_in_batch=1, scan_ms=100, exact=True
    ).lasting(_MEASURED_S, math.inf)
    site.register(plan)
    made = site.play(plan.model_copy(update={"batches": 1}), _WARM).made  # all catalogs are known from here on
    site.checkpoint()
    window = max(2, min(512, _IN_FLIGHT // plan.gateways))
    played = site.play(plan, replace(_WARM, seconds=_MEASURED_S, in_flight_most=window), made)
    site.checkpoint()
    with site.owner() as connection:
        connection.execute("TRUNCATE public.narrow")
    rate = copy_rate(site, "public.narrow", plan, range(plan.scans), _MEASURED_S / 2)
    if differing := site.differing(plan, played.made):
        raise AssertionError(f"{len(differing)} of {series} series are not what was sent")
    with site.owner() as connection:
        connection.execute("TRUNCATE telemetry.sample, telemetry.pack, telemetry.touched, public.narrow")
    return 1e6 * played.took_s / played.samples, 1e6 / rate


def _tell(site: Site, bench: str, ours: Points, indexed: Points) -> None:
    for (series, cost_us), (_, peer_us) in zip(ours, indexed, strict=True):
        figure(
            bench, f"cost_at_{series}_series_us", cost_us, "µs/sample",
            peer="COPY into an empty table with a b-tree", ratio=peer_us / cost_us,
        )  # fmt: skip
    figure(bench, "cost_growth_exponent", growth(ours), "1", peer="the same of the COPY", ratio=growth(indexed))
    lines = {
        f"MQTT to committed and receipted: grows with series^{growth(ours):.2f}": ours,
        f"bare COPY into a table with a b-tree: series^{growth(indexed):.2f}": indexed,
    }
    drawn = log_log_svg(f"What a sample costs ({site.backend})", "series", "µs a sample", lines)
    (RESULTS / f"{bench}_series.svg").write_text(drawn, encoding="utf-8")
