"""The PKI folder of a gateway: who we are, whom we trust, whom we refused.

    pki/own/certificate.der key.pem    ours, made at first need; `.old` is the pair before the last renewal
    pki/trusted/                       certificates of servers, each trusted as exactly this certificate
    pki/issuers/                       authorities (and their .crl): what they sign is trusted for the host it names
    pki/rejected/                      certificates of servers that nobody has trusted yet

Nobody is trusted at first contact: an unknown certificate is laid into rejected/ and the connection refused. A file
here is DER or PEM under any name, so certificates may also be copied in by hand.
"""

import contextlib
import datetime
import fcntl
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from cryptography import x509

from protocols import ProtocolsError
from protocols.opcua import certificates
from protocols.opcua.certificates import Identity

_REJECTED_MOST = 50  # a stranger with many certificates must not fill the disk
_PREFIX_LEAST = 8
_YEAR_LEAST = 2025  # a box without a battery for its clock starts in 1970 or 2000


class CertificateRefused(ProtocolsError):
    """The server's certificate is unknown, revoked or out of its time; the text says what to do."""


class PkiError(ProtocolsError):
    """The PKI folder or what is asked of it makes no sense; the text says what to do."""


class Shelf(StrEnum):
    """Where a certificate of somebody else lies."""

    TRUSTED = "trusted"
    REJECTED = "rejected"
    ISSUERS = "issuers"


@dataclass(frozen=True, slots=True)
class Kept:
    """A certificate of somebody else in the folder."""

    shelf: Shelf
    path: Path
    certificate: x509.Certificate

    @property
    def fingerprint(self) -> str:
        return certificates.fingerprint(self.certificate)


class Pki:
    """One folder. Looks at the disk at every question, so that a change needs no restart."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.certificate_path = folder / "own" / "certificate.der"
        self.key_path = folder / "own" / "key.pem"

    # Ours

    def own(self, uri: str, host: str, now: datetime.datetime) -> Identity:
        """Our identity; made when there is none. Raises PkiError."""
        with self._locked():
            if not self.certificate_path.exists() and not self.key_path.exists():
                self._write(self._made(uri, host, now))
            return self.present()

    def renew(self, uri: str, host: str, now: datetime.datetime) -> Identity:
        """A new key and certificate for the same application; the pair before stays as `.old`. Raises PkiError."""
        with self._locked():
            if self.certificate_path.exists():
                uri = certificates.uri_of(self.present().certificate) or uri
            made = self._made(uri, host, now)
            for path in (self.certificate_path, self.key_path):
                if path.exists():
                    path.replace(path.with_name(f"{path.name}.old"))
            self._write(made)
            return made

    def _made(self, uri: str, host: str, now: datetime.datetime) -> Identity:
        if now.year < _YEAR_LEAST:
            raise PkiError(f"the clock of this box shows {now:%Y-%m-%d}; set it, then our certificate can be made")
        return certificates.make(uri, host, now)

    def present(self) -> Identity:
        """Our identity as it lies there. Raises PkiError."""
        try:
            return certificates.identity_of(self.certificate_path.read_bytes(), self.key_path.read_bytes())
        except (OSError, ValueError, TypeError) as error:
            raise PkiError(
                f"{self.certificate_path} and {self.key_path.name} cannot be used ({error}); put the pair back, or"
                " remove both and a new one is made"
            ) from error

    def _write(self, identity: Identity) -> None:
        """The key first: a certificate never lies there without it."""
        _write(self.key_path, identity.key_pem, 0o600)
        _write(self.certificate_path, identity.der, 0o644)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Two endpoints, or the command and the gateway, must not make two certificates."""
        try:
            _make_folder(self.key_path.parent, 0o700)
            with (self.key_path.parent / ".lock").open("w") as lock:
                _hand_over(self.key_path.parent / ".lock")
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except OSError as error:
            raise PkiError(
                f"{self.folder}: {error.strerror}; the gateway's account must be able to write there"
            ) from error

    # Others

    def check(self, chain: Sequence[x509.Certificate], uri: str, host: str, now: datetime.datetime) -> None:
        """Raise CertificateRefused unless the first of `chain`, sent by `uri` on `host`, is to be trusted now."""
        server = chain[0]
        if late := certificates.out_of_time(server, now):
            raise CertificateRefused(f"the server's certificate does not hold: {late}; renew it on the server")
        if any(kept.certificate == server for kept in self.kept(Shelf.TRUSTED)):
            return
        path = certificates.vouched(chain, [kept.certificate for kept in self.kept(Shelf.ISSUERS)], now)
        other = certificates.misnamed(server, uri, host)
        if not path:
            raise CertificateRefused(self._unknown(self._refuse(server), other))
        if other:
            raise CertificateRefused(
                f"an authority in {self.folder / Shelf.ISSUERS} signed the certificate, but {other}"
            )
        if any((one.issuer, one.serial_number) in self._revoked() for one in path):
            raise CertificateRefused(
                f"the authority has revoked the server's certificate {certificates.subject(server)!r}"
            )

    def _unknown(self, kept: Kept, other: str) -> str:
        doubt = f"; mind that {other}" if other else ""
        one, accept = kept.certificate, f"linewright opcua trust accept {kept.fingerprint}"
        return (
            f"the server's certificate {certificates.subject(one)!r} is not trusted{doubt}. Compare its SHA-256"
            f" fingerprint {kept.fingerprint} (SHA-1 thumbprint {certificates.thumbprint(one)}) with what the server"
            f" itself shows, then: {accept} --pki {self.folder.absolute()}"
        )

    def _revoked(self) -> set[tuple[x509.Name, int]]:
        """Authority and serial number of what was taken back. A list that cannot be read trusts nobody."""
        revoked = set()
        for path in sorted((self.folder / Shelf.ISSUERS).glob("*.crl")):
            try:
                one = certificates.revocations(path.read_bytes())
            except (OSError, ValueError) as error:
                raise PkiError(f"{path} cannot be read ({error}); put the authority's present list there") from error
            revoked |= {(one.issuer, entry.serial_number) for entry in one}
        return revoked

    def _refuse(self, certificate: x509.Certificate) -> Kept:
        """Lay an unknown certificate where a person finds it."""
        known = sorted(self.kept(Shelf.REJECTED), key=lambda kept: kept.path.stat().st_mtime)
        for kept in known:
            if kept.certificate == certificate:
                return kept
        for kept in known[: max(0, len(known) - _REJECTED_MOST + 1)]:
            kept.path.unlink(missing_ok=True)
        return self._lay(certificate, Shelf.REJECTED)

    def _lay(self, certificate: x509.Certificate, shelf: Shelf) -> Kept:
        name = re.sub(r"[^A-Za-z0-9]+", "-", certificates.subject(certificate)).strip("-")[:40]
        path = self.folder / shelf / f"{name}-{certificates.fingerprint(certificate)[:16]}.der"
        try:
            _make_folder(path.parent, 0o755)
            _write(path, certificates.der_of(certificate), 0o644)
        except OSError as error:
            raise PkiError(f"{path}: {error.strerror}; the gateway's account must be able to write there") from error
        return Kept(shelf, path, certificate)

    def kept(self, shelf: Shelf) -> Iterator[Kept]:
        """The certificates on one shelf; what is none is left out (see `damaged`)."""
        for path in self._files(shelf):
            with contextlib.suppress(ValueError, OSError):
                yield Kept(shelf, path, certificates.parsed(path.read_bytes()))

    def damaged(self) -> list[Path]:
        """Files that are no certificates: trust that somebody meant to give and did not."""
        return [path for shelf in Shelf for path in set(self._files(shelf)) - {kept.path for kept in self.kept(shelf)}]

    def _files(self, shelf: Shelf) -> list[Path]:
        folder = self.folder / shelf
        return sorted(path for path in folder.glob("*") if path.is_file() and path.suffix not in {".crl", ".new"})

    def accept(self, fingerprint: str) -> Kept:
        """Trust a rejected certificate from now on. Raises PkiError."""
        return self._moved(fingerprint, Shelf.REJECTED, Shelf.TRUSTED)

    def reject(self, fingerprint: str) -> Kept:
        """Trust it no more. Raises PkiError."""
        return self._moved(fingerprint, Shelf.TRUSTED, Shelf.REJECTED)

    def _moved(self, fingerprint: str, source: Shelf, target: Shelf) -> Kept:
        wanted = re.sub(r"[^0-9a-f]", "", fingerprint.lower())
        if len(wanted) < _PREFIX_LEAST:
            raise PkiError(f"{fingerprint!r} is too short for a fingerprint; give at least {_PREFIX_LEAST} hex digits")
        found = [kept for kept in self.kept(source) if kept.fingerprint.startswith(wanted)]
        if len({kept.fingerprint for kept in found}) != 1:
            amount = "no certificate" if not found else f"{len(found)} certificates"
            raise PkiError(
                f"{amount} in {self.folder / source} with the fingerprint {wanted}…; see: linewright opcua trust list"
            )
        moved = self._lay(found[0].certificate, target)
        for kept in found:
            kept.path.unlink()
        return moved


def _make_folder(folder: Path, mode: int) -> None:
    if not folder.parent.exists():
        _make_folder(folder.parent, 0o755)
    if not folder.exists():
        folder.mkdir(mode=mode, exist_ok=True)
        _hand_over(folder)


def _hand_over(path: Path) -> None:
    """What root makes here with the command belongs to the gateway's account, which owns the folder above."""
    if os.geteuid() == 0:
        above = path.parent.stat()
        os.chown(path, above.st_uid, above.st_gid)


def _write(path: Path, content: bytes, mode: int) -> None:
    """Whole or not at all, never readable by more than `mode` says, and there after a power cut."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    with open(fresh, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    _hand_over(fresh)
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
