"""X.509 certificates of OPC UA applications: made, read, named and judged. Pure: bytes in, bytes out, no file, no wire.

    make(uri, host) ──► Identity (certificate + key)          DER or PEM ──parsed──► Certificate ──► uri, hosts, faults

What stands in ours is what OPC 10000-6 §6.2.2 asks of an application instance certificate: the application URI and the
host in the subjectAltName, keyUsage digitalSignature + nonRepudiation + keyEncipherment + dataEncipherment,
extendedKeyUsage clientAuth. RSA 2048 and SHA-256, which every policy here and every PLC takes.
"""

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)

LIFE = datetime.timedelta(days=3 * 365)
SOON = datetime.timedelta(days=30)
_KEY_BITS = 2048
_CLOCK_SLACK = datetime.timedelta(days=1)  # a server whose clock is behind must not find it not yet valid
_CHAIN_MOST = 5


@dataclass(frozen=True, slots=True)
class Identity:
    """Who we are to a server: a certificate and the key that proves it."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey

    @property
    def der(self) -> bytes:
        return der_of(self.certificate)

    @property
    def key_der(self) -> bytes:
        return self._key_as(serialization.Encoding.DER)

    @property
    def key_pem(self) -> bytes:
        return self._key_as(serialization.Encoding.PEM)

    def _key_as(self, encoding: serialization.Encoding) -> bytes:
        return self.key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def make(uri: str, host: str, now: datetime.datetime) -> Identity:
    """A new self-signed identity of the application `uri` on `host`, valid for three years from `now`."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=_KEY_BITS)
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, "Linewright gateway"),
            x509.NameAttribute(NameOID.DOMAIN_COMPONENT, host),
        ]
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SLACK)
        .not_valid_after(now + LIFE)
    )
    for extension, critical in _extensions(key.public_key(), uri, host):
        builder = builder.add_extension(extension, critical=critical)
    return Identity(builder.sign(key, hashes.SHA256()), key)


def _extensions(key: rsa.RSAPublicKey, uri: str, host: str) -> Sequence[tuple[x509.ExtensionType, bool]]:
    """What a certificate says beside its name, and whether a reader must understand it."""
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=True, key_encipherment=True, data_encipherment=True,
        key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    identifier = x509.SubjectKeyIdentifier.from_public_key(key)
    return (
        (x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri), _general(host)]), False),
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (usage, True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False),
        (identifier, False),
        (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), False),
    )


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def identity_of(certificate: bytes, key: bytes) -> Identity:
    """A pair as files hold it, DER or PEM. Raises ValueError when they are damaged or not a pair."""
    load = serialization.load_pem_private_key if _is_pem(key) else serialization.load_der_private_key
    private = load(key, None)
    public = parsed(certificate)
    if not isinstance(private, rsa.RSAPrivateKey) or private.public_key() != public.public_key():
        raise ValueError("the key is not the RSA key of this certificate")
    return Identity(public, private)


def parsed(raw: bytes) -> x509.Certificate:
    """One certificate, DER or PEM. Raises ValueError."""
    return x509.load_pem_x509_certificate(raw) if _is_pem(raw) else x509.load_der_x509_certificate(raw)


def chain_of(raw: bytes) -> list[x509.Certificate]:
    """What a server sends: its own certificate and perhaps its issuers, DER one after the other. Raises ValueError."""
    chain: list[x509.Certificate] = []
    while raw and len(chain) < _CHAIN_MOST:
        if raw[:2] != b"\x30\x82":
            raise ValueError("no certificate")
        length = 4 + int.from_bytes(raw[2:4], "big")
        chain.append(x509.load_der_x509_certificate(raw[:length]))
        raw = raw[length:]
    return chain


def revocations(raw: bytes) -> x509.CertificateRevocationList:
    """What an authority took back, DER or PEM. Raises ValueError."""
    return x509.load_pem_x509_crl(raw) if _is_pem(raw) else x509.load_der_x509_crl(raw)


def _is_pem(raw: bytes) -> bool:
    return raw.lstrip().startswith(b"-----")


def der_of(certificate: x509.Certificate) -> bytes:
    """As it goes over the wire, and as it lies in the folder."""
    return certificate.public_bytes(serialization.Encoding.DER)


def pem_of(certificate: x509.Certificate) -> bytes:
    """As text, which some servers want."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of the certificate in hex: what trust is given to."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def thumbprint(certificate: x509.Certificate) -> str:
    """SHA-1 in hex: how most servers and tools show a certificate. For comparing by eye only."""
    return certificate.fingerprint(hashes.SHA1()).hex()  # noqa: S303


def subject(certificate: x509.Certificate) -> str:
    """Its name for a person."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else certificate.subject.rfc4514_string()


def _names(certificate: x509.Certificate) -> x509.SubjectAlternativeName | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None


def uri_of(certificate: x509.Certificate) -> str:
    """The application URI that it was made for; empty when there is none."""
    names = _names(certificate)
    return next(iter(names.get_values_for_type(x509.UniformResourceIdentifier)), "") if names else ""


def hosts_of(certificate: x509.Certificate) -> list[str]:
    """Host names and addresses that it was made for."""
    names = _names(certificate)
    if names is None:
        return []
    return [*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))]


def out_of_time(certificate: x509.Certificate, now: datetime.datetime) -> str:
    """Why it does not hold now; empty when it does."""
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now > end:
        return f"it expired on {end:%Y-%m-%d}"
    if now < begin:
        return f"it is not valid before {begin:%Y-%m-%d %H:%M} UTC, and the clock here shows {now:%Y-%m-%d %H:%M} UTC"
    return ""


def misnamed(certificate: x509.Certificate, uri: str, host: str) -> str:
    """What it was made for instead of this application on this host; empty when it was made for it."""
    hosts = hosts_of(certificate)
    if host.lower() not in {known.lower() for known in hosts}:
        return f"it was made for host {', '.join(hosts) or '(none)'}, not {host}"
    if uri_of(certificate) != uri:
        return f"it was made for application {uri_of(certificate) or '(none)'}, but the server says it is {uri}"
    return ""


def vouched(
    chain: Sequence[x509.Certificate], authorities: list[x509.Certificate], now: datetime.datetime
) -> list[x509.Certificate]:
    """The path from the first of `chain` to one of `authorities`, each step signed and in time; empty when none is."""
    if not authorities:
        return []
    authority = ExtensionPolicy.permit_all().require_present(x509.BasicConstraints, Criticality.AGNOSTIC, _may_sign)
    builder = PolicyBuilder().store(Store(authorities)).time(now)
    builder = builder.extension_policies(ca_policy=authority, ee_policy=ExtensionPolicy.permit_all())
    try:
        return list(builder.build_client_verifier().verify(chain[0], list(chain[1:])).chain)
    except VerificationError:
        return []


def _may_sign(_policy: Policy, _certificate: x509.Certificate, constraints: x509.BasicConstraints) -> None:
    if not constraints.ca:
        raise ValueError("it is no authority")
