"""Logs as events: one line a fact, names before numbers, secrets blotted out, an outage told once.

A terminal gets coloured lines; anything else gets one JSON object a line.
"""

import logging
import re
import sys
import time
from collections.abc import MutableMapping
from typing import Any

import structlog

_SECRET_KEY = re.compile(r"pass(word|wd)?|secret|token|credential|private_key|api_key|cookie|authorization", re.I)
_SECRET_IN_URL = re.compile(r"(://[^:/@\s]+:)[^@/\s]+@")


def blot_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace values under secret-sounding keys and passwords inside URLs."""
    for key, value in event.items():
        if _SECRET_KEY.search(key):
            event[key] = "***"
        elif isinstance(value, str):
            event[key] = _SECRET_IN_URL.sub(r"\1***@", value)
    return event


def configure(service: str, level: str = "info") -> None:
    """Set up logging for this process; called once, by the command."""
    renderer: Any = structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            blot_secrets,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    structlog.contextvars.bind_contextvars(service=service)
    # Libraries shout frames and stack traces on every lost connection; we tell the outage ourselves.
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    for name in ("pymodbus", "asyncua", "mqtt", "aiomqtt", "psycopg"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


class Outage:
    """Tells that something went away once, and that it came back once, however often it is asked in between.

    What keeps going and coming is told once in `quiet_s`: a bad cable must not fill the disk with lines.
    """

    def __init__(self, log: Any, what: str, quiet_s: float = 60.0) -> None:
        self._log = log
        self._what = what
        self._quiet_s = quiet_s
        self._since: float | None = None
        self._told = False
        self._quiet_until = 0.0

    @property
    def lasting_s(self) -> float:
        """Seconds since it went away; 0 while it is there."""
        return 0.0 if self._since is None else time.monotonic() - self._since

    def down(self, cause: object, way_out: str = "") -> None:
        now = time.monotonic()
        self._since = self._since or now
        if not self._told and now >= self._quiet_until:
            self._told = True
            self._log.warning(f"{self._what} lost, trying again", cause=str(cause) or repr(cause), way_out=way_out)

    def up(self) -> None:
        if self._told:
            self._log.info(f"{self._what} back", down_s=round(self.lasting_s, 1))
            self._quiet_until = time.monotonic() + self._quiet_s
        self._since = None
        self._told = False
