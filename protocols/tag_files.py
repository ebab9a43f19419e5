"""The tags of a device that stand in files: a template of its machine model, a point table, or both.

    template ──moved, renamed──┐
    points   ──moved, renamed──┴─ without `exclude` ──under── [[devices.tags]] of the device itself = its tags

A later one of the same name overrides field by field: a table may hold no more than tag and period_s.
"""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Self, get_args

from pydantic import BaseModel, Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from protocols.modbus.point import BadPoint
from protocols.modbus.relocate import relocated, relocated_section
from protocols.point_table import BadPointFile, PointTable, Row, Source, read_table
from protocols.point_table.tags import tags_of
from protocols.template import Template, read_template
from runtime.settings import Settings

_INLINE = Source("[[devices.tags]]", "[[devices.tags]]")


class TagFiles(Settings):
    """Where a device has tags from besides [[devices.tags]]."""

    template: str = Field("", description="Machine model: a shipped template's name, or a file like ./machine.toml.")
    points: str = Field("", description="Point table: .csv, .toml, .xlsx or .xlsx#sheet, relative to this file.")
    exclude: tuple[str, ...] = Field((), description='Tags of these files to leave out; "phase_*" means all such.')
    prefix: str = Field("", description="Put before the names of the files' tags.")
    base_address: int | None = Field(
        None, ge=0, le=65535, description="Added to the Modbus addresses of the files; default: the template's."
    )

    @model_validator(mode="after")
    def _of_some_file(self) -> Self:
        given = self.exclude or self.prefix or self.base_address is not None
        if given and not (self.template or self.points):
            raise ValueError("exclude, prefix and base_address are about the tags of a template or of points; name one")
        return self


def with_file_tags(device: type[BaseModel], data: object, folder: Path) -> object:
    """What the configuration says of a device, with the tags of its files added; relative to `folder`.

    Raises:
        ValidationError: with every error in the files.
    """
    if not isinstance(data, dict) or not (data.get("template") or data.get("points")):
        return data
    files = TagFiles.model_validate({name: data[name] for name in TagFiles.model_fields if name in data})
    try:
        return _filled(device, data, files, folder)
    except BadPointFile as error:
        raise _refused(data, str(error)) from error


def _refused(data: Mapping[str, object], text: str) -> ValidationError:
    field = "points" if data.get("points") else "template"
    errors: list[InitErrorDetails] = [
        {"type": PydanticCustomError("tag_file", "{line}", {"line": line}), "loc": (field,), "input": data.get(field)}
        for line in text.splitlines()
    ]
    return ValidationError.from_exception_data("tags", errors)


def _filled(device: type[BaseModel], data: Mapping[str, Any], files: TagFiles, folder: Path) -> dict[str, object]:
    if files.base_address is not None and data.get("protocol") != "modbus":
        raise BadPointFile("base_address moves Modbus addresses; leave it out here")
    template = read_template(files.template, folder) if files.template else None
    filled = dict(data)
    if template:
        filled |= _section(template, data, _base(template, files))
    layers = list(_layers(template, files, folder))
    rows = _layered(layers)
    problems = [problem for table in layers for problem in table.problems]
    problems += _excluded(rows, files.exclude)
    (model,) = {inner for inner in get_args(device.model_fields["tags"].annotation) if inner is not Ellipsis}
    inline = data.get("tags", ())
    if isinstance(inline, list | tuple):  # anything else the model refuses
        filled["tags"] = _with_inline(rows, inline, model, problems)
    return filled


def _base(template: Template, files: TagFiles) -> int:
    return template.head.base_address if files.base_address is None else files.base_address


def _section(template: Template, data: Mapping[str, Any], by: int) -> dict[str, object]:
    """The section of device settings, the template's below the device's own."""
    protocol = template.head.protocol
    if data.get("protocol") != protocol:
        raise BadPointFile(f"template {template.table.source.name} is for {protocol}, not {data.get('protocol')}")
    own = data.get(protocol, {})
    return {protocol: {**relocated_section(template.head.device, by), **own} if isinstance(own, dict) else own}


def _layers(template: Template | None, files: TagFiles, folder: Path) -> Iterator[PointTable]:
    if template:
        yield _moved(template.table, files.prefix, _base(template, files))
    if files.points:
        name, _, sheet = files.points.partition("#")
        yield _moved(read_table(folder / name, sheet), files.prefix, files.base_address or 0)


def _moved(table: PointTable, prefix: str, by: int) -> PointTable:
    """The table with its addresses moved and its tags renamed."""
    if not prefix and not by:
        return table
    rows, problems = [], list(table.problems)
    for row in table.rows:
        try:
            rows.append(Row(row.source, row.at, _renamed(relocated(row.values, by), prefix)))
        except BadPoint as error:
            problems.append(f"{row.at}: {error}")
    return PointTable(table.source, table.form, rows, problems)


def _renamed(values: dict[str, object], prefix: str) -> dict[str, object]:
    tag = values.get("tag")
    return {**values, "tag": prefix + tag} if isinstance(tag, str) else values


def _layered(layers: Sequence[PointTable]) -> dict[str, Row]:
    """Each tag once, by name; a row that will be refused, for want of a name or of its own one, by its place."""
    found: dict[str, Row] = {}
    for table in layers:
        here: set[str] = set()
        for row in table.rows:
            name = str(row.values.get("tag", row.at))
            if name in here:
                found[row.at] = row
                continue
            here.add(name)
            found[name] = row.over(found[name]) if name in found else row
    return found


def _excluded(rows: dict[str, Row], exclude: Sequence[str]) -> list[str]:
    """Take these out; what is said of those that match nothing."""
    problems = []
    for pattern in exclude:
        matching = [name for name in rows if fnmatchcase(name, pattern)]
        if not matching:
            close = difflib.get_close_matches(pattern, rows, n=1)
            problems.append(
                f"exclude: no tag is called {pattern!r}" + (f", did you mean {close[0]!r}?" if close else "")
            )
        for name in matching:
            del rows[name]
    return problems


def _with_inline(rows: dict[str, Row], inline: Sequence[Any], model: type[BaseModel], problems: list[str]) -> list[Any]:
    """The tags of the device itself, in their places, those that override merged; then the others of the files."""
    over = {
        place: Row(_INLINE, f"{_INLINE.name} {tag['tag']}", tag).over(rows.pop(str(tag["tag"])))
        for place, tag in enumerate(inline)
        if isinstance(tag, dict) and str(tag.get("tag")) in rows
    }
    merged = tags_of([*over.values(), *rows.values()], model, problems)
    tags = list(inline)
    for place, tag in zip(over, merged, strict=False):
        tags[place] = tag
    return [*tags, *merged[len(over) :]]
