"""Publish requests that wait at the server, some ahead, and their answers in the order in which they came.

    ask ──5 requests──► server ──when it has something──► answers ──next──► Notice

Nobody asks while nobody takes: then the server's own queues hold, and not more than these five messages wait here.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from asyncua import Client, ua

from protocols.opcua.binary import Reader
from protocols.opcua.exchange import ask
from protocols.opcua.notifications import Notice, read_again, read_notice
from runtime.clock import Clock

_AHEAD_MOST = 5
_AGAIN = frozenset({ua.StatusCodes.BadTimeout, ua.StatusCodes.BadTooManyPublishRequests})


@dataclass(frozen=True, slots=True)
class _Answered:
    """An answer, or the failure of one, and when it came."""

    turn: int
    reader: Reader | None
    failure: BaseException | None
    at_ns: int


class Publishing:
    """The publish requests of one session."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client, self._clock = client, clock
        client.connection_lost_callback = self._lost  # asyncua's own probe of the server got no answer
        self._ahead = _AHEAD_MOST
        self._turn = 0
        self._asked: set[asyncio.Task[Reader]] = set()
        self._answers: asyncio.Queue[_Answered] = asyncio.Queue()  # never more than have been asked for
        self._unacknowledged: list[ua.SubscriptionAcknowledgement] = []

    @property
    def answered(self) -> bool:
        """True: `next` returns at once."""
        return not self._answers.empty()

    def begin(self) -> None:
        """A subscription begins: what was refused to requests of the one before says nothing about it."""
        self._turn += 1

    def ask(self) -> None:
        """Send requests until enough are on their way."""
        while len(self._asked) + self._answers.qsize() < self._ahead:
            request = ua.PublishRequest()
            request.Parameters.SubscriptionAcknowledgements = self._unacknowledged
            self._unacknowledged = []
            task = asyncio.create_task(ask(self._client, request, 0), name="opcua publish")
            self._asked.add(task)
            task.add_done_callback(partial(self._came, self._turn))

    def _came(self, turn: int, task: asyncio.Task[Reader]) -> None:
        self._asked.discard(task)
        if not task.cancelled():
            failure = task.exception()
            answered = _Answered(turn, None if failure else task.result(), failure, self._clock.now_ns())
            self._answers.put_nowait(answered)

    async def _lost(self, error: BaseException) -> None:
        failure = ConnectionError(f"the server does not answer ({error!r})")
        self._answers.put_nowait(_Answered(self._turn, None, failure, self._clock.now_ns()))

    async def next(self) -> tuple[Notice | None, int]:
        """What came next and when; None: ask again. Raises what session.FAILURES names."""
        answered = await self._answers.get()
        if answered.reader:
            return read_notice(answered.reader), answered.at_ns
        assert answered.failure
        status = answered.failure.code if isinstance(answered.failure, ua.UaStatusCodeError) else 0
        if status not in _AGAIN and answered.turn == self._turn:
            raise answered.failure
        if status == ua.StatusCodes.BadTooManyPublishRequests:
            self._ahead = max(1, self._ahead - 1)
        return None, answered.at_ns

    def acknowledge(self, notice: Notice) -> None:
        """The server need not keep this one any longer."""
        self._unacknowledged.append(
            ua.SubscriptionAcknowledgement(SubscriptionId=notice.subscription, SequenceNumber=notice.sequence)
        )

    async def again(self, subscription: int, sequences: Iterable[int]) -> list[Notice]:
        """Messages that did not come, from the server's memory. Raises what session.FAILURES names."""
        found = []
        for sequence in sequences:
            request = ua.RepublishRequest()
            request.Parameters.SubscriptionId = subscription
            request.Parameters.RetransmitSequenceNumber = sequence
            notice = read_again(await ask(self._client, request), subscription)
            if notice.sequence != sequence:
                raise ua.UaStatusCodeError(ua.StatusCodes.BadMessageNotAvailable)
            found.append(notice)
        return found

    async def close(self) -> None:
        """Wait for no answer any more."""
        asked = list(self._asked)
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
