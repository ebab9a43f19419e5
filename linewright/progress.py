"""Progress of a start, one line a step: what is being done, and how long it took."""

import contextlib
import sys
import time
from collections.abc import Iterator


class Progress:
    """Prints steps to standard error, so that standard output stays for results."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()

    @contextlib.contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Show `what` while the block runs, then how long it took."""
        started = time.monotonic()
        if self._live:
            print(f"  · {what} …", end="", file=sys.stderr, flush=True)
        try:
            yield
        except BaseException:
            self._finish(what, "failed")
            raise
        self._finish(what, f"{time.monotonic() - started:.1f} s")

    def _finish(self, what: str, outcome: str) -> None:
        start = "\r" if self._live else ""
        print(f"{start}  · {what:<44} {outcome}", file=sys.stderr, flush=True)

    def say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)
