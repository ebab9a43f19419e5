"""The broker, in the order in which a connection is made: TCP, TLS, login.

The login uses a client id of its own: the same one would throw the running gateway out.
"""

import asyncio
import secrets
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiomqtt
from cryptography import x509

from linewright.examination.finding import ANSWER_WITHIN_S, Finding, State
from protocols.broker import BrokerSettings

_SOON = timedelta(days=30)
_REACH = "is it switched on, in this network, is host and port right, and no firewall between?"
# OpenSSL's X509_V_ERR_… numbers
_TLS = {
    7: "ca_file must be the authority that signed the broker's certificate, and not only be called like it",
    9: "is the clock of this box right?",
    10: "renew it on the broker; or is the clock of this box wrong?",
    18: "it is signed by itself: put exactly this certificate into ca_file",
    19: "ca_file must be the authority that signed the broker's certificate",
    20: "ca_file must be the authority that signed the broker's certificate",
    21: "the broker must send its whole chain, or ca_file must hold the authority in between",
    62: "host must be a name that stands in the certificate",
    64: "host must be an address that stands in the certificate",
}
# CONNACK return codes of MQTT 3.1.1
_REFUSED = {
    1: "the broker does not speak MQTT 3.1.1; let it",
    2: "the broker allows only certain client ids; allow those that begin with lw-",
    3: "the broker is not ready; look at its log",
    4: "check username and password",
    5: "check username, password, and the broker's list of who may connect",
}


async def look(broker: BrokerSettings) -> list[Finding]:
    """Step by step; what fails ends it."""
    found: list[Finding] = []
    for step in (_reached, _verified, _logged_in):
        found += await step(broker)
        if any(finding.state == "fail" for finding in found):
            break
    return found


async def _reached(broker: BrokerSettings) -> list[Finding]:
    told = f"{broker.host}:{broker.port}"
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            _, writer = await asyncio.open_connection(broker.host, broker.port)
    except (OSError, TimeoutError) as error:
        return [Finding("broker", "fail", f"{told}: {_cause(error)}", _REACH)]
    writer.close()
    if broker.tls:
        return [Finding("broker", "ok", f"{told} answers")]
    return [Finding("broker", "ok", f"{told} answers, not encrypted")]


def _cause(error: OSError) -> str:
    match error:
        case ConnectionRefusedError():
            return "nothing listens there"
        case socket.gaierror():
            return "no address is known for this name"
        case TimeoutError():
            return "no answer"
    return error.strerror or str(error)


async def _verified(broker: BrokerSettings) -> list[Finding]:
    what = "broker TLS"
    try:
        context = broker.tls_context()
    except OSError as error:
        told = f"ca_file, cert_file or key_file of [broker] cannot be used: {error}"
        return [
            Finding(
                what, "fail", told, "correct the path; may this account read it? under systemd the key is a credential"
            )
        ]
    if context is None:
        return []
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            _, writer = await asyncio.open_connection(broker.host, broker.port, ssl=context)
    except ssl.SSLCertVerificationError as error:
        way_out = _TLS.get(error.verify_code, "nothing is sent to a broker that cannot prove who it is")
        return [Finding(what, "fail", f"the broker's certificate is refused: {error.verify_message}", way_out)]
    except (OSError, TimeoutError) as error:
        told = f"no TLS on this port: {getattr(error, 'reason', '') or error or 'no answer'}"
        return [Finding(what, "fail", told, "is it the port without TLS? usual is 8883 with, 1883 without")]
    shown = writer.get_extra_info("peercert")
    version = writer.get_extra_info("ssl_object").version()
    writer.close()
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(shown["notAfter"]), UTC)
    found = [_expiry(what, f"{version}, the broker's certificate is verified", ends, "renew it on the broker")]
    return found + (_ours(broker.cert_file) if broker.cert_file else [])


def _ours(path: Path) -> list[Finding]:
    ends = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
    return [_expiry("broker TLS", f"our certificate {path}", ends, "have a new one signed and put it there")]


def _expiry(what: str, told: str, ends: datetime, way_out: str) -> Finding:
    left = ends - datetime.now(UTC)
    told += f", {left.days} days left" if left > timedelta(0) else f", expired on {ends:%Y-%m-%d}"
    state: State = "fail" if left < timedelta(0) else "warn" if left < _SOON else "ok"
    return Finding(what, state, told, "" if state == "ok" else way_out)


async def _logged_in(broker: BrokerSettings) -> list[Finding]:
    what, who = "broker login", f"as {broker.username}" if broker.username else "without a name"
    if broker.username and not broker.password:
        told = f"this command was given no password for {broker.username}, so it was not tried"
        return [Finding(what, "warn", told, "set LINEWRIGHT_BROKER__PASSWORD_FILE to the file that holds it")]
    client = aiomqtt.Client(
        broker.host,
        broker.port,
        username=broker.username,
        password=broker.password.get_secret_value() if broker.password else None,
        identifier=f"lw-doctor-{secrets.token_hex(4)}",
        protocol=aiomqtt.ProtocolVersion.V311,
        tls_context=broker.tls_context(),
        timeout=ANSWER_WITHIN_S,
    )
    try:
        async with client:
            return [Finding(what, "ok", f"accepted {who}" + (", by our certificate" if broker.cert_file else ""))]
    except aiomqtt.MqttCodeError as error:
        way_out = _REFUSED.get(error.rc if isinstance(error.rc, int) else 0, "look at the broker's log")
        return [Finding(what, "fail", f"refused {who}: {error}", way_out)]
    except aiomqtt.MqttError as error:
        way_out = "does the broker want a client certificate (cert_file, key_file)? Its log says why"
        return [Finding(what, "fail", f"hung up {who}: {error}", way_out)]
