"""Moves Modbus addresses, for machines of one model whose maps begin at different places. Pure.

{address = "holding:3.1", scale_register = "holding:7"} ──by 40070──► {"holding:40073.1", "holding:40077"}
"""

import re
from collections.abc import Mapping

from protocols.modbus.point import BadPoint

_ADDRESS = re.compile(r"(?P<table>coil|discrete|input|holding):(?P<address>\d{1,5})(?P<part>\..*)?")
_FIELDS = ("address", "scale_register")


def relocated(values: Mapping[str, object], by: int) -> dict[str, object]:
    """The fields of a tag with its addresses moved; what is no address stays, and is refused later.

    Raises:
        BadPoint: an address would run past 65535.
    """
    return {**values, **{name: _moved(values[name], by) for name in _FIELDS if name in values}}


def relocated_section(section: Mapping[str, object], by: int) -> dict[str, object]:
    """The device settings of a template with the holes of its address map moved; what is no hole stays."""
    holes = section.get("forbidden")
    if not isinstance(holes, list):
        return dict(section)
    moved = [[end + by if isinstance(end, int) else end for end in hole] for hole in holes if isinstance(hole, list)]
    return {**section, "forbidden": moved} if len(moved) == len(holes) else dict(section)


def _moved(text: object, by: int) -> object:
    match = _ADDRESS.fullmatch(text) if isinstance(text, str) else None
    if not match:
        return text
    address = int(match["address"]) + by
    if not 0 <= address <= 0xFFFF:
        raise BadPoint(f"{text} moved by base_address {by} would be {address}; addresses end at 65535")
    return f"{match['table']}:{address}{match['part'] or ''}"
