"""An authority that signs, appoints others and takes back: what a company's IT department does."""

from datetime import UTC, datetime, timedelta
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from protocols.opcua.certificates import Identity

NOW = datetime.now(UTC).replace(microsecond=0)
YEAR = timedelta(days=365)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Authority:
    """Signs itself, or is appointed by another one."""

    def __init__(self, name: str = "Works CA", *, ca: bool = True, above: "Authority | None" = None) -> None:
        self._key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
        self._subject = _name(name)
        issuer, key = (above._subject, above._key) if above else (self._subject, self._key)
        builder = _builder(self._subject, issuer, self._key.public_key(), NOW - YEAR)
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        self.identity = Identity(builder.sign(key, hashes.SHA256()), self._key)

    def appoints(self) -> Self:
        return type(self)("Hall CA", above=self)

    def signs(self, uri: str, host: str, made: datetime = NOW) -> Identity:
        """The certificate of a server."""
        key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
        names = [x509.UniformResourceIdentifier(uri), x509.DNSName(host)]
        builder = _builder(_name(f"server {host}"), self._subject, key.public_key(), made)
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        builder = builder.add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        return Identity(builder.sign(self._key, hashes.SHA256()), key)

    def takes_back(self, *ones: Identity) -> bytes:
        """Its list of revoked certificates."""
        builder = x509.CertificateRevocationListBuilder().issuer_name(self._subject).last_update(NOW - YEAR)
        builder = builder.next_update(NOW + YEAR)
        for one in ones:
            entry = x509.RevokedCertificateBuilder().serial_number(one.certificate.serial_number)
            builder = builder.add_revoked_certificate(entry.revocation_date(NOW).build())
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _builder(subject: x509.Name, issuer: x509.Name, key: rsa.RSAPublicKey, made: datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(made - timedelta(days=1))
        .not_valid_after(made + 3 * YEAR)
    )
