"""Ingest beside the bare database: from MQTT to committed and receipted, against COPY and the usual ways.

    rounds      short, ours and a raw COPY in turn            ingest_rounds.py
    sustained   minutes, with packing and rollups beside it   ingest_sustained.py
    series      1,000 to 1,000,000 of them                    ingest_series.py

Every round is compared with the fleet's truth before a figure of it is told. `--seconds` makes the sustained part
longer; `--dsn` (or LINEWRIGHT_TEST_TIMESCALE_DSN) adds a run on another server, for example TimescaleDB.
"""

import argparse
import os

from benchmarks.ingest_decode import decode_rates
from benchmarks.ingest_peers import make_narrow_table
from benchmarks.ingest_rounds import rounds
from benchmarks.ingest_series import cost_by_series
from benchmarks.ingest_site import open_site
from benchmarks.ingest_sustained import sustained

BENCH = "ingest"
_PARTS = ("rounds", "sustained", "series")


def main() -> None:
    chosen = _options()
    decode_rates(BENCH)
    for server in dict.fromkeys((None, chosen.dsn)):
        with open_site(server) as site:
            make_narrow_table(site)
            bench = BENCH if site.backend == "plain" else f"{BENCH}_{site.backend}"
            if "rounds" in chosen.parts:
                rounds(site, bench)
            if "sustained" in chosen.parts:
                sustained(site, bench, chosen.seconds)
            if "series" in chosen.parts:
                cost_by_series(site, bench)


def _options() -> argparse.Namespace:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=180.0, help="of the sustained part (%(default)s)")
    options.add_argument("--parts", nargs="+", choices=_PARTS, default=_PARTS, help="default: all")
    options.add_argument(
        "--dsn", default=os.environ.get("LINEWRIGHT_TEST_TIMESCALE_DSN"), help="owner of another server to measure, too"
    )
    return options.parse_args()


if __name__ == "__main__":
    main()
