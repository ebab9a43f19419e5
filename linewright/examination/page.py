"""How findings look: aligned for a person at a terminal, or as one JSON object for a program."""

import json
import re
import shutil
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from linewright.examination.finding import Finding

_STATES = {"ok": "ok", "warn": "note", "fail": "FAIL"}
_COMMAND = re.compile("`[^`]*`")
_TIED = "\u00a0"
_MARGIN = "  "
_STATE_WIDTH = 6
_WHAT_WIDTH = 20
_WIDTH_LEAST, _WIDTH_USUAL, _WIDTH_MOST = 60, 100, 120


def width() -> int:
    """Columns to write in."""
    return min(max(shutil.get_terminal_size((_WIDTH_USUAL, 24)).columns, _WIDTH_LEAST), _WIDTH_MOST)


def lines(finding: Finding, columns: int) -> list[str]:
    """One finding: what was seen, and below it the way out where one is needed."""
    indent = " " * (len(_MARGIN) + _STATE_WIDTH + _WHAT_WIDTH)
    head = f"{_MARGIN}{_STATES[finding.state]:<{_STATE_WIDTH}}{finding.what:<{_WHAT_WIDTH}}"
    if len(finding.what) >= _WHAT_WIDTH:
        head = head.rstrip() + "  "
    found = _wrapped(finding.told, head, indent, columns)
    if finding.state != "ok" and finding.way_out:
        found += _wrapped(finding.way_out, indent + "→ ", indent + "  ", columns)
    return found


def _wrapped(text: str, head: str, indent: str, columns: int) -> list[str]:
    """Never breaks inside a word or between backticks: a path or a command stays whole to be copied."""
    told: list[str] = []
    text = _COMMAND.sub(lambda command: command[0].replace(" ", _TIED), text)
    for line in text.splitlines() or [""]:
        first = indent if told else head
        told += textwrap.wrap(
            line, columns, initial_indent=first, subsequent_indent=indent, break_long_words=False,
            break_on_hyphens=False,
        ) or [first.rstrip()]  # fmt: skip
    return [line.replace(_TIED, " ") for line in told]


def summary(findings: Sequence[Finding]) -> str:
    """The last line."""
    count = {state: sum(finding.state == state for finding in findings) for state in _STATES}
    if count["fail"]:
        return f"{count['fail']} to mend, {count['warn']} to know, {count['ok']} well"
    return f"nothing must be done: {count['ok']} well, {count['warn']} to know"


def as_json(sections: Mapping[str, Sequence[Finding]]) -> str:
    """Everything, for programs."""
    listed = [{"section": title, **asdict(finding)} for title, found in sections.items() for finding in found]
    return json.dumps({"well": all(one["state"] != "fail" for one in listed), "findings": listed}, ensure_ascii=False)
