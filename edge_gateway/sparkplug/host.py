"""Whether the primary host listens, as its STATE messages say. Pure; one for each MQTT server.

spBv1.0/STATE/<host> ──told──► online      no STATE yet, a death, or something older than what is known: as before
"""

from protocols import UndecodablePayload
from protocols.sparkplug import state


class PrimaryHost:
    """`online` is known only within one session: a new one asks again (`forget`)."""

    def __init__(self) -> None:
        self.online = False
        self._newest_ms = 0

    def forget(self) -> None:
        """A new session: whoever was online may be gone; but what was old stays old."""
        self.online = False

    def told(self, payload: bytes) -> None:
        """A STATE message. A will that comes late bears an older time than the birth that followed it."""
        try:
            heard = state.decode(payload)
        except UndecodablePayload:
            return
        if heard.timestamp_ms >= self._newest_ms:
            self._newest_ms, self.online = heard.timestamp_ms, heard.online
