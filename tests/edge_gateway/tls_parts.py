"""Authorities and certificates for brokers and gateways, a mosquitto behind TLS, and what is TLS and what is text."""

import asyncio
import datetime
import ipaddress
import shutil
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_DAY = datetime.timedelta(days=1)
_CONFIG = """\
listener {port} 127.0.0.1
cafile {ca}
certfile {cert}
keyfile {key}
require_certificate {mutual}
use_identity_as_username {mutual}
allow_anonymous true
user root
log_dest stderr
log_type error
log_type notice
"""


class Authority:
    """A CA and the files it hands out."""

    def __init__(self, folder: Path, name: str = "Works CA") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.file = folder / "ca.crt"
        builder = self._builder(self._name, self._key.public_key(), days=(-1, 100))
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        usage = x509.KeyUsage(
            digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
            key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        builder = builder.add_extension(usage, critical=True)
        self._write(self.file, builder.sign(self._key, hashes.SHA256()))

    def signs(
        self, name: str, host: str = "127.0.0.1", days: tuple[int, int] = (-1, 100), *, itself: bool = False
    ) -> tuple[Path, Path]:
        """Certificate and key files; `itself`: self-signed."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = self._builder(subject, key.public_key(), days, issuer=subject if itself else self._name)
        builder = builder.add_extension(x509.SubjectAlternativeName([_general(host)]), critical=False)
        purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        cert, key_file = self._folder / f"{name}.crt", self._folder / f"{name}.key"
        self._write(cert, builder.sign(key if itself else self._key, hashes.SHA256()))
        form = serialization.PrivateFormat.PKCS8
        key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
        key_file.chmod(0o644)  # a broker that root started reads it as another account
        return cert, key_file

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, days: tuple[int, int], issuer: x509.Name | None = None
    ) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer or self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + days[0] * _DAY)
            .not_valid_after(now + days[1] * _DAY)
        )

    def _write(self, path: Path, certificate: x509.Certificate) -> None:
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


class TlsBroker:
    """mosquitto with this certificate for as long as the context is open; `stop` and `start` in between bounce it."""

    def __init__(self, authority: Authority, port: int, pair: tuple[Path, Path], *, mutual: bool = False) -> None:
        """`mutual`: who has a certificate of the authority comes in, under its name; else everybody does."""
        self._folder, self._port = authority.file.parent, port
        self._config = self._folder / "mosquitto-tls.conf"
        self._config.write_text(
            _CONFIG.format(port=port, ca=authority.file, cert=pair[0], key=pair[1], mutual=str(mutual).lower())
        )
        self._process: asyncio.subprocess.Process | None = None

    @property
    def log(self) -> str:
        return (self._folder / "mosquitto.log").read_text()

    async def start(self) -> None:
        program = shutil.which("mosquitto")
        assert program
        with (self._folder / "mosquitto.log").open("ab") as log:
            arguments = ("-c", str(self._config))
            self._process = await asyncio.create_subprocess_exec(program, *arguments, stdout=log, stderr=log)
        async with asyncio.timeout(10):
            while not await _accepts(self._port):
                assert self._process.returncode is None, self.log
                await asyncio.sleep(0.02)

    async def stop(self) -> None:
        if self._process and self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()

    async def __aenter__(self) -> "TlsBroker":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()


async def _accepts(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def only_tls(octets: bytes) -> bool:
    """Whether a recorded direction consists of TLS records and nothing else; a last one may be cut off."""
    while octets:
        if octets[0] not in (20, 21, 22, 23) or (len(octets) > 1 and octets[1] != 3):
            return False
        octets = octets[5 + int.from_bytes(octets[3:5], "big") :]
    return True
