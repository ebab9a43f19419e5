"""The ground truth: a JSON line for everything the plant handed out, and for what went wrong with it.

    servers ──handed──► {"kind": "value", "machine", "tag", "t_ns", "value"}
    faults  ──────────► {"kind": "fault", "machine", "fault", "phase": "onset|full|cleared", "t_ns"}
    servers ──────────► {"kind": "start" | "stop", "machine", "t_ns"}

Every call is one `write` to an append-only file before the answer leaves, so a killed simulator has told everything it
handed out. Reading takes complete lines only: a torn last line was never handed out.
"""

import json
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from protocols.sample import Value
from simulators.faults import Fault, Phase

Series = tuple[str, str]
"""Machine and tag."""


class TruthValue(NamedTuple):
    """A value that was handed out: when it was served, or its source time if it carries one."""

    machine: str
    tag: str
    time_ns: int
    value: Value


class TruthFile:
    """Appends to the truth; opened by `with`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = -1

    def __enter__(self) -> Self:
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)

    def handed(self, machine: str, time_ns: int, values: Iterable[tuple[str, Value]]) -> None:
        """These values of a machine are about to leave."""
        head = f'{{"kind":"value","machine":"{machine}","t_ns":{time_ns},"tag":"'
        self._append("".join(f'{head}{tag}","value":{json.dumps(value)}}}\n' for tag, value in values))

    def fault(self, machine: str, fault: Fault, phase: Phase) -> None:
        """A fault has reached a phase."""
        self._append(_line(kind="fault", machine=machine, fault=str(fault), phase=str(phase), t_ns=time.time_ns()))

    def started(self, machine: str) -> None:
        """The machine answers from now on."""
        self._append(_line(kind="start", machine=machine, t_ns=time.time_ns()))

    def stopped(self, machine: str) -> None:
        """The machine does not answer any more."""
        self._append(_line(kind="stop", machine=machine, t_ns=time.time_ns()))

    def _append(self, text: str) -> None:
        if text:
            os.write(self._file, text.encode())


def _line(**fields: str | int) -> str:
    return json.dumps(fields, separators=(",", ":")) + "\n"


def read_lines(path: Path) -> Iterator[dict[str, Value]]:
    """Every complete line of a truth file."""
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield json.loads(line)


def read_values(path: Path) -> list[TruthValue]:
    """Every value that was handed out, in the order of the file."""
    return [
        TruthValue(str(line["machine"]), str(line["tag"]), int(line["t_ns"]), line["value"])
        for line in read_lines(path)
        if line["kind"] == "value"
    ]
