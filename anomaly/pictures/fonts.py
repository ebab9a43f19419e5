"""Which fonts a text needs: names of tags may be Chinese, and a box instead of a sign says nothing.

text ──► signs that the usual font lacks ──► first font of this computer that has them all ──► families to draw with
                                             └─ there is none: None, and the caller shows something else
"""

from functools import lru_cache

USUAL = "DejaVu Sans"  # comes with matplotlib
# Sans before serif, simplified Chinese before its neighbours; any other font that has the signs comes after them.
_PREFERRED = (
    "Noto Sans CJK", "Noto Sans SC", "Source Han Sans", "WenQuanYi", "Microsoft YaHei", "PingFang", "SimHei",
    "Droid Sans Fallback", "Noto Serif CJK", "AR PL",
)  # fmt: skip
_BOXES = "Last Resort"  # has every sign, as a box


def families(text: str) -> list[str] | None:
    """Font families that together have every sign of `text`; None: this computer has none that do."""
    missing = frozenset(sign for sign in text if ord(sign) > 127 and ord(sign) not in _signs(_usual_path()))
    if not missing:
        return [USUAL]
    found = _fallback(missing)
    return [USUAL, found] if found else None


@lru_cache(maxsize=256)
def _fallback(missing: frozenset[str]) -> str | None:
    from matplotlib.font_manager import fontManager  # noqa: PLC0415

    wanted = {ord(sign) for sign in missing}
    for entry in sorted(fontManager.ttflist, key=lambda entry: (_rank(entry.name), entry.style, abs(_weight(entry)))):
        if not entry.name.startswith(_BOXES) and wanted <= _signs(entry.fname):
            return str(entry.name)
    return None


def _rank(name: str) -> int:
    return next((rank for rank, known in enumerate(_PREFERRED) if name.startswith(known)), len(_PREFERRED))


def _weight(entry: object) -> int:
    """How far from a regular weight; fonts tell it as a number or as a word."""
    weight = getattr(entry, "weight", 400)
    return weight - 400 if isinstance(weight, int) else 0


def _usual_path() -> str:
    from matplotlib.font_manager import findfont  # noqa: PLC0415

    return str(findfont(USUAL))


@lru_cache(maxsize=256)
def _signs(path: str) -> frozenset[int]:
    from matplotlib.ft2font import FT2Font  # noqa: PLC0415

    try:
        return frozenset(FT2Font(path).get_charmap())
    except (OSError, RuntimeError):  # a damaged file, or a format that freetype does not know
        return frozenset()
