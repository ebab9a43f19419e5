"""Our one seat at the server: a session that outlives its line, so that there is never a second one.

    line lost ──► the server keeps the session for its time-out ──► the next client takes it over (Part 4, 6.7)

Without that every cut line would leave a session behind, and small servers have few to give.
"""

from asyncua import ua

from protocols.opcua.security import GuardedClient

_TRIES_MOST = 3


class Seat:
    """What the server may still hold for us."""

    def __init__(self) -> None:
        self.token: ua.NodeId | None = None
        self.nonce: bytes | None = None
        self.subscriptions: set[int] = set()
        self.tries = 0

    def leave(self) -> None:
        """The server has confirmed that the session is closed, or has forgotten it."""
        self.token = self.nonce = None
        self.subscriptions.clear()
        self.tries = 0


class ReturningClient(GuardedClient):
    """A client that sits down again where it sat. It fills asyncua's places for a session kept in a file."""

    def __init__(self, seat: Seat, url: str, timeout_s: float) -> None:
        super().__init__(url, timeout=timeout_s, watchdog_intervall=timeout_s)
        self._seat = seat
        self.resumed = False

    async def _try_resume_persisted_session(self) -> bool:
        """False: the server has no session of ours any more. Without an answer nobody knows: then there is no new one.

        Raises:
            OSError, TimeoutError, UaError: no answer; the seat is given up after some tries.
        """
        seat = self._seat
        if seat.token is None:
            return False
        seat.tries += 1
        self.uaclient.session.restore_authentication_token(seat.token)
        self._server_nonce = seat.nonce
        try:
            await self._activate_with_credentials()
        except ua.UaStatusCodeError:
            seat.leave()
            self.uaclient.session.reset_authentication_token()
            self._server_nonce = None
            return False
        except (OSError, TimeoutError, ua.UaError):
            if seat.tries >= _TRIES_MOST:
                seat.leave()
            raise
        self.resumed = True
        seat.tries = 0
        self._save_session_state()
        self._start_renew_loop()
        return True

    def _save_session_state(self) -> None:
        self._seat.token, self._seat.nonce = self.uaclient.session.authentication_token, self._server_nonce

    def _clear_persisted_session(self) -> None:
        """A session is left when the server has confirmed it: see Session.close."""
