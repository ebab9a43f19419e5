"""How long certificates still hold: a gauge for /metrics, a warning once a day, findings for `linewright doctor`.

    pki/own, pki/trusted, pki/issuers ──expiries──► Expiry ──► gauge, log line, Finding

Nothing is renewed by itself: a new certificate of ours has to be trusted by every server first.
"""

import asyncio
import datetime
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import structlog
from prometheus_client import Gauge

from protocols.opcua import certificates
from protocols.opcua.trust import Pki, PkiError, Shelf
from runtime.clock import NS_PER_S, Clock

log = structlog.get_logger()

EXPIRES_S = Gauge(
    "linewright_opcua_certificate_expires_seconds",
    "Until a certificate of the PKI folder expires; below 0 it has.",
    ["certificate"],
)
_LOOK_S = 3600.0
_LOOKS_A_DAY = 24
_WAY_OUT = {
    "own": "linewright opcua certificate renew; then let the servers trust the new one",
    Shelf.TRUSTED: "renew it on the server; then linewright opcua trust accept",
    Shelf.ISSUERS: "put the authority's new certificate there",
}


class Finding(NamedTuple):
    """One thing looked at; `way_out` is what to do when it is not well."""

    what: str
    state: Literal["ok", "warn", "fail"]
    told: str
    way_out: str = ""


@dataclass(frozen=True, slots=True)
class Expiry:
    """A certificate on which sessions rest, and its end."""

    shelf: str
    path: Path
    ends: datetime.datetime

    def left(self, now: datetime.datetime) -> datetime.timedelta:
        return self.ends - now

    def finding(self, now: datetime.datetime) -> Finding:
        what, left = f"certificate {self.path.name}", self.left(now)
        if left < datetime.timedelta(0):
            return Finding(what, "fail", f"expired on {self.ends:%Y-%m-%d}", _WAY_OUT[self.shelf])
        state: Literal["ok", "warn"] = "warn" if left < certificates.SOON else "ok"
        return Finding(what, state, f"{self.shelf}, expires on {self.ends:%Y-%m-%d}", _WAY_OUT[self.shelf])


def expiries(pki: Pki) -> Iterator[Expiry]:
    """Every certificate in use. Makes none. Raises PkiError when ours is damaged."""
    if pki.certificate_path.exists():
        yield Expiry("own", pki.certificate_path, pki.present().certificate.not_valid_after_utc)
    for shelf in (Shelf.TRUSTED, Shelf.ISSUERS):
        for kept in pki.kept(shelf):
            yield Expiry(shelf, kept.path, kept.certificate.not_valid_after_utc)


def findings(folder: Path, now: datetime.datetime) -> Iterator[Finding]:
    """What a person should know of a PKI folder."""
    pki = Pki(folder)
    if pki.key_path.exists() and pki.key_path.stat().st_mode & 0o077:
        yield Finding("OPC UA key", "fail", f"{pki.key_path} is readable by others", f"run: chmod 600 {pki.key_path}")
    try:
        yield from (expiry.finding(now) for expiry in expiries(pki))
    except PkiError as error:
        yield Finding("OPC UA certificate", "fail", str(error), "put the pair back or remove both")
    for path in pki.damaged():
        yield Finding("OPC UA trust", "warn", f"{path} is no certificate", "copy it there again, DER or PEM")
    for kept in pki.kept(Shelf.REJECTED):
        way_out = f"if it is right: linewright opcua trust accept {kept.fingerprint[:16]} --pki {folder}"
        yield Finding("OPC UA trust", "warn", f"{certificates.subject(kept.certificate)} was refused", way_out)


async def watch_certificates(folders: Iterable[Path], clock: Clock) -> None:
    """Keep the gauge and warn once a day, for ever."""
    wanted = sorted(set(folders))
    while True:
        for look in range(_LOOKS_A_DAY):
            now = datetime.datetime.fromtimestamp(clock.now_ns() / NS_PER_S, datetime.UTC)
            await asyncio.to_thread(_look, wanted, now, told=look > 0)
            await clock.sleep(_LOOK_S)


def _look(folders: Iterable[Path], now: datetime.datetime, *, told: bool) -> None:
    EXPIRES_S.clear()
    for folder in folders:
        try:
            for expiry in expiries(Pki(folder)):
                _note(expiry, now, told=told)
        except PkiError as error:
            if not told:
                log.warning("OPC UA certificate unusable", cause=str(error))


def _note(expiry: Expiry, now: datetime.datetime, *, told: bool) -> None:
    EXPIRES_S.labels(str(expiry.path)).set(expiry.left(now).total_seconds())
    finding = expiry.finding(now)
    if finding.state != "ok" and not told:
        log.warning("OPC UA certificate expires", path=str(expiry.path), told=finding.told, way_out=finding.way_out)
