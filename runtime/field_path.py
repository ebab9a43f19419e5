"""Follows the place of an error through the models: what stands there, and what could.

("devices", 0, "modbus", "tags", 2, "adress")      which kind of device was chosen is no key of the file
    ──follow──► keys devices.0.tags.2.adress, and the model that the last key is a field of
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin

from pydantic import BaseModel


class FieldPath(NamedTuple):
    """A place as a person wrote it. `known` are the fields there are beside the last key."""

    keys: tuple[str | int, ...]
    known: tuple[str, ...]


def follow(model: type[BaseModel], place: Sequence[str | int]) -> FieldPath:
    """Walk from `model` down the place that pydantic names."""
    keys: list[str | int] = []
    kind: Any = model
    known: tuple[str, ...] = ()
    for part in place:
        if chosen := _member(kind, part):
            kind = chosen
            continue
        keys.append(part)
        fields = {name: field for one in _models(kind) for name, field in one.model_fields.items()}
        known = tuple(fields)
        if part in fields:
            kind = fields[str(part)].annotation
        elif isinstance(part, int):
            kind = _item(kind)
    return FieldPath(tuple(keys), known)


def _alternatives(kind: Any) -> Iterator[Any]:
    """The members of a union, inside what annotates it; any other type is its only one."""
    if get_origin(kind) is Annotated:
        yield from _alternatives(get_args(kind)[0])
    elif isinstance(kind, type) or get_origin(kind) in {tuple, list, dict, Literal}:
        yield kind
    else:
        for member in get_args(kind):
            yield from _alternatives(member)


def _models(kind: Any) -> Iterator[type[BaseModel]]:
    for one in _alternatives(kind):
        if isinstance(one, type) and issubclass(one, BaseModel):
            yield one


def _member(kind: Any, part: str | int) -> type[BaseModel] | None:
    """The model that `part` chose out of a union: by the value of its discriminator, or by its own name."""
    models = list(_models(kind))
    if len(models) < 2:
        return None
    for one in models:
        tags = [tag for field in one.model_fields.values() for tag in _literals(field.annotation)]
        if part == one.__name__ or part in tags:
            return one
    return None


def _literals(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) is Literal else ()


def _item(kind: Any) -> Any:
    """What a list holds."""
    for one in _alternatives(kind):
        if get_origin(one) in {tuple, list}:
            return next(iter(get_args(one)), None)
    return None
