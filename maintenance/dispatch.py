"""Who should do it: the technician with the least open work, with the reason in words. Pure.

candidates ──pick──► Choice(person | None, why)
"""

from collections.abc import Sequence
from dataclasses import dataclass

from maintenance.records import Candidate


@dataclass(frozen=True, slots=True)
class Choice:
    """The person that is proposed; a planner or the technician decides."""

    person: Candidate | None
    why: str


def pick(candidates: Sequence[Candidate]) -> Choice:
    """Propose one of `candidates`; the same candidates give the same choice."""
    able = sorted(
        (candidate for candidate in candidates if "technician" in candidate.roles),
        key=lambda candidate: (candidate.open_orders, candidate.name, candidate.id),
    )
    if not able:
        return Choice(None, "nobody active has the role technician")
    first = able[0]
    if len(able) == 1:
        return Choice(first, f"{first.name} is the only active technician")
    others = ", ".join(f"{candidate.name} {candidate.open_orders}" for candidate in able[1:4])
    more = f" and {len(able) - 4} more" if len(able) > 4 else ""
    return Choice(first, f"{first.name} has the least open work: {first.open_orders} (then {others}{more})")
