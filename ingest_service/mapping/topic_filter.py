"""The topics a mapping takes: an MQTT filter whose levels may have names.

neuron/{app}/{group}/upload     {app} and {group} are one level each: subscribed as neuron/+/+/upload
shellies/{device}/{rest#}       {rest#} is all that follows: subscribed as shellies/+/#
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ingest_service.mapping.path import NAME

_NAMED = re.compile(rf"\{{(?P<name>{NAME})(?P<rest>\#?)\}}")
# Ours and Sparkplug's have readers of their own: what two filters match is delivered twice.
RESERVED = ("lw/1/+/+/up/+", "lw/1/+/+/down/+", "spBv1.0/+/+/+", "spBv1.0/+/+/+/+", "spBv1.0/STATE/+")


@dataclass(frozen=True, slots=True)
class TopicFilter:
    """A compiled one."""

    subscription: str
    pattern: re.Pattern[str]

    @property
    def names(self) -> set[str]:
        return set(self.pattern.groupindex)

    def match(self, topic: str) -> Mapping[str, str] | None:
        """The named levels of a topic; None when it is none of these."""
        found = self.pattern.fullmatch(topic)
        return {name: level or "" for name, level in found.groupdict().items()} if found else None


def parse(text: str) -> TopicFilter:
    """Raises ValueError."""
    if not text or text.startswith("$"):
        raise ValueError("give a topic; those that begin with $ are the broker's own")
    levels = [_Level.of(level) for level in text.split("/")]
    for level in levels[:-1]:
        if level.is_rest:
            raise ValueError(f"{level.text!r} is all that follows, so it stands last")
    names = [level.name for level in levels if level.name]
    if len(set(names)) < len(names):
        raise ValueError("two levels have the same name")
    first, *others = levels
    pattern = first.pattern + "".join(f"(?:/{one.pattern})?" if one.is_rest else f"/{one.pattern}" for one in others)
    return TopicFilter("/".join(level.subscription for level in levels), re.compile(pattern, re.DOTALL))


class _Level(NamedTuple):
    text: str
    name: str = ""
    is_rest: bool = False

    @classmethod
    def of(cls, text: str) -> "_Level":
        named = _NAMED.fullmatch(text)
        if named:
            return cls(text, named["name"], bool(named["rest"]))
        if text not in {"+", "#"} and set(text) & set("+#{}"):
            raise ValueError(f"no level: {text!r}; write a word, +, {{name}}, or as the last # or {{name#}}")
        return cls(text, "", text == "#")

    @property
    def subscription(self) -> str:
        return "#" if self.is_rest else "+" if self.name else self.text

    @property
    def pattern(self) -> str:
        if self.text != "+" and not self.name and not self.is_rest:
            return re.escape(self.text)
        what = ".*" if self.is_rest else "[^/]*"
        return f"(?P<{self.name}>{what})" if self.name else what


def overlap(one: str, other: str) -> bool:
    """Whether a topic can be taken by both of two subscriptions."""
    return _overlap(one.split("/"), other.split("/"))


def _overlap(one: Sequence[str], other: Sequence[str]) -> bool:
    if one[:1] == ["#"] or other[:1] == ["#"]:
        return True
    if not one or not other:
        return not one and not other
    return (one[0] == other[0] or "+" in {one[0], other[0]}) and (
        _overlap(one[1:], other[1:]) or [*one[1:2], *other[1:2]] == ["#"]
    )
