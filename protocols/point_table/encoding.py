"""Which encoding a text file from a spreadsheet is in: UTF-8 with or without mark, UTF-16, GBK. Pure.

bytes ──decoded──► text, "GBK"

Excel in China writes GBK, and so does a western Excel write Windows-1252: bytes that are GBK too, as rare characters
("°C" is 癈). What is not certain is refused, because a wrong unit would look like a right one.
"""

import codecs

from protocols.point_table.rows import BadPointFile

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_WAY_OUT = "save it as 'CSV UTF-8' in the spreadsheet"


def decoded(name: str, raw: bytes) -> tuple[str, str]:
    """The text and the encoding that it was in.

    Raises:
        BadPointFile: no encoding fits for certain.
    """
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            return _strictly(name, raw, encoding), encoding.upper().removesuffix("-SIG")
    try:
        return raw.decode("utf-8"), "UTF-8"
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
    try:
        text = raw.decode("gb18030")
    except UnicodeDecodeError:
        raise BadPointFile(f"{name}:{line}: neither UTF-8 nor GBK; {_WAY_OUT}") from None
    if not _common(text):
        raise BadPointFile(f"{name}:{line}: not UTF-8, and as GBK full of rare characters; {_WAY_OUT}")
    return text, "GBK"


def _strictly(name: str, raw: bytes, encoding: str) -> str:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise BadPointFile(f"{name}: begins as {encoding} but byte {error.start} is not; {_WAY_OUT}") from error


def _common(text: str) -> bool:
    """Most characters beyond ASCII are those of everyday Chinese (GB 2312)."""
    foreign = [character for character in text if ord(character) > 127]
    rare = sum(not character.encode("gb2312", "ignore") for character in foreign)
    return 2 * rare < len(foreign)
