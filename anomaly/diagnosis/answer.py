"""The answer to "what is it?": ranked causes, each with the evidence that speaks for it. Pure.

scores by label ──rank──► Answer ──as_dict──► {"ranked": [{"label": …, "score": …, "sources": […]}], …}
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from anomaly.diagnosis import UNKNOWN

SHOWN = 3


@dataclass(frozen=True, slots=True)
class Source:
    """A piece of evidence. `kind`: order, words, rule, tag, episode or note; `facts` tell which one and how strong."""

    kind: str
    facts: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, **self.facts}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A label and how likely it is, 0 to 1."""

    label: str
    score: float
    sources: tuple[Source, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {
            "label": self.label,
            "score": round(self.score, 4),
            "sources": [source.as_dict() for source in self.sources],
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """The candidates, likeliest first; what was found on the way stands in `found`."""

    ranked: tuple[Candidate, ...]
    found: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return {"ranked": [candidate.as_dict() for candidate in self.ranked], **self.found}


def ranked(scores: Mapping[str, float], unknown: float, why_unknown: Sequence[Source]) -> tuple[Candidate, ...]:
    """The likeliest labels with `unknown` first when it is likelier than not, otherwise behind them.

    scores: probability of each label given that it is one of them; unknown: probability that it is none of them.
    """
    best = sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:SHOWN]
    known = [Candidate(label, score * (1 - unknown)) for label, score in best]
    none = Candidate(UNKNOWN, unknown, tuple(why_unknown))
    return (none, *known) if unknown > 0.5 or not known else (*known, none)
