"""What the metrics of a payload become: values, qualities, units, structures; and that the fast way is the slow way."""

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_service.sparkplug.columns import Understood, columns_of, records_of
from ingest_service.sparkplug.table import Table, known_of, tags_of
from protocols.sample import GOOD, Quality, Reason, Sample, bad, quality_code, samples
from protocols.sparkplug.datatype import INTEGERS, DataType
from protocols.sparkplug.payload import encode, parse, typed
from protocols.sparkplug.records import DataSet, MetaData, Metric, Parameter, Payload, Property, Template
from protocols.sparkplug.sparkplug_b_pb2 import Payload as Wire
from protocols.sparkplug.topics import Verb
from protocols.sparkplug.unfold import Unfolding
from tests.sparkplug.host_parts import NS_PER_MS, Edge, Plant, T, data, speed, values


@pytest.fixture
def plant() -> Plant:
    return Plant()


def metric(datatype: DataType, value: object, **told: object) -> Metric:
    return replace(Metric("m", datatype, value, timestamp_ms=T), **told)  # type: ignore[arg-type]


def shown(plant: Plant, born: Metric) -> Sample:
    """What a birth with this metric alone adds."""
    (sample,) = plant.stored(Edge().nbirth(born))
    return sample


@pytest.mark.parametrize(
    ("datatype", "value"),
    [
        *((datatype, integer.low) for datatype, integer in INTEGERS.items()),
        (DataType.UINT64, 1 << 63),
        (DataType.DOUBLE, -0.25),
        (DataType.FLOAT, 1.5),
        (DataType.BOOLEAN, True),
        (DataType.STRING, "Ä"),
        (DataType.TEXT, ""),
        (DataType.UUID, "f81d4fae"),
    ],
)
def test_a_simple_value_is_itself_in_births_and_data(plant: Plant, datatype: DataType, value: object) -> None:
    edge, born = Edge(), metric(datatype, value, alias=3)
    assert [(one.value, one.code) for one in plant.stored(edge.nbirth(born))] == [(value, GOOD)]
    assert [(one.value, one.code) for one in plant.stored(edge.ndata(replace(born, name=None)))] == [(value, GOOD)]


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (metric(DataType.INT16_ARRAY, (-1, 2)), "[-1,2]"),
        (metric(DataType.BOOLEAN_ARRAY, (True, False)), "[true,false]"),
        (metric(DataType.DOUBLE_ARRAY, (1.5, math.nan, math.inf)), "[1.5,null,null]"),
        (metric(DataType.STRING_ARRAY, ("ä", "")), '["ä",""]'),
        (
            metric(DataType.DATASET, DataSet(("a", "b"), (DataType.INT8, DataType.STRING), ((1, "x"), (None, "y")))),
            '{"columns":["a","b"],"types":["INT8","STRING"],"rows":[[1,"x"],[null,"y"]]}',
        ),
    ],
)
def test_arrays_and_data_sets_become_json_text(plant: Plant, told: Metric, text: str) -> None:
    sample = shown(plant, told)
    assert sample.value == text
    json.loads(text)


def test_bytes_become_their_size_and_hash_and_short_ones_their_content(plant: Plant) -> None:
    short = json.loads(str(shown(plant, metric(DataType.BYTES, b"\0\xff")).value))
    assert (short["size"], short["base64"], len(short["sha256"])) == (2, "AP8=", 64)
    told = metric(DataType.FILE, bytes(5000), metadata=MetaData(file_name="program.nc"))
    long = json.loads(str(shown(plant, told).value))
    assert (long["size"], long["file_name"], "base64" in long) == (5000, "program.nc", False)


def test_the_members_of_a_template_instance_are_tags_and_its_definition_is_none(plant: Plant) -> None:
    edge = Edge()
    parts = Template((Metric("rpm", DataType.INT32, 0), Metric("state", DataType.STRING, "")), is_definition=True)
    inner = Template((Metric("temp", DataType.DOUBLE, 40.5),), ref="Bearing")
    pump = Template(
        (Metric("rpm", DataType.INT32, 1450, timestamp_ms=T + 5), Metric("drive", DataType.TEMPLATE, inner)),
        (Parameter("serial", DataType.STRING, "A-17"),),
        ref="Pump",
    )
    born = plant.stored(
        edge.nbirth(metric(DataType.TEMPLATE, parts, name="Pump"), metric(DataType.TEMPLATE, pump, name="p1", alias=4))
    )
    assert {(one.tag.rsplit("-", 1)[0], one.value, one.time_ns // NS_PER_MS) for one in born} == {
        ("line-1/p1.rpm", 1450, T + 5),
        ("line-1/p1.drive.temp", 40.5, T),
    }
    part = Template((Metric("rpm", None, 900, timestamp_ms=T + 9),), ref="Pump")
    wire = Wire(timestamp=T, seq=1)
    wire.metrics.add(alias=4).template_value.metrics.add(name="rpm", timestamp=T + 9, int_value=900)
    wire.metrics[0].template_value.template_ref = part.ref or ""
    message = edge.ndata()._replace(payload=wire.SerializeToString())
    assert [(one.value, one.time_ns // NS_PER_MS) for one in plant.stored(message)] == [(900, T + 9)]
    assert plant.asked() == []


def test_a_member_that_no_birth_told_asks_for_a_birth(plant: Plant) -> None:
    edge = Edge()
    pump = Template((Metric("rpm", DataType.INT32, 1),), ref="Pump")
    other = Template((Metric("flow", DataType.INT32, 1),), ref="Pump")
    plant.stored(edge.nbirth(metric(DataType.TEMPLATE, pump, alias=4)))
    assert plant.stored(edge.ndata(metric(DataType.TEMPLATE, other, name=None, alias=4))) == []
    assert plant.asked() == [edge.rebirth_topic]


def test_controls_bd_seq_and_transient_metrics_are_no_tags(plant: Plant) -> None:
    edge = Edge()
    born = plant.stored(edge.nbirth(metric(DataType.INT32, 1, is_transient=True, alias=6), speed()))
    assert values(born) == {"line-1/speed": 1450.0}
    assert plant.stored(edge.ndata(data(1.0, alias=6))) == []
    assert plant.asked() == []


@pytest.mark.parametrize(
    ("properties", "code", "has_value"),
    [
        ({}, GOOD, True),
        ({"Quality": Property(DataType.INT32, 192)}, GOOD, True),
        ({"Quality": Property(DataType.INT32, 500)}, quality_code(Quality.UNCERTAIN, Reason.STALE), True),
        ({"Quality": Property(DataType.INT32, 0)}, bad(Reason.DEVICE_REPORTED), False),
        ({"Quality": Property(DataType.INT32, 17)}, quality_code(Quality.UNCERTAIN, Reason.DEVICE_REPORTED), True),
    ],
)
def test_the_property_quality_is_the_quality_of_the_sample(
    plant: Plant, properties: dict[str, Property], code: int, has_value: bool
) -> None:
    edge = Edge()
    for message in (edge.nbirth(speed()), edge.ndata(replace(data(2.0), properties=properties))):
        (sample,) = plant.stored(message)
    assert (sample.code, sample.value) == (code, 2.0 if has_value else None)


@pytest.mark.parametrize(
    ("quality", "reason", "code"),
    [
        (0, "timeout", bad(Reason.TIMEOUT)),
        (0, "exception_2", bad(Reason.EXCEPTION_0 + 2)),
        (500, "clamped", quality_code(Quality.UNCERTAIN, Reason.CLAMPED)),
        (500, "none", quality_code(Quality.UNCERTAIN, Reason.STALE)),
        (0, "exception_999", bad(Reason.DEVICE_REPORTED)),
        (0, "whatever", bad(Reason.DEVICE_REPORTED)),
    ],
)
def test_a_reason_of_our_own_edge_node_comes_back(plant: Plant, quality: int, reason: str, code: int) -> None:
    told = {"Quality": Property(DataType.INT32, quality), "Reason": Property(DataType.STRING, reason)}
    assert shown(plant, replace(speed(), properties=told)).code == code


def test_a_null_that_our_own_edge_node_explains_keeps_its_reason(plant: Plant) -> None:
    told = {"Quality": Property(DataType.INT32, 0), "Reason": Property(DataType.STRING, "timeout")}
    assert shown(plant, replace(speed(None), properties=told)).code == bad(Reason.TIMEOUT)


def test_null_and_what_is_not_understood_are_bad_samples_without_value(plant: Plant) -> None:
    edge = Edge()
    plant.stored(edge.nbirth(speed(), speed(alias=2, name="level"), speed(alias=3, name="zero")))
    wire = Wire(timestamp=T, seq=1)
    wire.metrics.add(alias=1, is_null=True, double_value=5.0)
    wire.metrics.add(alias=2, string_value="what")
    wire.metrics.add(alias=3, double_value=0.0)
    stored = plant.stored(edge.ndata()._replace(payload=wire.SerializeToString()))
    assert [(one.tag, one.value, one.code) for one in stored] == [
        ("line-1/level", None, bad(Reason.UNDECODABLE)),
        ("line-1/speed", None, bad(Reason.DEVICE_REPORTED)),
        ("line-1/zero", 0.0, GOOD),
    ]


def test_a_datatype_that_its_birth_did_not_promise_is_not_believed(plant: Plant) -> None:
    edge = Edge()
    plant.stored(edge.nbirth(speed(), metric(DataType.INT32, 1, alias=2)))
    lies = encode(
        Payload(T, (Metric(None, DataType.STRING, "x", alias=1), Metric(None, DataType.TEXT, "y", alias=2)), 1)
    )
    assert [one.code for one in plant.stored(edge.ndata()._replace(payload=lies))] == [bad(Reason.UNDECODABLE)] * 2


def test_a_number_too_large_for_its_datatype_is_undecodable_in_both_ways(plant: Plant) -> None:
    edge = Edge()
    plant.stored(edge.nbirth(metric(DataType.INT16, 1, alias=1), metric(DataType.UINT8, 1, alias=2, name="n")))
    wire = Wire(timestamp=T, seq=1)
    for alias, raw in ((1, 70_000), (1, 0xFFFF8000), (2, 256)):
        wire.metrics.add(alias=alias, int_value=raw, timestamp=T + raw % 7)
    fast = plant.stored(edge.ndata()._replace(payload=wire.SerializeToString()))
    assert sorted((one.code, one.value) for one in fast if one.value is not None) == [(GOOD, -32768)]
    assert [one.code for one in fast].count(bad(Reason.UNDECODABLE)) == 2


def test_a_metric_without_time_has_that_of_its_payload(plant: Plant) -> None:
    edge = Edge()
    plant.stored(edge.nbirth(speed()))
    (sample,) = plant.stored(edge.ndata(replace(data(1.0), timestamp_ms=None)))
    assert sample.time_ns == T * NS_PER_MS


def test_a_time_beyond_all_reason_does_not_turn_round(plant: Plant) -> None:
    edge = Edge()
    for message in (edge.nbirth(speed(at_ms=(1 << 64) - 1)), edge.ndata(data(1.0, (1 << 64) - 1))):
        (sample,) = plant.stored(message)
        assert sample.time_ns > 1 << 62


def test_historical_values_are_stored_at_their_own_time(plant: Plant) -> None:
    edge = Edge()
    plant.stored(edge.nbirth(speed()))
    old = replace(data(1.0, T - 60_000), is_historical=True)
    stored = plant.stored(edge.ndata(old, data(2.0)))
    assert [(one.value, one.time_ns // NS_PER_MS) for one in stored] == [(1.0, T - 60_000), (2.0, T)]


def test_units_stand_in_the_catalog_of_a_birth_and_of_the_data_after_it(plant: Plant) -> None:
    edge = Edge()
    born = replace(speed(), properties={"engUnit": Property(DataType.STRING, "mm/s")})
    readings = [plant.reading(edge.nbirth(born, metric(DataType.STRING, "x"))), plant.reading(edge.ndata(data(1.0)))]
    for reading in readings:
        assert reading
        assert reading.content.batch
        announced = reading.content.batch.announced
        assert announced
        catalog = announced.catalog()
        assert [(tag.tag, tag.kind, tag.unit) for tag in catalog.tags] == [
            ("speed", "float", "mm/s"),
            ("m", "text", ""),
        ]


def test_a_unit_is_made_storable(plant: Plant) -> None:
    told = {"engUnit": Property(DataType.STRING, "m\0m" + "/s" * 40)}
    reading = plant.reading(Edge().nbirth(replace(speed(), properties=told)))
    assert reading
    assert reading.content.batch
    assert reading.content.batch.announced
    assert reading.content.batch.announced.catalog().tags[0].unit == ("mm" + "/s" * 40)[:32]


NAMES = ["a", "b/c", "Ä", "d", "e", "f"]
TYPES = [DataType.INT8, DataType.UINT32, DataType.UINT64, DataType.DOUBLE, DataType.BOOLEAN, DataType.STRING]
BIRTH = [
    Metric(name, datatype, None, alias=place) for place, (name, datatype) in enumerate(zip(NAMES, TYPES, strict=True))
]
RAW = st.one_of(
    st.tuples(st.just("int_value"), st.sampled_from([0, 1, 127, 128, 255, 256, 0xFFFFFF80, 0xFFFFFFFF])),
    st.tuples(st.just("long_value"), st.sampled_from([0, 5, 255, (1 << 63) - 1, 1 << 63, (1 << 64) - 1])),
    st.tuples(st.just("double_value"), st.sampled_from([0.0, -1.5])),
    st.tuples(st.just("boolean_value"), st.booleans()),
    st.tuples(st.just("string_value"), st.sampled_from(["", "x"])),
    st.tuples(st.just("is_null"), st.booleans()),
)
SAID = st.lists(st.tuples(st.integers(0, 7), st.booleans(), RAW, st.integers(0, 3)), max_size=12)


@given(SAID)
def test_the_fast_way_and_the_slow_way_agree(said: list[tuple[int, bool, tuple[str, object], int]]) -> None:
    table = Table("m", known_of(BIRTH), tags_of(BIRTH))
    wire = Wire(timestamp=T)
    for place, by_name, (field, raw), later in said:
        who = {"name": NAMES[place] if place < len(NAMES) else "other"} if by_name else {"alias": place}
        wire.metrics.add(timestamp=T + later if later else None, **who, **{field: raw})  # type: ignore[arg-type]
    payload = parse(wire.SerializeToString())
    names = dict(enumerate(NAMES))
    fast = columns_of(payload, table)
    slow = _slowly(payload, table)
    assert sorted(samples(fast.columns, names), key=str) == sorted(samples(slow.columns, names), key=str)
    assert fast.unknown == slow.unknown


def _slowly(wire: Wire, table: Table) -> Understood:
    """Each metric as a record, by its name."""
    records = []
    for one in wire.metrics:
        record = Unfolding().metric(one)
        name = record.name or table.name_of.get(record.alias or 0, "other")
        known = table.known.get(name)
        records.append(replace(typed(record, known.datatype) if known else record, name=name))
    return records_of(records, table, wire.timestamp)


def test_ndata_of_a_node_without_tags_is_nothing_to_store(plant: Plant) -> None:
    edge = Edge()
    assert plant.stored(edge.nbirth()) == []
    assert plant.stored(edge.message(Verb.NDATA, Payload(T, (), 1))) == []
