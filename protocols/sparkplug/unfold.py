"""Protobuf's messages → records, with a limit on how many a payload may unfold to."""

from typing import Any

from protocols import OversizedPayload, UndecodablePayload
from protocols.sparkplug import sparkplug_b_pb2 as pb
from protocols.sparkplug.arrays import ARRAYS, unpack
from protocols.sparkplug.datatype import BLOBS, SIMPLE, DataType, Simple, datatype_of, understand
from protocols.sparkplug.records import DataSet, MetaData, Metric, Parameter, Property, PropertySet, Template, Value

RECORDS_MOST = 100_000


def understand_any(datatype: DataType, raw: Value) -> Value:
    """What a wire value of any datatype means; raises UndecodablePayload where it is none."""
    if datatype in SIMPLE and isinstance(raw, (int, float, str)):
        return understand(datatype, raw)
    if datatype in BLOBS and isinstance(raw, bytes):
        return raw
    if datatype in ARRAYS and isinstance(raw, bytes):
        return unpack(datatype, raw)
    if datatype is DataType.DATASET and isinstance(raw, DataSet):
        return raw
    if datatype is DataType.TEMPLATE and isinstance(raw, Template):
        return raw
    raise UndecodablePayload(f"{datatype.name} does not travel as {type(raw).__name__}")


class Unfolding:
    """One payload being unfolded; counts its records."""

    def __init__(self) -> None:
        self._left = RECORDS_MOST

    def _spend(self, records: int) -> None:
        self._left -= records
        if self._left < 0:
            raise OversizedPayload(f"more than {RECORDS_MOST} metrics, cells and properties")

    def metric(self, wire: pb.Metric) -> Metric:
        """One metric; a value that cannot be understood becomes its fault."""
        self._spend(1)
        name, datatype, value, fault = None, None, None, ""
        try:
            name = text(wire.name) if wire.HasField("name") else None
            datatype = _datatype(wire.datatype) if wire.HasField("datatype") else None
            value = self._value(wire, datatype)
        except OversizedPayload:
            raise
        except UndecodablePayload as error:
            fault = str(error)
        return Metric(
            name,
            datatype,
            value,
            wire.alias if wire.HasField("alias") else None,
            wire.timestamp if wire.HasField("timestamp") else None,
            wire.is_historical,
            wire.is_transient,
            self._properties(wire.properties) if wire.HasField("properties") else {},
            _metadata(wire.metadata) if wire.HasField("metadata") else None,
            fault,
        )

    def _value(self, wire: pb.Metric, datatype: DataType | None) -> Value | None:
        field = None if wire.is_null else wire.WhichOneof("value")
        if field is None:
            return None
        raw: Value = getattr(wire, field)
        if field == "dataset_value":
            raw = self._dataset(wire.dataset_value)
        elif field == "template_value":
            raw = self._template(wire.template_value)
        return raw if datatype is None else understand_any(datatype, raw)

    def _dataset(self, wire: pb.DataSet) -> DataSet:
        names, types = tuple(map(text, wire.columns)), tuple(_datatype(number) for number in wire.types)
        if not len(names) == len(types) == wire.num_of_columns:
            raise UndecodablePayload(f"{wire.num_of_columns} columns with {len(names)} names and {len(types)} types")
        if not SIMPLE.issuperset(types):
            raise UndecodablePayload("a data set holds simple values only")
        self._spend(len(names))
        rows = []
        for row in wire.rows:
            if len(row.elements) != len(types):
                raise UndecodablePayload(f"a row of {len(row.elements)} cells in a data set of {len(types)} columns")
            self._spend(len(types) + 1)
            rows.append(tuple(_simple(cell, kind) for cell, kind in zip(row.elements, types, strict=True)))
        return DataSet(names, types, tuple(rows))

    def _template(self, wire: pb.Template) -> Template:
        self._spend(len(wire.parameters))
        ref = text(wire.template_ref) if wire.HasField("template_ref") else None
        if wire.is_definition is (ref is not None):
            raise UndecodablePayload("a template definition has no reference, an instance needs one")
        return Template(
            tuple(self.metric(member) for member in wire.metrics),
            tuple(_parameter(parameter) for parameter in wire.parameters),
            ref,
            text(wire.version) if wire.HasField("version") else None,
            wire.is_definition,
        )

    def _properties(self, wire: pb.PropertySet) -> PropertySet:
        """What cannot be understood among properties is left out: the value they describe counts more."""
        self._spend(len(wire.keys) + len(wire.values))
        found = {}
        for key, value in zip(wire.keys, wire.values, strict=False):
            known = self._property(value)
            if known and isinstance(key, str):
                found[key] = known
        return found

    def _property(self, wire: pb.PropertyValue) -> Property | None:
        datatype = datatype_of(wire.type)
        field = None if wire.is_null else wire.WhichOneof("value")
        if field is None:
            return Property(datatype, None)
        if field == "propertyset_value":
            return Property(datatype, self._properties(wire.propertyset_value))
        if field == "propertysets_value":
            sets = wire.propertysets_value.propertyset
            self._spend(len(sets))
            return Property(datatype, tuple(self._properties(one) for one in sets))
        try:
            return Property(datatype, _simple(wire, datatype)) if datatype and datatype in SIMPLE else None
        except UndecodablePayload:
            return None


def _datatype(number: int) -> DataType:
    datatype = datatype_of(number)
    if datatype is None:
        raise UndecodablePayload(f"datatype {number} is unknown")
    return datatype


def _simple(wire: Any, datatype: DataType) -> Simple | None:
    field = wire.WhichOneof("value")
    if field is None:
        return None
    raw: Simple = getattr(wire, field)
    return understand(datatype, raw)


def text(found: str) -> str:
    """A text of the wire; protobuf hands out as bytes what is not UTF-8."""
    if not isinstance(found, str):
        raise UndecodablePayload("a text is not UTF-8")
    return found


def _parameter(wire: pb.Template.Parameter) -> Parameter:
    if not (wire.name and wire.HasField("type")):
        raise UndecodablePayload("a parameter of a template needs a name and a type")
    datatype = _datatype(wire.type)
    return Parameter(text(wire.name), datatype, _simple(wire, datatype))


def _metadata(wire: pb.MetaData) -> MetaData:
    return MetaData(**{field.name: value for field, value in wire.ListFields() if not isinstance(value, bytes)})
