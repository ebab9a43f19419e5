"""What stands in a text: folded letters, character n-grams of it, and symptoms that it tells of. Pure.

    "Pump's SEAL leaking 漏油" ──fold──► "pumps seal leaking 漏油" ──► " pu", "pum", …, "漏", "漏油"     (grams)
                                                                 └─► leak: "leaking", "漏油"          (told)

English words are cut with their borders, as (Cavnar & Trenkle 1994) do; Chinese has no borders, so that runs of
characters are cut into 1- to 3-grams and need no dictionary of words.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

LATIN_GRAMS = (2, 3, 4, 5)
CHINESE_GRAMS = (1, 2, 3)

_CHINESE = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_RUN = re.compile(f"[{_CHINESE}]+|[^\\W{_CHINESE}]+")
_DIGITS = re.compile(r"\d+")
_APOSTROPHES = re.compile("['’‘`´]")
_REFUSALS = re.compile(
    r"\b(?:wont|will not|would not|does ?nt|does not|do not|dont|is not|isnt|are not|arent|cannot|can not|cant|"
    r"could not|couldnt|unable to|not able to|fail(?:s|ed|ing|ure)? to|refus(?:es|ed|ing) to)\b(?: be\b)?"
)


def folded(text: str) -> str:
    """Lower case, full-width letters as usual ones, no punctuation, any number as `0`: won't → wont, ＮＯ.12 → no 0."""
    plain = _APOSTROPHES.sub("", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(_RUN.findall(_DIGITS.sub("0", plain).replace("_", " ")))


def plainly(text: str) -> str:
    """Folded, and every way to say that something does not happen said as `not`: won't start → not start."""
    return _REFUSALS.sub("not", folded(text))


def grams(text: str) -> Iterator[str]:
    """The character n-grams of an already folded text."""
    for run in text.split(" "):
        if _is_chinese(run[:1]):
            yield from (run[at : at + n] for n in CHINESE_GRAMS for at in range(len(run) - n + 1))
        elif run:
            padded = f" {run} "
            yield from (padded[at : at + n] for n in LATIN_GRAMS for at in range(len(padded) - n + 1))


def _is_chinese(letter: str) -> bool:
    return bool(letter) and _RUN.match(letter) is not None and re.match(f"[{_CHINESE}]", letter) is not None


@dataclass(frozen=True, slots=True)
class Told:
    """A symptom that a text tells of, and the words that do."""

    symptom: str
    words: str


class Terms:
    """The words of each symptom, ready to be found: `{"leak": (("leak", "drip"), ("漏",))}`, English and Chinese.

    An English term matches the beginning of words, in order; one that ends in `$` matches whole words.
    """

    def __init__(self, terms: Mapping[str, tuple[Sequence[str], Sequence[str]]]) -> None:
        self._patterns = {symptom: _pattern(english, chinese) for symptom, (english, chinese) in terms.items()}

    def told(self, text: str) -> tuple[Told, ...]:
        """Each symptom at most once, with all words that tell of it."""
        plain = plainly(text)
        found = ((symptom, pattern.findall(plain)) for symptom, pattern in self._patterns.items())
        return tuple(Told(symptom, ", ".join(dict.fromkeys(words))) for symptom, words in found if words)


def _pattern(english: Sequence[str], chinese: Sequence[str]) -> re.Pattern[str]:
    parts = [_english(term) for term in english] + [re.escape(term) for term in chinese]
    return re.compile("|".join(sorted(parts, key=len, reverse=True)) or "(?!)")


def _english(term: str) -> str:
    whole = term.endswith("$")
    words = [re.escape(word) for word in plainly(term.removesuffix("$")).split(" ")]
    return r"\b" + r"[^\W\d]* ".join(words) + (r"\b" if whole else r"[^\W\d]*")
