"""Failure modes of a machine class that explain what was seen, each with its check and its action. Pure.

signs ──noisy-OR over the rows of the class──► up to three rows, likeliest first, with the signs that speak for them
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anomaly.diagnosis.answer import Answer, Candidate, Source, ranked
from anomaly.diagnosis.failure_modes import FailureMode, Library
from anomaly.diagnosis.noisy_or import explain


@dataclass(frozen=True, slots=True)
class Seen:
    """A sign that was looked at: how strong it is, 0 to 1, and what shows it, words or a tag."""

    strength: float
    shown_by: str


def advise(library: Library, machine_class: str, seen: Mapping[str, Seen], language: str = "en") -> Answer:
    """The likeliest failure modes of a class; `unknown` when something that is not in the table explains more.

    Raises:
        KeyError: no such machine class.
    """
    modes = {mode.id: mode for mode in library.classes[machine_class].modes}
    leaks = {symptom.id: symptom.leak for symptom in library.symptoms.values()}
    strengths = {sign: found.strength for sign, found in seen.items()}
    found = explain(tuple(modes.values()), strengths, leaks)
    scores = dict(zip(modes, found.probability, strict=True))
    total = sum(scores.values())
    none_seen = not any(strength > 0.5 for strength in strengths.values())
    why = [Source("note", {"note": "no sign of the table is there"})] if none_seen else []
    places = ranked({name: score / total for name, score in scores.items()}, 1.0 if none_seen else found.other, why)
    return Answer(tuple(_with_rule(place, modes, library, seen, language) for place in places))


def _with_rule(
    place: Candidate, modes: Mapping[str, FailureMode], library: Library, seen: Mapping[str, Seen], language: str
) -> Candidate:
    mode = modes.get(place.label)
    return place if mode is None else Candidate(place.label, place.score, (rule(mode, library, seen, language),))


def rule(mode: FailureMode, library: Library, seen: Mapping[str, Seen], language: str) -> Source:
    """The row as evidence: which of its signs are there, by what, and what to check and do."""
    speaks = [
        {"sign": library.sign_name(sign, language), "shown_by": seen[sign].shown_by, "weight": weight}
        for sign, weight in sorted(mode.signs.items(), key=lambda pair: -pair[1])
        if sign in seen and seen[sign].strength > 0.5
    ]
    facts: dict[str, Any] = {
        "row": f"{mode.machine_class}/{mode.id}",
        "name": mode.name.of(language),
        "iso14224": f"{mode.iso} {library.iso_modes[mode.iso].of(language)}",
        "mechanism": f"{mode.mechanism} {library.iso_mechanisms[mode.mechanism].of(language)}",
        "signs": speaks,
        "check": mode.check.of(language),
        "action": mode.action.of(language),
        "works": [library.works[work].title for work in mode.sources],
    }
    return Source("rule", facts)
