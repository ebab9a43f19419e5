"""The gateway that may be running with this configuration: what it says of itself, without disturbing it.

spool file ──who holds its lock──► process        health.port ──► /healthz, /metrics, /tags
"""

import fcntl
import http.client
import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from edge_gateway.settings import GatewaySettings
from linewright.examination.finding import Finding

_ANSWER_WITHIN_S = 2.0
_START = "`sudo systemctl start linewright-gateway`; its log: `journalctl -u linewright-gateway`"
# struct flock of 64-bit Linux: type, whence, start, length, process; and the bytes that SQLite locks.
_FLOCK = "hhqqi4x"
_SQLITE_LOCKS = (1 << 30, 512)


@dataclass(frozen=True, slots=True)
class Running:
    """What was heard of it. `process` 0: none was found; `troubles` None: it serves no /healthz here."""

    process: int = 0
    troubles: Sequence[Mapping[str, str]] | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)

    @property
    def up(self) -> bool:
        return bool(self.process) or self.troubles is not None

    def metric(self, name: str) -> float | None:
        """A gauge without labels."""
        return self.metrics.get(f"linewright_gateway_{name}")


def ask(settings: GatewaySettings) -> Running:
    """Look for it; no answer is an answer, too."""
    port, process = settings.health.port, holder(settings.spool.path)
    try:
        troubles = json.loads(_get(port, "/healthz"))["troubles"] if port else None
        if troubles is None:
            return Running(process)
        return Running(process, troubles, _metrics(_get(port, "/metrics")), _tags(_get(port, "/tags")))
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError):
        return Running(process)


def holder(path: Path) -> int:
    """The process that has this SQLite file locked, 0 for none. Asks for no lock itself."""
    try:
        with path.open("rb") as file:
            asked = struct.pack(_FLOCK, fcntl.F_WRLCK, 0, *_SQLITE_LOCKS, 0)
            kind, *_, process = struct.unpack(_FLOCK, fcntl.fcntl(file, fcntl.F_GETLK, asked))
    except OSError:
        return 0
    return 0 if kind == fcntl.F_UNLCK else int(process)


def findings(settings: GatewaySettings, running: Running) -> Iterator[Finding]:
    """Whether it runs, and its own verdicts."""
    what, port = "running", settings.health.port
    if not running.up:
        yield Finding(what, "warn", "no gateway runs with this spool", _START)
        return
    process = f"process {running.process}" if running.process else f"answers on port {port}"
    if running.troubles is None:
        silent = f"nothing answers on health.port = {port}" if port else "it serves no /healthz"
        way_out = "is the configuration newer than the process? restart it" if port else "set port in [health]"
        yield Finding(what, "warn", f"{process}; {silent}", way_out)
        return
    for trouble in running.troubles:
        yield Finding(what, "fail", f"{trouble['check']}: {trouble['cause']}", trouble["way_out"])
    if not running.troubles:
        yield Finding(what, "ok", f"{process}; /healthz is well")
    if running.metric("broker_connected") == 0:
        yield Finding(what, "warn", "it has no connection to the broker now; samples wait in the spool", "see broker")


def _get(port: int, path: str) -> str:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_WITHIN_S)
    try:
        line.request("GET", path)
        return line.getresponse().read().decode()
    finally:
        line.close()


def _metrics(text: str) -> dict[str, float]:
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.labels
    }


def _tags(text: str) -> dict[tuple[str, str], Mapping[str, Any]]:
    return {(tag["machine"], tag["tag"]): tag for tag in json.loads(text)}
