"""Payloads as JSON tells them (tests/golden/sparkplug_vectors.json) → records."""

from typing import Any

from protocols.sparkplug.datatype import DataType
from protocols.sparkplug.records import DataSet, MetaData, Metric, Parameter, Payload, Property, PropertySet, Template


def payload_of(told: dict[str, Any]) -> Payload:
    body = told.get("body")
    return Payload(
        told["timestamp_ms"],
        tuple(metric_of(metric) for metric in told["metrics"]),
        told["seq"],
        told.get("uuid"),
        bytes.fromhex(body["hex"]) if body else None,
    )


def metric_of(told: dict[str, Any]) -> Metric:
    plain = {
        key: told[key] for key in ("name", "timestamp_ms", "alias", "is_historical", "is_transient") if key in told
    }
    datatype = DataType[told["datatype"]]
    return Metric(
        datatype=datatype,
        value=_value(datatype, told["value"]),
        properties=_properties(told.get("properties", {})),
        metadata=MetaData(**told["metadata"]) if "metadata" in told else None,
        **plain,
    )


def _value(datatype: DataType, told: Any) -> Any:
    if datatype is DataType.DATASET:
        types = tuple(DataType[name] for name in told["types"])
        return DataSet(tuple(told["columns"]), types, tuple(tuple(row) for row in told["rows"]))
    if datatype is DataType.TEMPLATE:
        return _template(told)
    if isinstance(told, dict):
        return bytes.fromhex(told["hex"])
    return tuple(told) if isinstance(told, list) else told


def _template(told: dict[str, Any]) -> Template:
    return Template(
        tuple(metric_of(member) for member in told["metrics"]),
        tuple(Parameter(one["name"], DataType[one["datatype"]], one["value"]) for one in told["parameters"]),
        told.get("ref"),
        told["version"],
        told.get("is_definition", False),
    )


def _properties(told: dict[str, Any]) -> PropertySet:
    return {name: Property(DataType[one["datatype"]], _property_value(one)) for name, one in told.items()}


def _property_value(told: dict[str, Any]) -> Any:
    value = told["value"]
    if told["datatype"] == "PROPERTY_SET":
        return _properties(value)
    if told["datatype"] == "PROPERTY_SET_LIST":
        return tuple(_properties(one) for one in value)
    return value
