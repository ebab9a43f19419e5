"""How a part of the chaos is started and what it tells: arguments in, one JSON object out, exit 0 only when clean."""

import argparse
import asyncio
import json
import logging
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

Report = dict[str, Any]


def options(about: str | None) -> argparse.ArgumentParser:
    """--seed; a part adds its own."""
    found = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("--seed", type=int, default=7)
    return found


def tell(run: Callable[[], Coroutine[Any, Any, Report]]) -> None:
    """Run the part; its report says whether it is `clean`."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.disable()
    try:
        report = asyncio.run(run())
    except* TimeoutError:
        report = {"clean": False, "error": "not all was receipted in time"}
    print(json.dumps(report))
    sys.exit(0 if report["clean"] else 1)
