"""Rows become tags of a protocol, checked by the protocol's own model; every error is told at once, cell by cell. Pure.

Rows ──merged fields──► pydantic ──► tags
                           └──► pump.csv:7: period_s: Input should be greater than 0: '-1'
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from types import GenericAlias
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from protocols.point_table.literal import parsed
from protocols.point_table.rows import Row, refuse

_WAYS_OUT = {
    "bool_parsing": "write true or false",
    "float_parsing": "write it like 0.1, with a point and no unit",
    "int_parsing": "write a whole number",
    "int_from_float": "write a whole number",
    "string_pattern_mismatch": "use a-z, 0-9, _ . - and begin with a letter or digit",
    "tuple_type": "write it like [0, 10]",
    "dict_type": 'write it like {0 = "off", 1 = "on"}',
}

_TOML = ("[", "{", "0x", "0X")

T = TypeVar("T", bound=BaseModel)


def tags_of(rows: Sequence[Row], model: type[T], problems: Iterable[str] = ()) -> list[T]:
    """The tags in the order of the rows. `problems`: what is known to be wrong already, told together.

    Raises:
        BadPointFile: with every error.
    """
    wrong = [*problems, *_unknown(rows, model)]
    try:
        tags: list[T] = _adapter(model).validate_python([_typed(row.merged(), model) for row in rows])
    except ValidationError as error:
        errors = error.errors(include_url=False)
        refuse([*wrong, *(_told(found, rows[int(found["loc"][0])]) for found in errors)])
        raise
    refuse(wrong)
    return tags


@cache
def _adapter(model: type[Any]) -> TypeAdapter[Any]:
    shape: Any = GenericAlias(list, (model,))
    return TypeAdapter(shape)


@cache
def _texts(model: type[BaseModel]) -> frozenset[str]:
    return frozenset(name for name, field in model.model_fields.items() if field.annotation is str)


def _typed(values: dict[str, object], model: type[BaseModel]) -> Mapping[str, object]:
    """The known fields; a cell holds lists, tables and hexadecimal numbers as TOML, the rest pydantic understands."""
    texts, known = _texts(model), model.model_fields
    return {
        name: parsed(value) if isinstance(value, str) and value.startswith(_TOML) and name not in texts else value
        for name, value in values.items()
        if name in known
    }


def _unknown(rows: Iterable[Row], model: type[BaseModel]) -> Iterator[str]:
    """Columns that are no fields; told apart, so that they hide no other error."""
    for row in rows:
        for name in row.merged().keys() - model.model_fields.keys():
            owner = row.owner(name)
            titles = owner.source.titles
            if titles:
                yield f"{owner.source.heading}: unknown column {titles[name]!r}{_nearest(name, model)}"
            else:
                yield f"{owner.at}: unknown field {name!r}{_nearest(name, model)}"


def _told(error: ErrorDetails, row: Row) -> str:
    path = error["loc"][1:]
    message = error["msg"].removeprefix("Value error, ")
    if not path:
        return f"{row.at}: {message}"
    name = str(path[0])
    owner = row.owner(name)
    columns = owner.source.titles
    column = columns.get(name, name)
    if error["type"] == "missing":
        where = row.at if name in columns or not columns else row.source.heading
        return f"{where}: {column}: missing; every tag needs one"
    way_out = _WAYS_OUT.get(error["type"])
    told = f"{owner.at}: {column}: {message}: {_shown(row.merged().get(name))}"
    return f"{told}; {way_out}" if way_out else told


def _nearest(name: str, model: type[BaseModel]) -> str:
    close = difflib.get_close_matches(name, model.model_fields, n=1)
    if close:
        return f", did you mean {close[0]!r}?"
    return f"; known here: {', '.join(model.model_fields)}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
