"""An open line: sends a question and waits until its answer is proven, refused, spoilt or too late.

    exchange(question) ──write──► transport          data_received ──► frames.take ──► the answer's future

On RTU an answer is believed only after silence: bytes that follow it at once mean that two spoke, or one twice.
"""

import asyncio

from protocols.modbus.frames import Frames
from protocols.modbus.request import NoAnswer
from protocols.sample import Reason, bad


class Connection(asyncio.Protocol):
    """Made with the frames of the line, then given to a wire to be connected."""

    def __init__(self, frames: Frames) -> None:
        self._frames = frames
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.WriteTransport | None = None
        self._answer: asyncio.Future[bytes] | None = None
        self._believing: asyncio.TimerHandle | None = None
        self.heard_s = self._loop.time()
        """When something last came, or the line was opened (time of the event loop)."""

    @property
    def is_open(self) -> bool:
        return self._transport is not None

    async def exchange(self, question: bytes, unit: int, timeout_s: float) -> bytes:
        """The data of the answer to `question`, which the frames have just made. Raises NoAnswer."""
        if self._transport is None:
            raise NoAnswer(bad(Reason.DISCONNECTED), "the line was lost meanwhile")
        answer: asyncio.Future[bytes] = self._loop.create_future()
        self._answer = answer
        self._transport.write(question)
        timer = self._loop.call_later(timeout_s, self._too_late, unit, timeout_s)
        try:
            return await answer
        finally:
            timer.cancel()
            self._doubt()
            self._answer = None
            self._frames.forget()

    def hang_up(self) -> None:
        """Close at once; what was not sent is not sent."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()

    # Told by the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        self._frames.begin()
        self.heard_s = self._loop.time()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._fail(NoAnswer(bad(Reason.DISCONNECTED), f"the line was lost: {exc or 'the other side hung up'}"))

    def data_received(self, data: bytes) -> None:
        if self._transport is None:
            return
        self.heard_s = self._loop.time()
        self._doubt()
        try:
            payload = self._frames.take(data)
        except NoAnswer as error:
            if not self._fail(error):
                self.hang_up()
            return
        if payload is None:
            return
        if self._frames.silence_s:
            self._believing = self._loop.call_later(self._frames.silence_s, self._succeed, payload)
        else:
            self._succeed(payload)

    def _doubt(self) -> None:
        if self._believing is not None:
            self._believing.cancel()
            self._believing = None

    def _succeed(self, payload: bytes) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(payload)

    def _fail(self, error: NoAnswer) -> bool:
        """Whether somebody was waiting."""
        if self._answer is None or self._answer.done():
            return False
        self._answer.set_exception(error)
        return True

    def _too_late(self, unit: int, timeout_s: float) -> None:
        self._fail(NoAnswer(bad(Reason.TIMEOUT), f"no answer from unit {unit} in {timeout_s:g} s"))
