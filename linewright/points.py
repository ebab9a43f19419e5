"""Point tables at the keyboard: check them, convert them, begin one, make one of SunSpec models.

FILE ──check──► how many tags, or every error          IN.xlsx ──convert──► OUT.csv
model_103.json, or a device's chain of models ──sunspec──► inverter.csv
"""

import asyncio
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args

from linewright import LinewrightError
from protocols.modbus.sunspec import BadSunspecModel, SunspecModel, each, parse, points_of
from protocols.modbus.sunspec_chain import found_models, tags_of_chain
from protocols.modbus.sunspec_tags import FIELDS, table_of
from protocols.modbus.sunspec_tags import Table as TagTable
from protocols.point_table import PointTable, read_table, write_table
from protocols.point_table.delimited import text_of
from protocols.point_table.file import content
from protocols.point_table.literal import parsed
from protocols.point_table.rows import NOTE, BadPointFile
from protocols.point_table.tags import tags_of
from protocols.registry import PROTOCOLS
from protocols.template import SHIPPED, read_template, shipped_templates

T = TypeVar("T")
COMMON_MODEL = 1
_COMMON_AT = 40002  # right behind the marker "SunS" at 40000
_NEXT_AT = 40070  # right behind a common model of its usual length


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a SunSpec table is made of: a model file, or a device and the folder of the models."""

    model: Path | None = None
    device: str | None = None
    models: Path | None = None
    base: int | None = None
    repeat: int = 1


class PointsRefused(LinewrightError):
    """What was asked for cannot be done; the text says what to write instead."""


def check(file: str, protocol: str | None) -> str:
    """What a point table, or a template, turned out to be. Raises BadPointFile with every error."""
    table, says = _template_or_table(file)
    wanted = protocol or says or _protocol_of(table)
    tags = tags_of(table.rows, tag_model(wanted), table.problems)
    return f"ok: {table.source.name}: {len(tags)} {wanted} tags, {table.form}"


def _template_or_table(file: str) -> tuple[PointTable, str | None]:
    path, sheet = _split(file)
    try:
        return read_table(path, sheet), None
    except BadPointFile:
        if path.suffix != ".toml" or not path.exists():
            raise
    template = read_template(str(path.absolute()), Path())
    return template.table, template.head.protocol


def _split(file: str) -> tuple[Path, str]:
    name, _, sheet = file.partition("#")
    return Path(name), sheet


def tag_model(protocol: str) -> type[Any]:
    """The tags of a protocol. Raises PointsRefused for an unknown one."""
    if protocol not in PROTOCOLS:
        raise PointsRefused(f"no protocol {protocol!r}; known: {', '.join(PROTOCOLS)}")
    model: type[Any] = get_args(PROTOCOLS[protocol].device.model_fields["tags"].annotation)[0]
    return model


def _protocol_of(table: PointTable) -> str:
    """The only protocol whose tags have all the columns of the first row, or most of them."""
    columns = set(table.rows[0].values if table.rows else table.source.titles) - {NOTE}
    return max(PROTOCOLS, key=lambda name: len(columns & set(tag_model(name).model_fields)))


def convert(source: str, target: Path, *, force: bool) -> str:
    """The same rows in the format that `target`'s suffix says. Values are not judged; comment lines are not kept."""
    path, sheet = _split(source)
    table = read_table(path, sheet)
    _refuse_existing(target, force=force)
    if table.problems:
        raise BadPointFile("\n".join(table.problems))
    model = tag_model(_protocol_of(table))
    texts = {name for name, field in model.model_fields.items() if field.annotation is str} | {NOTE}
    rows = [{name: _value(name, value, texts) for name, value in row.values.items()} for row in table.rows]
    fields = list(dict.fromkeys(name for row in rows for name in row)) or list(table.source.titles)
    write_table(target, rows, sorted(fields, key=_order([*model.model_fields, NOTE])))
    return f"{target}: {len(rows)} rows from {table.source.name} ({table.form})"


def _value(name: str, value: object, texts: set[str]) -> object:
    return parsed(value) if isinstance(value, str) and name not in texts else value


def _order(known: Sequence[str]) -> Any:
    """The place of a column: a tag's name and address first, then as its model has them, then the unknown."""
    first = ["tag", "address", "node", "type", "unit", *known]
    return lambda name: first.index(name) if name in first else len(first)


def example(protocol: str) -> str:
    """A table to begin with."""
    tag_model(protocol)
    return (SHIPPED / f"points_{protocol}.csv").read_text(encoding="utf-8")


def templates() -> Iterator[str]:
    """One line each."""
    for name, template in shipped_templates():
        head = template.head
        yield f"{name:<22} {head.protocol:<7} {len(template.table.rows):>4} tags  {head.title}\n{'':<22} {head.source}"


def sunspec(wanted: Wanted) -> TagTable:
    """The table of one model, or of all that a device has.

    Raises:
        BadPointFile: a model cannot be used.
        NoSunspecDevice: the device does not say what it has.
        PointsRefused: too much or too little is given.
    """
    if wanted.model and not wanted.device:
        model = _model(wanted.model)
        usual = _COMMON_AT if model.id == COMMON_MODEL else _NEXT_AT
        at = usual if wanted.base is None else wanted.base
        return _named(wanted.model, lambda: table_of(points_of(model, each(wanted.repeat)), at))
    if wanted.device and wanted.models and not wanted.model:
        found = asyncio.run(found_models(wanted.device))
        files = {model.id: wanted.models / f"model_{model.id}.json" for model in found}
        known = {number: _model(file) for number, file in files.items() if file.exists()}
        return _named(wanted.models, lambda: tags_of_chain(found, known))
    raise PointsRefused("give a model file, or --from modbus://host:port/unit with --models FOLDER")


def _model(file: Path) -> SunspecModel:
    return _named(file, lambda: parse(content(file).decode("utf-8", "replace")))


def _named(file: Path, work: Callable[[], T]) -> T:
    """What `work` gives; what it says of a bad model, with its file."""
    try:
        return work()
    except BadSunspecModel as error:
        raise BadPointFile(f"{file}: {error}") from error


def put(table: TagTable, target: Path | None, *, force: bool) -> None:
    """Write the table, on the screen as CSV when there is no file; tell of the points that are no tags."""
    if target is None:
        sys.stdout.write(text_of(table.rows, FIELDS))
    else:
        _refuse_existing(target, force=force)
        write_table(target, table.rows, FIELDS)
        print(f"{target}: {len(table.rows)} tags")
    for line in table.left_out:
        print(line, file=sys.stderr)


def _refuse_existing(target: Path, *, force: bool) -> None:
    if target.exists() and not force:
        raise PointsRefused(f"{target} is there already; give another name, or --force to replace it")
