"""The only room that knows HTTP: `/api/v1`, the public pages behind a label, the live stream, the phone app's files.

    request ──► access (who, which role) ──► tenant transaction ──► store of the room below ──► model ──► JSON
                                                                          └── error ──► problems.py ──► RFC 9457
"""


class ApiError(Exception):
    """Root of everything this package raises by itself."""


class PortInUse(ApiError):
    """Another program listens on our port; the text names the setting to change."""


class TlsUnusable(ApiError):
    """The certificate or its key cannot be used; the text names the setting."""


class AccessTableIncomplete(ApiError):
    """A route has no line in the access table, or a line has no route; fix api/access.py."""


class SignInNeeded(ApiError):
    """No session, an ended one, or a wrong login or password."""


class NotAllowed(ApiError):
    """The caller's roles do not include one that this route asks for."""


class ForeignOrigin(ApiError):
    """A cookie came with a request that another site has started."""


class TooMany(ApiError):
    """More requests than this caller may send now."""

    def __init__(self, what: str, retry_after_s: float) -> None:
        super().__init__(f"too many {what}, try again in {retry_after_s:.0f} s")
        self.retry_after_s = retry_after_s


class NoSuchThing(ApiError):
    """The id names nothing that this tenant has."""


class Gone(ApiError):
    """It was there and was taken back, such as a revoked label."""


class Invalid(ApiError):
    """The request cannot be understood; `fields` maps where to why."""

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__("; ".join(f"{where}: {why}" for where, why in fields.items()))
        self.fields = fields


class VersionMismatch(ApiError):
    """If-Match names another version than the stored one."""
