"""A finding, a check that makes findings, and the one place that lets no check throw or hang."""

import asyncio
import contextlib
import re
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple, TypeVar

State = Literal["ok", "warn", "fail"]

ANSWER_WITHIN_S = 3.0
_SENTENCE = re.compile(r"; |\. (?=[A-Z])")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `way_out` is what to do when it is not well; only `fail` means that something must be."""

    what: str
    state: State
    told: str = ""
    way_out: str = ""


Findings = Sequence[Finding]


class Check(NamedTuple):
    """Looks at one thing, or at several of a kind, within a time."""

    what: str
    look: Callable[[], Awaitable[Findings]]
    within_s: float = 3 * ANSWER_WITHIN_S


class Section(NamedTuple):
    """Checks under one heading."""

    title: str
    checks: Sequence[Check]


def blocking(what: str, look: Callable[[], Iterable[Finding]]) -> Check:
    """A check that reads files or asks a library that waits."""
    return Check(what, partial(in_thread, lambda: list(look())))


async def in_thread(work: Callable[[], T]) -> T:
    """Do it in a thread that the end of the process does not wait for: a dead network disk answers to no signal."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def give(handed: Callable[[], None]) -> None:
        if not done.done():
            handed()

    def run() -> None:
        try:
            handed = partial(done.set_result, work())
        except Exception as error:  # noqa: BLE001  # it is raised again where it is awaited
            handed = partial(done.set_exception, error)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(give, handed)

    threading.Thread(target=run, daemon=True).start()
    return await done


async def examine(checks: Sequence[Check]) -> AsyncIterator[Finding]:
    """All checks at once; their findings in the order of the checks."""
    tasks = [asyncio.create_task(_looked(check)) for check in checks]
    for task in tasks:
        for finding in await task:
            yield finding


async def _looked(check: Check) -> Findings:
    try:
        async with asyncio.timeout(check.within_s):
            return await check.look()
    except TimeoutError:
        told = f"gave no answer in {check.within_s:g} s"
        return [Finding(check.what, "fail", told, "what is asked here hangs: look at it by hand")]
    except Exception as error:  # noqa: BLE001  # one broken check must not hide what the others found
        told = f"could not be looked at: {type(error).__name__}: {error}"
        return [Finding(check.what, "fail", told, "a fault of this program or of this box; report it with this line")]


def failed(what: str, text: str) -> Finding:
    """Of an error text that says what is wrong and then what to do."""
    told, *way_out = _SENTENCE.split(text, maxsplit=1)
    return Finding(what, "fail", told, *way_out)
