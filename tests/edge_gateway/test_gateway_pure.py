"""Settings, numbering, batching, the gap after a restart and the state message: no I/O."""

import json
from uuid import UUID

import numpy as np
import pytest

from edge_gateway.batcher import GROUP_BYTES, GROUP_S, Batcher
from edge_gateway.catalog import number, whole
from edge_gateway.restart_gap import gap_samples
from edge_gateway.settings import GatewaySettings
from edge_gateway.spool.rows import Dropped
from edge_gateway.uplink import state
from protocols.sample import Reason, ValueKind, bad, samples
from protocols.wire import columnar
from protocols.wire.batch import BatchHeader
from protocols.wire.catalog import encode
from runtime.clock import ClockState
from runtime.settings import SettingsError, load
from tests.edge_gateway.gateway_parts import floats, modbus_device

GATEWAY = """
tenant = "demo"
gateway = "gw-1"
[[devices]]
name = "compressor-1"
protocol = "modbus"
[devices.modbus]
host = "127.0.0.1"
port = 5020
[[devices.tags]]
tag = "oil_temperature"
address = "holding:100"
type = "float32"
[[devices]]
name = "cnc-1"
protocol = "opcua"
[devices.opcua]
url = "opc.tcp://127.0.0.1:4840"
[[devices.tags]]
tag = "spindle_speed"
node = "nsu=urn:x;s=cnc-1.spindle_speed"
"""


def loaded(tmp_path, text: str) -> GatewaySettings:
    path = tmp_path / "gateway.toml"
    path.write_text(text)
    return load(GatewaySettings, path, {})


def test_a_gateway_file_is_read_with_defaults(tmp_path):
    settings = loaded(tmp_path, GATEWAY)
    assert [device.machine for device in settings.devices] == ["compressor-1", "cnc-1"]
    assert settings.spool.max_bytes == 2 << 30
    assert settings.broker.port == 1883


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (('gateway = "gw-1"', 'gateway = "gw-1"\nspol = 1'), "spol: unknown setting, did you mean `spool`?"),
        (('tenant = "demo"', 'tenant = "Demo!"'), "tenant"),
        (('protocol = "opcua"', 'protocol = "profinet"'), "'modbus', 'opcua'"),
        (('type = "float32"', 'type = "float33"'), "float33"),
        (("port = 5020", "prot = 5020"), "prot: unknown setting"),
        (('name = "cnc-1"', 'name = "compressor-1"'), "device compressor-1 is there twice"),
        (
            (
                'name = "cnc-1"\nprotocol = "opcua"',
                'name = "cnc-1"\nmachine = "compressor-1"\nprotocol = "opcua"',
                "spindle_speed",
                "oil_temperature",
            ),
            "tag oil_temperature of machine compressor-1 comes from both compressor-1 and cnc-1",
        ),
    ],
)
def test_a_wrong_file_says_what_is_wrong(tmp_path, change, told):
    text = GATEWAY
    for old, new in zip(change[::2], change[1::2], strict=True):
        assert old in text
        text = text.replace(old, new)
    with pytest.raises(SettingsError) as raised:
        loaded(tmp_path, text)
    assert told in str(raised.value)
    assert "gateway.toml" in str(raised.value)


def test_aliases_do_not_depend_on_the_order_in_the_file():
    a, b = modbus_device("a", 5020, {"x": 1.0, "y": 1.0}), modbus_device("b", 5021, {"x": 1.0})
    one, other = number([a, b]), number([b, a])
    assert one.catalog == other.catalog
    assert [(tag.alias, tag.machine, tag.tag) for tag in one.catalog.tags] == [
        (0, "a", "x"),
        (1, "a", "y"),
        (2, "b", "x"),
    ]
    assert [list(numbered.aliases) for numbered in other.devices] == [[2], [0, 1]]


def test_the_revision_changes_with_the_tags_and_with_nothing_else():
    before = number([modbus_device("a", 5020, {"x": 1.0})]).catalog.revision
    assert number([modbus_device("a", 6000, {"x": 9.0})]).catalog.revision == before
    assert number([modbus_device("a", 5020, {"z": 1.0})]).catalog.revision != before


def test_a_stored_catalog_that_no_longer_fits_its_revision_is_not_used():
    told = number([modbus_device("a", 5020, {"x": 1.0})]).catalog
    body = encode(told)
    damaged = body.replace(b'"x"', b'"z"')
    assert whole({told.revision: body}) == {told.revision: told}
    assert whole({told.revision: damaged, 1: b"{", 2: body}) == {}


def test_a_batch_is_due_after_a_second_or_at_64_kb():
    batcher = Batcher()
    assert batcher.due_s() == float("inf")
    batcher.add(floats([0], [1.0]), 10.0)
    batcher.add(floats([1], [1.0]), 10.5)
    assert batcher.due_s() == 10.0 + GROUP_S
    assert not batcher.worth_a_commit
    batcher.add(floats(range(3000), np.zeros(3000)), 10.6)
    assert batcher.worth_a_commit
    assert [len(column) for _, columns in batcher.take() for column in columns] == [3002]
    assert batcher.due_s() == float("inf")
    assert batcher.take() == []


def test_no_sample_is_lost_or_reordered_in_a_backlog_of_batches():
    batcher = Batcher()
    for start in range(0, 20_000, 50):
        batcher.add(floats(range(start, start + 50), np.arange(start, start + 50)), 0.0)
    batches = [columns for _, columns in batcher.take()]
    assert len(batches) > 5
    assert all(22 * len(columns[0]) < GROUP_BYTES + 50 * 22 for columns in batches)
    values = np.concatenate([columns[0].value for columns in batches])
    assert np.array_equal(values, np.arange(20_000))


def payload(numbering, columns, seq=1) -> bytes:
    header = BatchHeader(UUID(int=1), seq, numbering.catalog.revision, ClockState.SYNCED, sum(map(len, columns)))
    return columnar.encode(header, columns)


def test_the_gap_of_a_restart_begins_behind_the_last_sample_of_each_tag():
    old = number([modbus_device("a", 5020, {"gone": 1.0, "x": 1.0, "y": 1.0, "z": 1.0})])
    new = number([modbus_device("a", 5020, {"fresh": 1.0, "x": 1.0, "y": 1.0, "z": 1.0})])
    newest = payload(old, floats([1, 1], [1.0, 2.0], times_ns=[5_000, 9_000]), 2)
    older = payload(old, floats([0, 2, 1], [1.0, 2.0, 3.0], times_ns=[2_000, 3_000, 4_000]))
    known = {old.catalog.revision: old.catalog}
    gap = samples(gap_samples(new, [newest, older], known, 0), {tag.alias: tag.tag for tag in new.catalog.tags})
    assert {sample.tag: sample.time_ns for sample in gap} == {"x": 10_000, "y": 4_000, "z": 3_000}
    assert all(sample.code == bad(Reason.RESTART_GAP) and sample.value is None for sample in gap)


def test_without_any_batch_the_gap_begins_with_the_run_that_left_none():
    numbering = number([modbus_device("a", 5020, {"x": 1.0})])
    known = {numbering.catalog.revision: numbering.catalog}
    (column,) = gap_samples(numbering, [], known, 7_000)
    assert column.kind is ValueKind.FLOAT
    assert column.time_ns.tolist() == [8_000]


def test_the_state_lists_what_will_never_come():
    gap = Dropped(UUID(int=7), 5, 9, 812, 1, 2, "no_space")
    told = json.loads(state.online([UUID(int=1)], 3, 0, [gap], None))
    assert told["online"] is True
    assert told["dropped"] == [
        {
            "run": str(UUID(int=7)),
            "first_seq": 5,
            "last_seq": 9,
            "samples": 812,
            "first_ns": 1,
            "last_ns": 2,
            "reason": "no_space",
        }
    ]
