"""Templates and data sets, which the gateway itself does not publish: the rules, a session that our codec writes, and
for each rule a way to break it.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from protocols.sparkplug.datatype import DataType
from protocols.sparkplug.payload import encode
from protocols.sparkplug.records import DataSet, Metric, Parameter, Payload, Template
from protocols.sparkplug.sparkplug_b_pb2 import DataSet as WireDataSet
from protocols.sparkplug.sparkplug_b_pb2 import Payload as Wire
from protocols.sparkplug.sparkplug_b_pb2 import Template as WireTemplate

_SIMPLE = {"int_value", "long_value", "float_value", "double_value", "boolean_value", "string_value"}


class Told(NamedTuple):
    """What one edge node says: node birth, device birth, device data."""

    nbirth: Wire
    dbirth: Wire
    ddata: Wire


class ComplexRule(NamedTuple):
    """A look at what is said, how to break it, and the statements it stands for."""

    look: Callable[[Told], Iterator[str]]
    mutate: Callable[[Told], None]
    ids: tuple[str, ...]


def told() -> Told:
    """A motor type, a motor, its data with half of its members; and a table."""
    members = (Metric("speed", DataType.DOUBLE, 0.0), Metric("starts", DataType.INT64, 0))
    definition = Template(members, (Parameter("poles", DataType.INT32, 4),), version="1.0", is_definition=True)
    born = Template(
        (Metric("speed", DataType.DOUBLE, 1480.5), Metric("starts", DataType.INT64, 17)),
        (Parameter("poles", DataType.INT32, 2),),
        ref="motor",
    )
    table = DataSet(("shift", "pieces"), (DataType.STRING, DataType.UINT32), (("early", 412), ("late", None)))
    nbirth = Payload(1, (Metric("motor", DataType.TEMPLATE, definition),), 0)
    dbirth = Payload(1, (Metric("M1", DataType.TEMPLATE, born), Metric("shifts", DataType.DATASET, table)), 1)
    moved = Template((Metric("speed", DataType.DOUBLE, 1481.0),), ref="motor")
    ddata = Payload(2, (Metric("M1", DataType.TEMPLATE, moved),), 2)
    return Told(*(Wire.FromString(encode(one)) for one in (nbirth, dbirth, ddata)))


def broken(one: Told) -> set[str]:
    """The rules that are broken."""
    return {name for name, rule in COMPLEX_RULES.items() if any(True for _ in rule.look(one))}


def _templates(*payloads: Wire, definitions: bool | None = None) -> Iterator[WireTemplate]:
    for payload in payloads:
        for metric in payload.metrics:
            if metric.HasField("template_value") and definitions in {None, metric.template_value.is_definition}:
                yield metric.template_value


def _definition(one: Told) -> WireTemplate:
    return one.nbirth.metrics[0].template_value


def _instance(one: Told) -> WireTemplate:
    return one.dbirth.metrics[0].template_value


def _table(one: Told) -> WireDataSet:
    return one.dbirth.metrics[1].dataset_value


def _definitions_in_nbirth_only(one: Told) -> Iterator[str]:
    yield from (str(found) for found in _templates(one.dbirth, one.ddata, definitions=True))


def _no_ref(one: Told) -> Iterator[str]:
    definitions = _templates(one.nbirth, definitions=True)
    yield from (found.template_ref for found in definitions if found.HasField("template_ref"))


def _is_definition_told(one: Told) -> Iterator[str]:
    yield from (str(found) for found in _templates(*one) if not found.HasField("is_definition"))
    if not _definition(one).is_definition or _instance(one).is_definition:
        yield "the definition is told to be none, or the instance to be one"


def _refs_are_defined(one: Told) -> Iterator[str]:
    names = {metric.name for metric in one.nbirth.metrics if metric.template_value.is_definition}
    yield from (f.template_ref for f in _templates(one.dbirth, one.ddata) if f.template_ref not in names)


def _members(template: WireTemplate) -> list[str]:
    return [metric.name for metric in template.metrics]


def _members_of_the_definition(one: Told) -> Iterator[str]:
    known = _members(_definition(one))
    for found in _templates(one.dbirth, one.ddata, definitions=False):
        yield from (name for name in _members(found) if name not in known)


def _births_have_all_members(one: Told) -> Iterator[str]:
    yield from (name for name in _members(_definition(one)) if name not in _members(_instance(one)))


def _parameters_of_the_definition(one: Told) -> Iterator[str]:
    known = {parameter.name: parameter.type for parameter in _definition(one).parameters}
    yield from (p.name for p in _instance(one).parameters if known.get(p.name) != p.type)


def _parameters_are_whole(one: Told) -> Iterator[str]:
    for found in _templates(one.nbirth, one.dbirth):
        for parameter in found.parameters:
            if not parameter.name or not 1 <= parameter.type <= 15:
                yield str(parameter)
            if parameter.WhichOneof("value") not in {*_SIMPLE, None}:
                yield str(parameter)


def _version_is_text(one: Told) -> Iterator[str]:
    if _definition(one).version != "1.0":
        yield repr(_definition(one).version)


def _columns_and_types(one: Told) -> Iterator[str]:
    table = _table(one)
    if not len(table.columns) == len(table.types) == table.num_of_columns > 0:
        yield f"{table.num_of_columns}: {table.columns} {table.types}"


def _types_are_simple(one: Told) -> Iterator[str]:
    yield from (str(number) for number in _table(one).types if not 1 <= number <= 15)


def _cells_are_simple(one: Told) -> Iterator[str]:
    wanted = {8: "int_value", 7: "int_value", 12: "string_value"}
    for row in _table(one).rows:
        for number, cell in zip(_table(one).types, row.elements, strict=False):
            if cell.WhichOneof("value") not in {wanted.get(number), None}:
                yield str(cell)


def _set(message: object, **fields: object) -> None:
    for name, value in fields.items():
        setattr(message, name, value)


COMPLEX_RULES = {
    "definitions only in NBIRTH": ComplexRule(
        _definitions_in_nbirth_only,
        lambda one: _set(one.dbirth.metrics[0].template_value, is_definition=True),
        (),
    ),
    "a definition has no reference": ComplexRule(
        _no_ref,
        lambda one: _set(_definition(one), template_ref="motor"),
        ("payloads-template-definition-ref", "payloads-template-ref-definition"),
    ),
    "definition or instance": ComplexRule(
        _is_definition_told,
        lambda one: _instance(one).ClearField("is_definition"),
        (
            "payloads-template-is-definition",
            "payloads-template-is-definition-definition",
            "payloads-template-is-definition-instance",
            "payloads-template-definition-is-definition",
            "payloads-template-instance-is-definition",
        ),
    ),
    "an instance names its definition": ComplexRule(
        _refs_are_defined,
        lambda one: _set(_instance(one), template_ref="pump"),
        (
            "payloads-template-instance-ref",
            "payloads-template-ref-instance",
            "payloads-template-definition-nbirth",
        ),
    ),
    "members of the definition only": ComplexRule(
        _members_of_the_definition,
        lambda one: _instance(one).metrics.add(name="torque"),
        (
            "payloads-template-definition-members",
            "payloads-template-instance-members",
            "payloads-template-instance-members-data",
        ),
    ),
    "a birth has all members": ComplexRule(
        _births_have_all_members,
        lambda one: _instance(one).metrics.pop(),
        ("payloads-template-instance-members-birth",),
    ),
    "parameters of the definition only": ComplexRule(
        _parameters_of_the_definition,
        lambda one: _instance(one).parameters.add(name="phases", type=3),
        (
            "payloads-template-definition-parameters",
            "payloads-template-definition-parameters-default",
            "payloads-template-instance-parameters",
        ),
    ),
    "parameters have name and type": ComplexRule(
        _parameters_are_whole,
        lambda one: _definition(one).parameters[0].ClearField("type"),
        (
            "payloads-template-parameter-name-required",
            "payloads-template-parameter-name-type",
            "payloads-template-parameter-type-req",
            "payloads-template-parameter-type-value",
            "payloads-template-parameter-value",
            "payloads-template-parameter-value-type",
        ),
    ),
    "a version is a text": ComplexRule(
        _version_is_text, lambda one: _definition(one).ClearField("version"), ("payloads-template-version",)
    ),
    "a type for every column": ComplexRule(
        _columns_and_types,
        lambda one: _table(one).types.pop(),
        (
            "payloads-dataset-column-num-headers",
            "payloads-dataset-column-size",
            "payloads-dataset-parameter-type-req",
            "payloads-dataset-types-def",
            "payloads-dataset-types-num",
        ),
    ),
    "columns of known types": ComplexRule(
        _types_are_simple,
        lambda one: _table(one).types.__setitem__(0, 19),
        ("payloads-dataset-types-type", "payloads-dataset-types-value"),
    ),
    "cells of their column's type": ComplexRule(
        _cells_are_simple,
        lambda one: _set(_table(one).rows[0].elements[0], boolean_value=True),
        ("payloads-template-dataset-value",),
    ),
}
