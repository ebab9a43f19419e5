"""The PKI folder: made once, never open to others, and nobody trusted who was not accepted."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from protocols.opcua import certificates, expiry
from protocols.opcua.trust import CertificateRefused, Pki, PkiError, Shelf
from runtime.clock import NS_PER_S, ManualClock
from tests.protocols.certificate_parts import NOW, YEAR, Authority

URI = "urn:box:linewright:gateway"
PLC = certificates.make("urn:plc", "plc", NOW)


@pytest.fixture
def pki(tmp_path: Path) -> Pki:
    return Pki(tmp_path / "state" / "pki")


def shelf(pki: Pki, name: Shelf) -> list[str]:
    return [kept.fingerprint for kept in pki.kept(name)]


def refused(pki: Pki, *chain: certificates.Identity, uri: str = "urn:plc", host: str = "plc") -> str:
    with pytest.raises(CertificateRefused) as told:
        pki.check([one.certificate for one in chain], uri, host, NOW)
    return str(told.value)


def test_ours_is_made_once_and_its_key_is_ours_alone(pki: Pki) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: pki.own(URI, "box", NOW), range(4)))
    assert len({one.der for one in made}) == 1
    assert stat.S_IMODE(pki.key_path.stat().st_mode) == 0o600
    assert stat.S_IMODE(pki.key_path.parent.stat().st_mode) == 0o700
    assert certificates.uri_of(made[0].certificate) == URI
    assert sorted(path.name for path in pki.key_path.parent.iterdir()) == [".lock", "certificate.der", "key.pem"]


def test_renewal_keeps_the_name_and_the_old_pair(pki: Pki) -> None:
    old = pki.own(URI, "box", NOW)
    new = pki.renew("urn:other", "box", NOW)
    assert certificates.uri_of(new.certificate) == URI
    assert new.key.public_key() != old.key.public_key()
    assert pki.own("urn:other", "box", NOW).der == new.der
    assert pki.certificate_path.with_name("certificate.der.old").read_bytes() == old.der
    assert stat.S_IMODE(pki.key_path.with_name("key.pem.old").stat().st_mode) == 0o600


def test_what_is_wrong_with_ours_is_said(pki: Pki) -> None:
    with pytest.raises(PkiError, match="the clock of this box shows 1970"):
        pki.own(URI, "box", NOW.replace(year=1970))
    pki.own(URI, "box", NOW)
    pki.key_path.write_bytes(certificates.make(URI, "box", NOW).key_pem)
    with pytest.raises(PkiError, match=r"cannot be used .*not the RSA key of this certificate.*remove both"):
        pki.own(URI, "box", NOW)
    pki.key_path.unlink()
    with pytest.raises(PkiError, match="cannot be used"):  # a lone certificate is not silently replaced
        pki.own(URI, "box", NOW)
    blocked = Pki(pki.certificate_path / "pki")
    with pytest.raises(PkiError, match="must be able to write there"):
        blocked.own(URI, "box", NOW)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can hand over files")
def test_what_root_makes_belongs_to_the_gateways_account(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, 12345)
    pki = Pki(tmp_path / "pki")
    pki.own(URI, "box", NOW)
    refused(pki, PLC)
    assert {path.stat().st_uid for path in (tmp_path / "pki").rglob("*")} == {12345}


def test_first_contact_is_refused_until_a_person_accepts(pki: Pki) -> None:
    print_ = certificates.fingerprint(PLC.certificate)
    for _ in range(3):
        assert f"linewright opcua trust accept {print_} --pki {pki.folder}" in refused(pki, PLC)
    assert shelf(pki, Shelf.REJECTED) == [print_]
    for wrong in ("abc", "zzzzzzzzzz", "0" * 64):
        with pytest.raises(PkiError):
            pki.accept(wrong)
    pki.accept(":".join(print_[i : i + 2] for i in range(0, 20, 2)).upper())  # as OpenSSL writes it
    assert (shelf(pki, Shelf.TRUSTED), shelf(pki, Shelf.REJECTED)) == ([print_], [])
    pki.check([PLC.certificate], "urn:plc", "plc", NOW)
    pki.check([PLC.certificate], "urn:renamed", "10.0.0.9", NOW)  # this very certificate was trusted, under any name
    pki.reject(print_)
    assert "not trusted" in refused(pki, PLC)


def test_another_certificate_of_the_same_name_is_another(pki: Pki) -> None:
    refused(pki, PLC)
    pki.accept(certificates.fingerprint(PLC.certificate))
    assert "not trusted" in refused(pki, certificates.make("urn:plc", "plc", NOW))


def test_an_unknown_name_is_mentioned(pki: Pki) -> None:
    assert "mind that it was made for host plc, not bend" in refused(pki, PLC, host="bend")
    assert "application urn:plc, but the server says it is urn:bend" in refused(pki, PLC, uri="urn:bend")


def test_out_of_time_even_when_trusted(pki: Pki) -> None:
    old = certificates.make("urn:plc", "plc", NOW - 4 * YEAR)
    put(pki, Shelf.TRUSTED, "old.der", old.der)
    assert "it expired on" in refused(pki, old)


def put(pki: Pki, name: Shelf, file: str, content: bytes) -> None:
    (pki.folder / name).mkdir(parents=True, exist_ok=True)
    (pki.folder / name / file).write_bytes(content)


def test_an_authority_vouches_for_the_host_it_names_and_can_take_back(pki: Pki) -> None:
    authority = Authority()
    between = authority.appoints()
    one, two = authority.signs("urn:plc", "plc"), between.signs("urn:plc", "plc")
    put(pki, Shelf.ISSUERS, "works.crt", certificates.pem_of(authority.identity.certificate))
    pki.check([one.certificate], "urn:plc", "plc", NOW)
    pki.check([two.certificate, between.identity.certificate], "urn:plc", "plc", NOW)
    assert "not trusted" in refused(pki, Authority().signs("urn:plc", "plc"))  # the same name, another key
    assert "it was made for host plc, not mill" in refused(pki, one, host="mill")
    assert "the server says it is urn:mill" in refused(pki, one, uri="urn:mill")
    put(pki, Shelf.ISSUERS, "works.crl", authority.takes_back(one, between.identity))
    assert "revoked" in refused(pki, one)
    assert "revoked" in refused(pki, two, between.identity)
    put(pki, Shelf.ISSUERS, "works.crl", b"junk")
    with pytest.raises(PkiError, match=r"works\.crl cannot be read"):
        pki.check([one.certificate], "urn:plc", "plc", NOW)


def test_a_server_certificate_that_calls_itself_an_authority_vouches_for_nobody(pki: Pki) -> None:
    """Much server software signs itself as one; trusting such a server must not trust whom it signs."""
    server = Authority("PLC")
    put(pki, Shelf.TRUSTED, "plc.der", server.identity.der)
    pki.check([server.identity.certificate], "", "", NOW)
    assert "not trusted" in refused(pki, server.signs("urn:plc", "plc"), server.identity)


def test_a_stranger_with_many_certificates_does_not_fill_the_disk(pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("protocols.opcua.trust._REJECTED_MOST", 3)
    ones = [certificates.make("urn:plc", f"h{i}", NOW) for i in range(5)]
    for age, one in enumerate(ones):
        refused(pki, one)
        for kept in pki.kept(Shelf.REJECTED):
            if kept.certificate == one.certificate:
                os.utime(kept.path, (age, age))
    assert set(shelf(pki, Shelf.REJECTED)) == {certificates.fingerprint(one.certificate) for one in ones[2:]}


def test_junk_among_the_trusted_trusts_nobody_and_is_told(pki: Pki) -> None:
    put(pki, Shelf.TRUSTED, "plc.der", PLC.der[:100])
    put(pki, Shelf.TRUSTED, "notes.txt", b"hello")
    assert "not trusted" in refused(pki, PLC)
    assert sorted(path.name for path in pki.damaged()) == ["notes.txt", "plc.der"]


def test_findings(pki: Pki) -> None:
    assert list(expiry.findings(pki.folder, NOW)) == []
    pki.own(URI, "box", NOW)
    put(pki, Shelf.TRUSTED, "soon.der", certificates.make("urn:a", "a", NOW - 3 * YEAR + timedelta(days=20)).der)
    put(pki, Shelf.TRUSTED, "gone.der", certificates.make("urn:b", "b", NOW - 4 * YEAR).der)
    put(pki, Shelf.TRUSTED, "junk.der", b"junk")
    refused(pki, PLC)
    pki.key_path.chmod(0o644)
    told = [(found.what, found.state) for found in expiry.findings(pki.folder, NOW)]
    assert told == [
        ("OPC UA key", "fail"),
        ("certificate certificate.der", "ok"),
        ("certificate gone.der", "fail"),
        ("certificate soon.der", "warn"),
        ("OPC UA trust", "warn"),
        ("OPC UA trust", "warn"),
    ]
    pki.key_path.write_bytes(b"junk")
    assert ("OPC UA certificate", "fail") in [(found.what, found.state) for found in expiry.findings(pki.folder, NOW)]


class EndOfTime(Exception):
    pass


class LastingClock(ManualClock):
    """Ends after so many hours."""

    def __init__(self, hours: int) -> None:
        super().__init__(int(NOW.timestamp()) * NS_PER_S)
        self._hours = hours

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        self._hours -= 1
        if self._hours == 0:
            raise EndOfTime


async def test_the_watch_warns_once_a_day_and_keeps_the_gauge(pki: Pki) -> None:
    pki.own(URI, "box", NOW)
    put(pki, Shelf.TRUSTED, "soon.der", certificates.make("urn:a", "a", NOW - 3 * YEAR + timedelta(days=20)).der)
    clock = LastingClock(26)
    with capture_logs() as logged, pytest.raises(EndOfTime):
        await expiry.watch_certificates([pki.folder, pki.folder], clock)
    assert [entry["event"] for entry in logged] == ["OPC UA certificate expires"] * 2  # at hours 0 and 24
    gauge = {sample.labels["certificate"]: sample.value for sample in next(iter(expiry.EXPIRES_S.collect())).samples}
    day_s = 86_400
    assert gauge[str(pki.folder / "trusted" / "soon.der")] == pytest.approx(20 * day_s - 25 * 3600, abs=60)
    assert gauge[str(pki.certificate_path)] == pytest.approx(3 * 365 * day_s - 25 * 3600, abs=60)
