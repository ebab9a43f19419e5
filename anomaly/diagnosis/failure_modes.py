"""The records of the table of failure modes: what a machine class can suffer, how it shows, what to check and do. Pure.

MachineClass ──modes──► FailureMode ──signs──► symptom (`noise`) or sign on a tag kind (`pressure:down`)
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

DIRECTIONS = ("up", "down", "unstable")


@dataclass(frozen=True, slots=True)
class Words:
    """The same in English and Chinese."""

    en: str
    zh: str

    def of(self, language: str) -> str:
        return self.zh if language == "zh" else self.en


@dataclass(frozen=True, slots=True)
class Symptom:
    """What a person notices. `leak` is how often it is there although no listed failure mode is."""

    id: str
    name: Words
    leak: float
    en_terms: tuple[str, ...]
    zh_terms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TagKind:
    """What a tag measures, and the words that say so in its name."""

    id: str
    name: Words
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Work:
    """A book, a standard or a page. `read` is False for one that is cited from general knowledge: check it yourself."""

    id: str
    title: str
    read: bool


@dataclass(frozen=True, slots=True)
class FailureMode:
    """A row of the table.

    iso, mechanism: codes of ISO 14224. signs: how often the sign is there when the failure mode is, 0 to 1.
    prior: how often this is the cause, in proportion to the other rows of its machine class.
    """

    id: str
    machine_class: str
    name: Words
    iso: str
    mechanism: str
    prior: float
    signs: Mapping[str, float]
    check: Words
    action: Words
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MachineClass:
    """A class of machines; `iso14224` is the code of its equipment class, OTHER where the standard has none."""

    id: str
    name: Words
    iso14224: str
    modes: tuple[FailureMode, ...]


@dataclass(frozen=True, slots=True)
class Library:
    """Everything that was read: classes, symptoms, tag kinds, works cited, and the words of ISO 14224 codes."""

    classes: Mapping[str, MachineClass]
    symptoms: Mapping[str, Symptom]
    kinds: Mapping[str, TagKind]
    works: Mapping[str, Work]
    iso_modes: Mapping[str, Words]
    iso_mechanisms: Mapping[str, Words]

    def modes(self) -> Iterator[FailureMode]:
        for machine_class in self.classes.values():
            yield from machine_class.modes

    def sign_name(self, sign: str, language: str) -> str:
        """`pressure:down` → "pressure down", `noise` → "unusual noise"."""
        kind, _, direction = sign.partition(":")
        if not direction:
            return self.symptoms[sign].name.of(language)
        how = {"up": "升高", "down": "降低", "unstable": "波动"}[direction] if language == "zh" else direction
        return f"{self.kinds[kind].name.of(language)} {how}"
