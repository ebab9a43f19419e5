"""What a server offers, for a person to read before anything is configured: protection, logins, certificate.

URL ──discovery (open, nothing is proven)──► Offer, the best protected first
"""

from dataclasses import dataclass

from asyncua import ua
from cryptography import x509

from protocols import DeviceUnavailable
from protocols.opcua import certificates
from protocols.opcua.security import LOGINS, MODES, endpoints_of, policy_name
from protocols.opcua.session import FAILURES


@dataclass(frozen=True, slots=True)
class Offer:
    """One endpoint. `security` and `policy` are what the settings of a device would say."""

    url: str
    application: str
    security: str
    policy: str
    level: int
    logins: tuple[str, ...]
    certificate: x509.Certificate | None


async def offers(url: str, timeout_s: float) -> list[Offer]:
    """Ask the server. Raises DeviceUnavailable."""
    try:
        found = [_offer(endpoint) for endpoint in await endpoints_of(url, timeout_s)]
    except FAILURES as error:
        raise DeviceUnavailable(
            f"{url}: no answer ({error!r}); check address, port, whether the server runs"
        ) from error
    return sorted(found, key=lambda offer: -offer.level)


def _offer(endpoint: ua.EndpointDescription) -> Offer:
    names = {mode: str(name) for name, mode in MODES.items()}
    chain = certificates.chain_of(endpoint.ServerCertificate or b"")
    logins = dict.fromkeys(LOGINS.get(token.TokenType, "?") for token in endpoint.UserIdentityTokens or ())
    return Offer(
        endpoint.EndpointUrl,
        endpoint.Server.ApplicationUri or "",
        names.get(endpoint.SecurityMode, "?"),
        policy_name(endpoint.SecurityPolicyUri),
        endpoint.SecurityLevel,
        tuple(logins),
        chain[0] if chain else None,
    )
