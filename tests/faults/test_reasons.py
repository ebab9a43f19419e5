"""A17: an injected fault is a row in SQL that says why there is no value, all the way from the device.

Modbus and OPC UA servers with faults ──► gateway ──► broker ──► ingest ──► PostgreSQL ◄── questions
"""

import asyncio
import contextlib
import itertools
import math
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from edge_gateway.daemon import run_gateway
from edge_gateway.settings import GatewaySettings
from protocols.sample import Quality, reason_of
from tests.faults.cloud import running
from tests.ingest_service.gateway_double import ingest
from tests.protocols.modbus_rig import ModbusRig, Plc
from tests.protocols.opcua_rig import URI, opcua_server

MACHINE = "pump-1"
WITHIN_S = 30.0

AFTER_A_RESTART = {("fine", "restart_gap", None)}
# tag, reason, and the value it comes with: none, unless it is only doubtful.
EXPECTED = {
    ("refused", "exception_2", None),
    ("too-hot", "out_of_range", None),
    ("no-number", "nan", None),
    ("no-digits", "undecodable", None),
    ("broken-wire", "device_reported", None),
    ("nobody-answers", "timeout", None),
    ("nobody-there", "disconnected", None),
    ("stranger", "wrong_device", None),
    ("no-node", "bad_address", None),
    ("failing-node", "device_reported", None),
    ("fell-silent", "stale", None),
    ("old", "stale", 0.5),
    ("tomorrow", "clock_unsynced", 5.0),
    ("novel", "clamped", "x" * 16),
    ("fine", "overrun", None),
    *AFTER_A_RESTART,
}
SPEEDS = (3.0, 4.0)
GOOD = {("fine", "none", 7.0), *(("fell-silent", "none", speed) for speed in SPEEDS)}

ROWS = """
SELECT tag.slug, sample.quality, to_jsonb(sample.value) FROM telemetry.stored sample JOIN registry.tag USING (series_id)
UNION ALL
SELECT tag.slug, text.quality, to_jsonb(text.value) FROM telemetry.text_sample text JOIN registry.tag USING (series_id)
"""


def stored(dsn: str) -> list[tuple[str, int, float | str | None]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(ROWS).fetchall()


def faults_of(rows) -> set[tuple[str, str, float | str | None]]:
    return {(tag, reason_of(code), value) for tag, code, value in rows}


def disguised(rows) -> list[tuple[str, int, float | str | None]]:
    """Rows that look like a measurement and are none: a value where there can be none, or one nobody handed out."""
    handed = {(tag, value) for tag, _, value in EXPECTED | GOOD if value is not None}
    return [
        (tag, code, value)
        for tag, code, value in rows
        if (value is not None and (code >> 8 == Quality.BAD or (tag, value) not in handed))
        or (value is None and code >> 8 != Quality.BAD)
    ]


def plcs() -> list[Plc]:
    one, silent, stranger = Plc(1), Plc(2), Plc(3)
    one.put("holding", 0, "H", 7)
    one.put("holding", 2, "H", 500)
    one.put("holding", 4, "f", math.nan)
    one.put("holding", 6, "H", 0xABCD)
    one.put("holding", 8, "H", 0x8000)
    one.refused[("holding", 60)] = 2
    return [one, silent, stranger]


def modbus(name, port, tags, **settings):
    section = {"host": "127.0.0.1", "port": port, "timeout_s": 0.5, **settings}
    listed = [{"type": "uint16", "period_s": 0.1, **tag} for tag in tags]
    return {"name": name, "machine": MACHINE, "protocol": "modbus", "modbus": section, "tags": listed}


def modbus_devices(port, nobody):
    odd = [
        {"tag": "fine", "address": "holding:0"},
        {"tag": "too-hot", "address": "holding:2", "range": [0, 100]},
        {"tag": "no-number", "address": "holding:4", "type": "float32"},
        {"tag": "no-digits", "address": "holding:6", "type": "bcd16"},
        {"tag": "broken-wire", "address": "holding:8", "type": "int16", "missing": -32768},
        {"tag": "refused", "address": "holding:60"},
    ]
    identity = {"address": "holding:0", "equals": 4711}
    return [
        modbus("odd", port, odd),
        modbus("silent", port, [{"tag": "nobody-answers", "address": "holding:0"}], unit=2),
        modbus("stranger", port, [{"tag": "stranger", "address": "holding:1"}], unit=3, identity=identity),
        modbus("absent", nobody, [{"tag": "nobody-there", "address": "holding:0"}]),
    ]


def opcua_device(port):
    tags = [
        {"tag": "no-node", "node": f"nsu={URI};s=nobody"},
        {"tag": "failing-node", "node": f"nsu={URI};s=failing"},
        {"tag": "fell-silent", "node": f"nsu={URI};s=speed", "stale_after_s": 0.5},
        {"tag": "old", "node": f"nsu={URI};s=load", "type": "float32"},
        {"tag": "tomorrow", "node": f"nsu={URI};s=tomorrow"},
        {"tag": "novel", "node": f"nsu={URI};s=novel", "type": "string"},
    ]
    opcua = {"url": f"opc.tcp://127.0.0.1:{port}/plant", "publishing_interval_s": 0.05, "max_text_bytes": 16}
    return {"name": "server", "machine": MACHINE, "protocol": "opcua", "opcua": opcua, "tags": tags}


@pytest.fixture
async def settings(free_port, broker, tmp_path):
    """A gateway among devices of which nearly everything is wrong."""
    rig = ModbusRig(free_port(), plcs())
    rig.silent.add(2)
    async with opcua_server(free_port()) as server:
        await rig.start()
        await server.start()
        await server.add("failing", 1.0)
        await server.add("tomorrow", 5.0)
        await server.add("novel", "x" * 100, None)
        await server.write("failing", None, datetime.now(UTC), 0x8000_0000)
        await server.write("tomorrow", 5.0, datetime.now(UTC) + timedelta(days=400))
        await server.write("load", 0.5, datetime.now(UTC) - timedelta(days=1))
        yield (
            server,
            GatewaySettings.model_validate(
                {
                    "tenant": "demo",
                    "gateway": "gw-1",
                    "broker": broker.settings.model_dump(exclude_none=True),
                    "spool": {"path": tmp_path / "gw.spool"},
                    "devices": [*modbus_devices(rig.port, free_port()), opcua_device(server.port)],
                }
            ),
        )
        await rig.stop()


async def test_every_fault_has_its_reason_in_sql_and_no_value(settings, broker, database, tenant):
    server, configuration = settings
    dsn = database.dsn("owner")
    async with ingest(broker, database):
        async with running(run_gateway(configuration)):
            await until_stored(dsn, server, EXPECTED - AFTER_A_RESTART | GOOD)
        async with running(run_gateway(configuration)):
            await until_stored(dsn, server, EXPECTED | GOOD)
    rows = stored(dsn)
    assert not disguised(rows)
    assert len({reason for _, reason, _ in faults_of(rows)} - {"none"}) >= 8


async def until_stored(dsn, server, wanted):
    """The speed changes for a second, then not for one."""
    missing = wanted
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(WITHIN_S):
            for turn in itertools.count():
                if turn % 10 < 5:
                    await server.write("speed", SPEEDS[turn % 2], datetime.now(UTC))
                await asyncio.sleep(0.2)
                missing = wanted - faults_of(stored(dsn))
                if not missing:
                    return
    assert not missing


@pytest.mark.parametrize(
    "row",
    [
        ("nobody-there", Quality.BAD << 8 | 2, -1.0),
        ("fine", 0, 8.0),
        ("fine", 0, None),
        ("novel", Quality.BAD << 8 | 1, "error"),
    ],
)
def test_a_sentinel_would_be_found(row):
    """The control of the checker."""
    assert disguised([("fine", 0, 7.0), row]) == [row]
