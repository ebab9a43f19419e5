"""Which errors a person can mend, and how they are told: one text, no traceback."""

import errno

from anomaly import AnomalyError
from database import DatabaseError
from edge_gateway import GatewayError
from ingest_service import IngestError
from linewright import LinewrightError
from protocols import ProtocolsError
from runtime.settings import SettingsError
from simulators import SimulatorsError

_MENDABLE = (
    LinewrightError,
    SettingsError,
    DatabaseError,
    ProtocolsError,
    GatewayError,
    IngestError,
    SimulatorsError,
    AnomalyError,
)


def explain(error: BaseException) -> str | None:
    """The text for a person, None when this is a fault of ours and the traceback is wanted."""
    if isinstance(error, BaseExceptionGroup):
        texts = [explain(inner) for inner in error.exceptions]
        return None if None in texts else "\n".join(dict.fromkeys(text for text in texts if text))
    if isinstance(error, _MENDABLE):
        return str(error)
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return f"{error}: another program uses this port; stop it or choose another (--port, or `port` in the settings)"
    return None
