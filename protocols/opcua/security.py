"""How a session is secured: what the server offers, whether it is who it should be, who we are, how we log in.

    discovery (open, nothing is believed) ──endpoints──► the wanted one, or refused
                                          ──certificate──► Pki.check, or refused ──► client that takes only that one

The channel is opened with the checked certificate: a server that does not hold its key cannot answer. Only the settings
say how weak a line may be, never the server.
"""

import asyncio
import datetime
import os
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

from asyncua import Client, ua
from asyncua.crypto import security_policies
from asyncua.crypto.uacrypto import CertProperties

from protocols import DeviceUnavailable
from protocols.opcua import certificates
from protocols.opcua.certificates import Identity
from protocols.opcua.settings import OpcuaSettings, Policy, Security
from protocols.opcua.trust import CertificateRefused, Pki, PkiError

NAME = "Linewright gateway"
_POLICIES = {
    Policy.BASIC256SHA256: security_policies.SecurityPolicyBasic256Sha256,
    Policy.AES128: security_policies.SecurityPolicyAes128Sha256RsaOaep,
    Policy.AES256: security_policies.SecurityPolicyAes256Sha256RsaPss,
}
MODES = {
    Security.NONE: ua.MessageSecurityMode.None_,
    Security.SIGN: ua.MessageSecurityMode.Sign,
    Security.SIGN_AND_ENCRYPT: ua.MessageSecurityMode.SignAndEncrypt,
}
LOGINS = {
    ua.UserTokenType.Anonymous: "anonymous",
    ua.UserTokenType.UserName: "username",
    ua.UserTokenType.Certificate: "certificate",
    ua.UserTokenType.IssuedToken: "token",
}


class GuardedClient(Client):  # type: ignore[misc]  # asyncua exports it untyped
    """asyncua's client, which would send a password readable when the server asks for it so; this one does not."""

    def server_policy(self, token_type: ua.UserTokenType) -> ua.UserTokenPolicy:
        """The server's way to hand over a login. Raises DeviceUnavailable when it has none that hides a password."""
        policy = super().server_policy(token_type)
        encrypted = self.security_policy.Mode == ua.MessageSecurityMode.SignAndEncrypt
        strong = {known.URI for known in _POLICIES.values()}
        if token_type == ua.UserTokenType.UserName and not encrypted and policy.SecurityPolicyUri not in strong:
            raise DeviceUnavailable(
                'the server wants the password readable on the line; set security = "sign_and_encrypt"'
            )
        return policy


def our_host() -> str:
    """This box, as our certificate names it."""
    return socket.gethostname()


def our_uri() -> str:
    """The name of this application on this box, when no certificate says another."""
    return f"urn:{our_host()}:linewright:gateway"


def now() -> datetime.datetime:
    """The present, as certificates count it."""
    return datetime.datetime.now(datetime.UTC)


def our_identity(pki: Pki) -> Identity:
    """Ours, made at first need. Raises PkiError."""
    return pki.own(our_uri(), our_host(), now())


async def endpoints_of(url: str, timeout_s: float) -> list[ua.EndpointDescription]:
    """What a server offers, over an open channel: nothing of it is proven. Raises what session.FAILURES names."""
    found: list[ua.EndpointDescription] = await Client(url, timeout=timeout_s).connect_and_get_server_endpoints()
    return [one for one in found if one.EndpointUrl and one.EndpointUrl.startswith("opc.tcp:")]


async def secure(client: Client, settings: OpcuaSettings) -> None:
    """Set the client up so that it speaks to the right server, protected as wanted, or not at all.

    Raises:
        DeviceUnavailable: the server does not offer what is wanted, or is not to be trusted, or our part is missing.
    """
    client.name = client.description = NAME
    client.application_uri = our_uri()
    if settings.security is Security.NONE:
        return
    endpoint = _wanted(await endpoints_of(settings.url, settings.timeout_s), settings)
    try:
        identity = await asyncio.to_thread(_checked, endpoint, settings)
        _log_in(client, settings)
    except (CertificateRefused, PkiError, OSError, ValueError) as error:
        raise DeviceUnavailable(f"{settings.url}: {error}") from error
    client.application_uri = certificates.uri_of(identity.certificate) or client.application_uri
    await client.set_security(
        _POLICIES[settings.policy],
        CertProperties(identity.der),
        CertProperties(identity.key_der),
        server_certificate=CertProperties(certificates.der_of(certificates.chain_of(endpoint.ServerCertificate)[0])),
        mode=MODES[settings.security],
    )


def policy_name(uri: str | None) -> str:
    """The last part of a policy's URI, which is how people call it."""
    return (uri or "").rpartition("#")[2] or "None"


def _wanted(endpoints: Sequence[ua.EndpointDescription], settings: OpcuaSettings) -> ua.EndpointDescription:
    """The endpoint that the settings name. Raises DeviceUnavailable that names all there are."""
    for one in endpoints:
        if one.SecurityMode == MODES[settings.security] and policy_name(one.SecurityPolicyUri) == settings.policy:
            return _with_login(one, settings)
    raise DeviceUnavailable(not_offered(settings, endpoints))


def not_offered(settings: OpcuaSettings, endpoints: Sequence[ua.EndpointDescription]) -> str:
    """That the wanted protection is not there, and which is."""
    names = {mode: str(name) for name, mode in MODES.items()}
    offers = {f"{names.get(one.SecurityMode, '?')} {policy_name(one.SecurityPolicyUri)}" for one in endpoints}
    policy = "" if settings.security is Security.NONE else f" with {settings.policy}"
    return (
        f"{settings.url}: the server does not offer security = {settings.security}{policy}, but"
        f" {', '.join(sorted(offers)) or 'nothing'}; set `security` and `policy` to one of them"
    )


def _with_login(endpoint: ua.EndpointDescription, settings: OpcuaSettings) -> ua.EndpointDescription:
    wanted = "username" if settings.username else "certificate" if settings.user_certificate_file else "anonymous"
    offers = {LOGINS.get(token.TokenType, "?") for token in endpoint.UserIdentityTokens or ()}
    if offers and wanted not in offers:
        raise DeviceUnavailable(
            f"{settings.url}: no {wanted} login there, but {', '.join(sorted(offers))}; set username, or"
            " user_certificate_file, or neither"
        )
    return endpoint


def _checked(endpoint: ua.EndpointDescription, settings: OpcuaSettings) -> Identity:
    """Us, after the server was found to be trusted. Raises CertificateRefused, PkiError, ValueError."""
    pki = Pki(settings.pki)
    identity = our_identity(pki)
    if late := certificates.out_of_time(identity.certificate, now()):
        raise PkiError(f"our own certificate does not hold: {late}; linewright opcua certificate renew")
    chain = certificates.chain_of(endpoint.ServerCertificate or b"")
    if not chain:
        raise PkiError("the server shows no certificate; without one nobody can say who it is")
    pki.check(chain, endpoint.Server.ApplicationUri or "", urlsplit(settings.url).hostname or "", now())
    return identity


def _log_in(client: Client, settings: OpcuaSettings) -> None:
    if settings.username:
        client.set_user(settings.username)
        client.set_password(_password(settings))
    elif settings.user_certificate_file and settings.user_key_file:
        user = certificates.identity_of(
            settings.user_certificate_file.read_bytes(), settings.user_key_file.read_bytes()
        )
        client.user_certificate, client.user_private_key = user.certificate, user.key


def _password(settings: OpcuaSettings) -> str:
    """Read at every login, so that a changed one needs no restart."""
    password = (
        settings.password_file.read_text(encoding="utf-8").rstrip("\r\n")
        if settings.password_file
        else os.environ.get(settings.password_env, "")
    )
    if not password:
        raise PkiError(f"no password for {settings.username}: put it into {password_place(settings)}")
    return password


def password_place(settings: OpcuaSettings) -> str:
    """Where the password is looked for."""
    return str(settings.password_file) if settings.password_file else f"${settings.password_env}"


async def explained(settings: OpcuaSettings, error: BaseException) -> str:
    """Why there is no session, and what to do."""
    name = type(error).__name__
    if "No matching endpoints" in str(error):
        return not_offered(settings, await endpoints_of(settings.url, settings.timeout_s))
    if "Identity" in name or "UserAccess" in name:
        login = f"check username and the password in {password_place(settings)}"
        way_out = (
            login if settings.username else "it takes this login from nobody; `linewright opcua endpoints` lists others"
        )
    elif isinstance(error, AssertionError) or "Certificate" in name or "Security" in name:
        way_out = "let the server trust our certificate, which `linewright opcua certificate export` writes"
    else:
        trusts = ", and whether it trusts our certificate" if settings.security is not Security.NONE else ""
        way_out = f"check address, port, whether the server runs{trusts}"
    return f"{settings.url}: no session ({name}: {error}); {way_out}"
