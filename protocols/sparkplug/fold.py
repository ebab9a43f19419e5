"""Records → protobuf's messages. Raises Unencodable where a value does not fit its datatype."""

from typing import Any, TypeAlias

from google.protobuf.internal.containers import RepeatedCompositeFieldContainer

from protocols.sparkplug import Unencodable
from protocols.sparkplug import sparkplug_b_pb2 as pb
from protocols.sparkplug.arrays import ARRAYS, pack
from protocols.sparkplug.datatype import BLOBS, SIMPLE, DataType, wire_value
from protocols.sparkplug.records import DataSet, MetaData, Metric, Parameter, Property, PropertySet, Template

Metrics: TypeAlias = RepeatedCompositeFieldContainer[pb.Metric]


def fold_metric(metric: Metric, metrics: Metrics, *, with_datatype: bool = True) -> None:
    """Add it to a payload's metrics or a template's members."""
    wire = metrics.add(
        name=metric.name,
        alias=metric.alias,
        timestamp=metric.timestamp_ms,
        datatype=metric.datatype if with_datatype else None,
        is_historical=metric.is_historical or None,
        is_transient=metric.is_transient or None,
        is_null=True if metric.value is None else None,
    )
    if metric.metadata:
        _fold_metadata(metric.metadata, wire.metadata)
    if metric.properties:
        _fold_properties(metric.properties, wire.properties)
    if metric.value is not None:
        _fold_value(metric, wire)


def _fold_value(metric: Metric, wire: pb.Metric) -> None:
    datatype, value = metric.datatype, metric.value
    if datatype in SIMPLE:
        _fold_simple(datatype, value, wire)
    elif datatype in BLOBS and isinstance(value, bytes):
        wire.bytes_value = value
    elif datatype in ARRAYS and isinstance(value, tuple):
        wire.bytes_value = pack(datatype, value)
    elif datatype is DataType.DATASET and isinstance(value, DataSet):
        _fold_dataset(value, wire.dataset_value)
    elif datatype is DataType.TEMPLATE and isinstance(value, Template):
        _fold_template(value, wire.template_value)
    else:
        told = datatype.name if datatype else "a metric without datatype"
        raise Unencodable(f"{metric.name or metric.alias}: {str(value)[:100]!r} is no {told}")


def _fold_simple(datatype: DataType, value: object, wire: Any) -> None:
    field, raw = wire_value(datatype, value)
    setattr(wire, field, raw)


def _fold_dataset(dataset: DataSet, wire: pb.DataSet) -> None:
    width = len(dataset.columns)
    if len(dataset.types) != width or any(len(row) != width for row in dataset.rows):
        raise Unencodable("a data set needs a type and a cell for each of its columns")
    if not SIMPLE.issuperset(dataset.types):
        raise Unencodable("a data set holds simple values only")
    wire.SetInParent()
    wire.num_of_columns = width
    wire.columns.extend(dataset.columns)
    wire.types.extend(dataset.types)
    for row in dataset.rows:
        cells = wire.rows.add().elements
        for datatype, value in zip(dataset.types, row, strict=True):
            cell = cells.add()
            if value is not None:
                _fold_simple(datatype, value, cell)


def _fold_template(template: Template, wire: pb.Template) -> None:
    if template.is_definition is (template.ref is not None):
        raise Unencodable("a template definition has no reference, an instance needs one")
    wire.is_definition = template.is_definition
    if template.ref is not None:
        wire.template_ref = template.ref
    if template.version is not None:
        wire.version = template.version
    for parameter in template.parameters:
        _fold_parameter(parameter, wire.parameters.add())
    for member in template.metrics:
        fold_metric(member, wire.metrics)


def _fold_parameter(parameter: Parameter, wire: pb.Template.Parameter) -> None:
    if not parameter.name:
        raise Unencodable("a parameter of a template needs a name")
    wire.name = parameter.name
    wire.type = parameter.datatype
    if parameter.value is not None:
        _fold_simple(parameter.datatype, parameter.value, wire)


def _fold_properties(properties: PropertySet, wire: pb.PropertySet) -> None:
    wire.keys.extend(properties)
    for value in properties.values():
        _fold_property(value, wire.values.add())


def _fold_property(told: Property, wire: pb.PropertyValue) -> None:
    datatype, value = told.datatype, told.value
    if datatype is None:
        raise Unencodable("a property needs a datatype")
    wire.type = datatype
    if value is None:
        wire.is_null = True
    elif datatype in SIMPLE:
        _fold_simple(datatype, value, wire)
    elif datatype is DataType.PROPERTY_SET and isinstance(value, dict):
        wire.propertyset_value.SetInParent()
        _fold_properties(value, wire.propertyset_value)
    elif datatype is DataType.PROPERTY_SET_LIST and isinstance(value, tuple):
        wire.propertysets_value.SetInParent()
        for one in value:
            _fold_properties(one, wire.propertysets_value.propertyset.add())
    else:
        raise Unencodable(f"{str(value)[:100]!r} is no {datatype.name}")


def _fold_metadata(metadata: MetaData, wire: pb.MetaData) -> None:
    for field in MetaData.__slots__:
        value = getattr(metadata, field)
        if value is not None:
            setattr(wire, field, value)
