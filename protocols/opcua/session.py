"""One session with an OPC UA server: trust, login, limits, namespaces.

    OpcuaSettings ──open_session──► Session ──► raw services of asyncua, in batches the server accepts

Sessions are short-lived on purpose: after a loss the driver makes a new one, asyncua's own reconnection stays off, so
there is never more than one.
"""

import asyncio
import contextlib
import os
import re
import struct
from pathlib import Path
from typing import Any

from asyncua import Client, ua
from asyncua.client.ua_client import UaClientState
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from cryptography import x509
from cryptography.exceptions import InvalidSignature

from protocols import BadPointTable, DeviceUnavailable
from protocols.cancelling import cancel_requests, raise_forgotten
from protocols.opcua.settings import OpcuaSettings, Security

# What a service call may raise: a refused certificate is a bare AssertionError, a damaged answer any of the later ones.
FAILURES = (OSError, TimeoutError, ua.UaError, AssertionError, ValueError, LookupError, struct.error, InvalidSignature)
APPLICATION_URI = "urn:linewright:gateway"

_NODE = re.compile(r"(?:nsu=([^;]+);)?(.+)", re.DOTALL)
_LIMIT_NODES = (
    ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead,
    ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall,
)
_BATCH_MOST = 1000  # where the server names no limit
_SESSION_LIFE_LEAST_S = 20.0  # how long the server keeps a session whose gateway lost its power


class Session:
    """A connected client and what the server said about itself."""

    def __init__(self, client: Client, read_most: int, monitor_most: int, namespaces: list[str]) -> None:
        self.client = client
        self.read_most = read_most
        self.monitor_most = monitor_most
        self._namespaces = namespaces
        self._values: dict[str, ua.ReadValueId] = {}

    @property
    def alive(self) -> bool:
        return self.client.state is UaClientState.CONNECTED

    def value_of(self, text: str) -> ua.ReadValueId | None:
        """The value that a configured node means on this server; None when it does not know the namespace."""
        if text not in self._values:
            uri, rest = split_node(text)
            if uri is not None and uri not in self._namespaces:
                return None
            value = self._values[text] = ua.ReadValueId()
            value.NodeId = ua.NodeId.from_string(rest if uri is None else f"ns={self._namespaces.index(uri)};{rest}")
            value.AttributeId = ua.AttributeIds.Value
        return self._values[text]

    async def read(self, wanted: list[ua.ReadValueId]) -> list[ua.DataValue]:
        """These values, in order, in as many requests as the server wants."""
        values: list[ua.DataValue] = []
        while len(values) < len(wanted):
            parameters = ua.ReadParameters()
            parameters.TimestampsToReturn = ua.TimestampsToReturn.Neither
            parameters.NodesToRead = wanted[len(values) : len(values) + self.read_most]
            try:
                batch = await self.client.uaclient.read(parameters)
            except ua.uaerrors.BadTooManyOperations:
                if self.read_most == 1:
                    raise
                self.read_most = max(1, min(self.read_most, len(wanted)) // 2)
                continue
            if len(batch) != len(parameters.NodesToRead):
                raise ValueError(f"asked for {len(parameters.NodesToRead)} values, got {len(batch)}")
            values += batch
        return values

    async def refresh_namespaces(self) -> None:
        """Ask for the namespaces again: a server may load an information model late."""
        self._namespaces = await self.client.get_namespace_array()
        self._values.clear()

    async def close(self) -> None:
        """Close session, channel and socket; a server that is gone is not waited for longer than the time-out."""
        cancels = cancel_requests()
        with contextlib.suppress(*FAILURES):
            await self.client.disconnect()
        raise_forgotten(cancels)


def split_node(text: str) -> tuple[str | None, str]:
    """Namespace URI and the rest of a node text. Raises BadPointTable when the rest is no node id."""
    match = _NODE.fullmatch(text)
    uri, rest = (match[1], match[2]) if match else (None, text)
    try:
        ua.NodeId.from_string(rest)
    except (ua.UaError, ValueError) as error:
        raise BadPointTable(f"node {text!r} is no node id; write nsu=<uri>;s=<name> or nsu=<uri>;i=<number>") from error
    return uri, rest


async def open_session(settings: OpcuaSettings) -> Session:
    """Connect, log in, learn limits and namespaces. Raises DeviceUnavailable."""
    client = Client(settings.url, timeout=settings.timeout_s, watchdog_intervall=settings.timeout_s)
    client.name = client.description = "Linewright gateway"
    client.application_uri = APPLICATION_URI
    client.session_timeout = round(1000 * max(_SESSION_LIFE_LEAST_S, 4 * settings.timeout_s))
    if settings.username:
        client.set_user(settings.username)
        client.set_password(os.environ.get(settings.password_env, ""))
    cancels = cancel_requests()
    try:
        await _secure(client, settings)
        await client.connect()
        nodes = [client.get_node(ua.NodeId(number)) for number in _LIMIT_NODES]
        limits = await client.read_attributes(nodes)
        namespaces = await client.get_namespace_array()
        raise_forgotten(cancels)
    except FAILURES as error:
        await _give_up(client)
        raise DeviceUnavailable(_explained(settings, error)) from error
    except asyncio.CancelledError:
        await _give_up(client)
        raise
    read_most, monitor_most = (_limit(value) for value in limits)
    return Session(client, read_most, monitor_most, namespaces)


async def _give_up(client: Client) -> None:
    """Leave no half-made session behind on the server."""
    with contextlib.suppress(*FAILURES):
        await client.disconnect()


def _limit(value: ua.DataValue) -> int:
    """What the server takes at once; 0, nothing or nonsense means it names no limit."""
    number: Any = value.Value.Value if value.Value is not None else None
    return min(number, _BATCH_MOST) if isinstance(number, int) and number > 0 else _BATCH_MOST


async def _secure(client: Client, settings: OpcuaSettings) -> None:
    """Sign (and encrypt) with our certificate, trusting exactly the configured server certificate."""
    certificate, key = settings.certificate_file, settings.key_file
    if settings.security is Security.NONE or certificate is None or key is None:
        return
    if not certificate.exists() and not key.exists():
        await client.setup_self_signed_certificate(key, certificate)
    client.application_uri = _uri_in(certificate) or client.application_uri
    modes = {Security.SIGN: "Sign", Security.SIGN_AND_ENCRYPT: "SignAndEncrypt"}
    await client.set_security(
        SecurityPolicyBasic256Sha256,
        certificate,
        key,
        server_certificate=str(settings.server_certificate_file),
        mode=ua.MessageSecurityMode[modes[settings.security]],
    )


def _uri_in(certificate: Path) -> str | None:
    """The application URI that a certificate was made for; server and session insist on the same one."""
    raw = certificate.read_bytes()
    parsed = x509.load_pem_x509_certificate(raw) if raw.startswith(b"-----") else x509.load_der_x509_certificate(raw)
    with contextlib.suppress(x509.ExtensionNotFound):
        names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return next(iter(names.get_values_for_type(x509.UniformResourceIdentifier)), None)
    return None


def _explained(settings: OpcuaSettings, error: BaseException) -> str:
    name = type(error).__name__
    guarded = settings.security is not Security.NONE
    if "No matching endpoints" in str(error):
        way_out = f"the server does not offer security = {settings.security}; choose another"
    elif "Identity" in name or "UserAccess" in name:
        way_out = f"check username and the password in ${settings.password_env}"
    elif isinstance(error, AssertionError) or "Certificate" in name or "Security" in name:
        way_out = "let the server trust our certificate, and check server_certificate_file"
    else:
        way_out = "check address, port, whether the server runs" + guarded * ", and server_certificate_file"
    return f"{settings.url}: no session ({name}: {error}); {way_out}"
