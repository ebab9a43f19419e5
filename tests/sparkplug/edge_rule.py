"""What a rule is: a look at recorded sessions that yields what is wrong, and the statements it stands for."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from protocols.sparkplug.sparkplug_b_pb2 import Metric
from tests.sparkplug.edge_session import Said, Session

Look = Callable[[list[Session]], Iterator[str]]


class Rule(NamedTuple):
    """A look and the statements it stands for."""

    look: Look
    ids: tuple[str, ...]


RULES: dict[str, Rule] = {}

BIRTHS, DATA = ("NBIRTH", "DBIRTH"), ("NDATA", "DDATA")
NUMBERED = (*BIRTHS, *DATA, "DDEATH")


def rule(*ids: str) -> Callable[[Look], Look]:
    def register(look: Look) -> Look:
        RULES[look.__name__] = Rule(look, ids)
        return look

    return register


def broken(sessions: list[Session]) -> dict[str, list[str]]:
    """What is wrong, by rule."""
    found = {name: list(rule.look(sessions)) for name, rule in RULES.items()}
    return {name: wrong for name, wrong in found.items() if wrong}


def metric(said: Said, name: str) -> Metric | None:
    return next((metric for metric in said.told.metrics if metric.name == name), None)


def each(sessions: list[Session], *verbs: str) -> Iterator[Said]:
    for session in sessions:
        yield from session.of(*verbs)


def wills_of(sessions: list[Session]) -> Iterator[Said]:
    yield from (session.connect.will for session in sessions if session.connect.will)


def bd_seq(said: Said) -> int | None:
    told = metric(said, "bdSeq")
    return told.long_value if told and told.HasField("long_value") else None


def properties(metric: Metric) -> dict[str, object]:
    return dict(zip(metric.properties.keys, metric.properties.values, strict=False))
