"""Our certificate as OPC 10000-6 wants it, and what is said of those of others. OpenSSL is the second opinion."""

import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from protocols.opcua import certificates
from tests.protocols.certificate_parts import NOW, Authority

MADE = certificates.make("urn:box:linewright:gateway", "box", NOW)


def test_what_stands_in_ours() -> None:
    one = MADE.certificate
    usage = one.extensions.get_extension_for_class(x509.KeyUsage)
    purpose = one.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert (certificates.uri_of(one), certificates.hosts_of(one)) == ("urn:box:linewright:gateway", ["box"])
    assert (usage.value.digital_signature, usage.value.content_commitment) == (True, True)
    assert (usage.value.key_encipherment, usage.value.data_encipherment) == (True, True)
    assert not usage.value.key_cert_sign
    assert list(purpose) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert MADE.key.key_size == 2048
    assert timedelta(days=3 * 365) <= one.not_valid_after_utc - NOW < timedelta(days=3 * 365 + 1)
    assert one.not_valid_before_utc < NOW


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs the openssl command (Debian: openssl)")
def test_openssl_agrees(tmp_path: Path) -> None:
    file = tmp_path / "own.pem"
    file.write_bytes(certificates.pem_of(MADE.certificate))
    told = subprocess.run(
        ["openssl", "x509", "-in", file, "-noout", "-text", "-fingerprint", "-sha256"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "Digital Signature, Non Repudiation, Key Encipherment, Data Encipherment" in told
    assert "URI:urn:box:linewright:gateway, DNS:box" in told
    assert "CA:FALSE" in told
    assert certificates.fingerprint(MADE.certificate) in told.replace(":", "").lower()
    subprocess.run(["openssl", "verify", "-CAfile", file, "-x509_strict", file], capture_output=True, check=True)


def test_an_address_is_an_address() -> None:
    assert certificates.hosts_of(certificates.make("urn:x", "10.0.0.7", NOW).certificate) == ["10.0.0.7"]


def test_pairs_are_read_in_both_forms_and_never_mixed() -> None:
    for certificate in (MADE.der, certificates.pem_of(MADE.certificate)):
        for key in (MADE.key_der, MADE.key_pem):
            assert certificates.identity_of(certificate, key).der == MADE.der
    other = certificates.make("urn:x", "x", NOW)
    for certificate, key in ((MADE.der, other.key_der), (b"", MADE.key_der), (MADE.der, b"junk"), (b"-----", b"")):
        with pytest.raises(ValueError):
            certificates.identity_of(certificate, key)


def test_a_chain_is_taken_apart() -> None:
    authority = Authority()
    one = authority.signs("urn:plc", "plc")
    chain = certificates.chain_of(one.der + authority.identity.der)
    assert chain == [one.certificate, authority.identity.certificate]
    assert certificates.chain_of(b"") == []
    for junk in (b"\x30\x82", b"junk", one.der[:-5]):
        with pytest.raises(ValueError):
            certificates.chain_of(junk)


def test_times_and_names() -> None:
    one, life = MADE.certificate, certificates.LIFE
    assert certificates.out_of_time(one, NOW) == ""
    assert certificates.out_of_time(one, NOW + life + timedelta(seconds=2)).startswith("it expired on ")
    assert "the clock here shows 1970-01-01 00:00" in certificates.out_of_time(one, NOW.replace(1970, 1, 1, 0, 0))
    assert certificates.misnamed(one, "urn:box:linewright:gateway", "BOX") == ""
    assert certificates.misnamed(one, "urn:box:linewright:gateway", "pc") == "it was made for host box, not pc"
    assert "urn:box:linewright:gateway, but the server says it is urn:y" in certificates.misnamed(one, "urn:y", "box")


def test_who_vouches_for_whom() -> None:
    authority, stranger = Authority(), Authority()
    between = authority.appoints()
    one, two = authority.signs("urn:a", "a").certificate, between.signs("urn:b", "b").certificate
    own = [authority.identity.certificate]
    assert certificates.vouched([one], own, NOW)
    assert certificates.vouched([two, between.identity.certificate], own, NOW)
    assert not certificates.vouched([two], own, NOW)
    assert not certificates.vouched([one], [stranger.identity.certificate], NOW)
    assert not certificates.vouched([one], [], NOW)
    assert not certificates.vouched([one], own, NOW + timedelta(days=2000))
    plain = Authority(ca=False)  # somebody's own certificate, put among the authorities by mistake
    assert not certificates.vouched([plain.signs("urn:a", "a").certificate], [plain.identity.certificate], NOW)
