"""Damaged answers of an OPC UA server against the driver: no wrong value may be GOOD, nothing may crash or hang.

    python -m tests.fuzz.opcua --answers 100000 --seed 7

ends with one JSON object; exit 0 only when no value was wrong, nothing crashed and data came back every time in 5 s.
"""

import argparse
import asyncio
import json
import logging
import random
import sys
from dataclasses import asdict, dataclass, field
from typing import Any

import structlog
from asyncua import ua

from protocols import DeviceUnavailable
from protocols.sample import GOOD, Columns, samples
from tests.fuzz.opcua_damage import damaged
from tests.fuzz.opcua_line import Line, data_value, settle, shown, stop
from tests.fuzz.opcua_live import live

TAGS = 24
_NAMES = {alias: str(alias) for alias in range(TAGS)}
_TURNS_BACK = 3


@dataclass
class Account:
    """What became of the damaged answers."""

    answers: int = 0
    good: int = 0
    not_good: int = 0
    lives: int = 0
    wrong: int = 0
    crashed: int = 0
    live_answers: int = 0
    slow_recoveries: int = 0
    slowest_recovery_s: float = 0.0
    examples: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.wrong or self.crashed or self.slow_recoveries) and self.good > 0

    def fault(self, text: str) -> None:
        if len(self.examples) < 5:
            self.examples.append(text)


class Judge:
    """Drives one line after the other and looks at every value."""

    def __init__(self, account: Account, rng: random.Random, *, values: bool) -> None:
        self.account = account
        self._rng = rng
        self._values = values
        self._turn = 0
        self._heard_turn = 0  # when this is not the present turn the line is dead, or waits until silence ends it

    async def run(self, answers: int) -> None:
        while self.account.answers < answers:
            line = Line(TAGS)
            self.account.lives += 1
            feed = line.driver.subscribe(list(_NAMES))
            taking = asyncio.create_task(self._take(feed))
            await self._open(line)
            while self._heard_turn == self._turn and self.account.answers < answers:
                await (self._publish(line) if self._rng.random() < 0.6 else self._read(line))
                await self._honest(line)
            await line.lose()
            await stop(taking)
            await feed.aclose()
            await line.driver.close()

    async def _open(self, line: Line) -> None:
        await settle()
        for answer in line.created(TAGS):
            line.receive([line.chunk(line.pending[0], answer)])
            await settle()
        await self._honest(line)

    async def _honest(self, line: Line) -> None:
        """One message that nobody touches."""
        self._turn += 1
        if not (line.alive and line.pending):
            return
        values = {tag: shown(tag, self._turn) for tag in range(TAGS)}
        line.receive([line.chunk(line.pending[0], line.published(values))])
        await settle()

    async def _publish(self, line: Line) -> None:
        """One damaged message."""
        self._turn += 1
        tags = self._rng.sample(range(TAGS), self._rng.randint(1, 6))
        chunk = line.chunk(line.pending[0], line.published({tag: shown(tag, self._turn) for tag in tags}))
        self._send(line, chunk)
        await settle()

    async def _read(self, line: Line) -> None:
        """Two reads at once, so that one could get the answer of the other."""
        self._turn += 1
        groups = [self._rng.sample(range(TAGS), 4) for _ in range(2)]
        before = set(line.pending)
        reads = [
            asyncio.create_task(line.driver.read(op)) for group in groups for op in line.driver.plan(sorted(group))
        ]
        await settle()
        asked = [request for request in line.pending if request not in before]
        for request, group in zip(asked, groups, strict=False):
            response = read_response({tag: shown(tag, self._turn) for tag in sorted(group)})
            self._send(line, line.chunk(request, response))
            await settle()
        for task in reads:
            if not task.done():  # its answer never came: the time-out is asyncua's
                await stop(task)
            elif (error := task.exception()) is not None:
                self._crashed(error)
            else:
                self._look_at(task.result())

    def _send(self, line: Line, chunk: bytes) -> None:
        if not line.alive:
            return
        self.account.answers += 1
        arriving = damaged(chunk, self._rng, values=self._values)
        try:
            line.receive(arriving)
        except Exception as error:  # noqa: BLE001  a crash of any kind is what is looked for
            self._crashed(error)

    async def _take(self, feed: Any) -> None:
        try:
            async for found in feed:
                self._look_at(found)
        except DeviceUnavailable:
            pass
        except Exception as error:  # noqa: BLE001
            self._crashed(error)

    def _look_at(self, found: Columns) -> None:
        for sample in samples(found, _NAMES):
            tag = int(sample.tag)
            if sample.code != GOOD:
                self.account.not_good += 1
            elif any(sample.value == shown(tag, self._turn - back) for back in range(_TURNS_BACK)):
                self.account.good += 1
                self._heard_turn = max(self._heard_turn, self._turn if sample.value == shown(tag, self._turn) else 0)
            else:
                self.account.wrong += 1
                self.account.fault(f"tag {tag} is said to be {sample.value!r} in turn {self._turn}")

    def _crashed(self, error: BaseException) -> None:
        self.account.crashed += 1
        self.account.fault(repr(error))


def read_response(values: dict[int, Any]) -> Any:
    response = ua.ReadResponse()
    response.Results = [data_value(tag, value) for tag, value in values.items()]
    return response


async def fuzz(answers: int, seed: int, live_answers: int, *, values: bool = False) -> Account:
    """Damage so many answers in memory, and so many on a real line to a real server."""
    account = Account()
    loop = asyncio.get_running_loop()

    def unsupervised(_loop: object, context: dict[str, Any]) -> None:
        account.crashed += 1
        account.fault(f"{context.get('message')}: {context.get('exception')!r}")

    before = loop.get_exception_handler()
    loop.set_exception_handler(unsupervised)
    try:
        await Judge(account, random.Random(seed), values=values).run(answers)
        await live(account, random.Random(seed), live_answers)
    finally:
        loop.set_exception_handler(before)
    return account


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answers", type=int, default=100_000)
    parser.add_argument("--live", type=int, default=200, help="of them, through a real socket and server")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    account = asyncio.run(fuzz(arguments.answers, arguments.seed, arguments.live))
    print(json.dumps(asdict(account)))
    sys.exit(0 if account.clean else 1)


if __name__ == "__main__":
    main()
