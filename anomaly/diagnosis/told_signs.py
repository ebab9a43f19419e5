"""Signs that a text tells of: symptoms, and tag kinds that are said to be high, low or unstable. Pure.

"discharge temp high, 异响" ──► {"discharge_temperature:up": …, "noise": …}, each with the words that say so
"""

import re
from collections.abc import Iterator, Mapping

from anomaly.diagnosis.failure_modes import Library
from anomaly.diagnosis.words import Terms, folded

_HOW = {
    "up": r"\b(?:too )?(?:high\w*|rising|rises|rose|up|increas\w*|excessive)\b|偏高|过高|升高|太高|上升|高|大",
    "down": r"\b(?:too )?(?:low\w*|falling|falls|fell|drop\w*|down|decreas\w*|loss|lost|no)\b"
    r"|偏低|过低|降低|不足|下降|低|小",
    "unstable": r"\b(?:fluctuat\w*|unstable|errat\w*|oscillat\w*|hunting|swing\w*)\b|波动|不稳|摆动|忽高忽低",
}
_FAR = 14
"""So many letters may stand between what is measured and how it is."""


def told_signs(text: str, terms: Terms, library: Library) -> dict[str, str]:
    """Each sign that the text tells of, and the words; measured signs are more exact than symptoms."""
    plain = folded(text)
    signs = {told.symptom: told.words for told in terms.told(text)}
    signs.update(_measured(plain, {kind.id: kind.words for kind in library.kinds.values()}))
    return signs


def _measured(plain: str, kinds: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, str]]:
    taken: list[tuple[int, int]] = []
    words = sorted(((word, kind) for kind, listed in kinds.items() for word in listed), key=lambda pair: -len(pair[0]))
    for word, kind in words:
        for found in re.finditer(_pattern(word), plain):
            if any(found.start() < end and start < found.end() for start, end in taken):
                continue
            taken.append(found.span())
            if how := _direction(plain, *found.span()):
                yield f"{kind}:{how[0]}", f"{found.group()} {how[1]}"


def _direction(plain: str, start: int, end: int) -> tuple[str, str] | None:
    """What is said right behind the word, else right before it."""
    for part in (plain[end : end + _FAR], plain[max(0, start - _FAR // 2) : start]):
        said = [(found.start(), how, found.group()) for how, words in _HOW.items() if (found := re.search(words, part))]
        if said:
            return min(said)[1:]
    return None


def _pattern(word: str) -> str:
    plain = re.escape(folded(word)).replace(r"\ ", r"\w* ")
    return plain if any("\u4e00" <= letter <= "\u9fff" for letter in word) else rf"\b{plain}\w*"
