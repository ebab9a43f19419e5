"""Serving phones in the same network: our address there, and a certificate made on the spot.

The certificate is our own, so a phone warns once. That is honest: it proves nothing but that the line is encrypted
to the box that made it. It is kept, so the warning does not come back with every start.
"""

import datetime
import ipaddress
import socket
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFE = datetime.timedelta(days=825)  # the longest that phones accept


@dataclass(frozen=True, slots=True)
class Certificate:
    """Paths of a certificate and its key."""

    cert: Path
    key: Path


def lan_address() -> str:
    """This machine's address towards the network; loopback where there is none.

    No packet is sent: connecting a datagram socket only asks the routing table (192.0.2.0/24 is TEST-NET-1, RFC 5737).
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(("192.0.2.1", 9))
            return str(asking.getsockname()[0])
        except OSError:
            return "127.0.0.1"


def certificate_for(address: str, folder: Path) -> Certificate:
    """The certificate of `address`, made at first use or when it is about to run out."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = Certificate(folder / f"{address}.crt", folder / f"{address}.key")
    if not _still_good(made.cert):
        _make(address, made)
    return made


def _still_good(path: Path) -> bool:
    if not path.exists():
        return False
    left = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    return left > datetime.timedelta(days=30)


def _make(address: str, wanted: Certificate) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Linewright at {address}")])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.IPAddress(ipaddress.ip_address(address)), x509.DNSName("localhost")]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))  # phones whose clock is behind
        .not_valid_after(now + _LIFE)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    wanted.key.touch(mode=0o600)
    wanted.key.write_bytes(pem)
    wanted.cert.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
