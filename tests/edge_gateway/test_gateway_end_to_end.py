"""The whole gateway with a real Modbus server, a real broker and an ingest that answers late, twice or not at all."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
import urllib.request

import pytest

from edge_gateway.settings import GatewaySettings, HealthSettings
from edge_gateway.spool.salvage import open_spool_file
from edge_gateway.uplink.delivery import BatchKey
from protocols.sample import Reason, bad
from protocols.wire import columnar
from tests.edge_gateway.gateway_parts import modbus_device
from tests.edge_gateway.other_ends import ADDRESS, Faults, Plc, gateway, listening

TAGS = {"a": 0.05, "b": 0.05, "c": 0.2}
RESTART_GAP, DISCONNECTED = bad(Reason.RESTART_GAP), bad(Reason.DISCONNECTED)


@pytest.fixture
def settings(tmp_path, broker, free_port):
    device = modbus_device("press-1", free_port(), TAGS, timeout_s=0.5)
    return GatewaySettings(
        tenant=ADDRESS.tenant,
        gateway=ADDRESS.gateway,
        broker=broker.settings,
        spool={"path": tmp_path / "gw.spool", "max_bytes": 64 << 20},
        devices=[device.model_dump(exclude_unset=True)],
    )


@pytest.fixture
async def plc(settings):
    async with Plc(settings.devices[0].modbus.port) as running:
        yield running


def held(settings) -> dict[BatchKey, bool]:
    """What the spool of a stopped gateway holds, and whether it is receipted."""
    spool, found = open_spool_file(settings.spool.path, 64 << 20, 86_400)
    spool.close()
    return {
        BatchKey(run.run, seq): receipted
        for run in found.runs
        for receipted, ranges in ((False, run.open), (True, run.receipted))
        for low, high in ranges
        for seq in range(low, high + 1)
    }


def check_values(ingest, plc) -> int:
    """Every good value was handed out, in that order, each once; returns how many were handed out and did not come."""
    missing = 0
    for (_, tag), values in ingest.good_values().items():
        handed = plc.handed[2 * list(TAGS).index(tag)]
        assert len(set(values)) == len(values)
        assert [value for value in handed if value in set(values)] == values
        missing += len(handed) - len(values)
    return missing


async def test_values_arrive_once_in_order_and_everything_is_receipted(settings, plc, broker):
    async with listening(broker.settings) as ingest:
        async with gateway(settings):
            await ingest.until(lambda: len(ingest.batches) >= 3)
            assert ingest.catalogs
            assert json.loads(ingest.states[-1])["online"] is True
        await ingest.until(lambda: json.loads(ingest.states[-1]) == {"online": False})
        received = set(ingest.batches)
    assert check_values(ingest, plc) <= 40  # the last second stays in the spool
    spooled = held(settings)
    assert received <= set(spooled)
    assert sum(not receipted for receipted in spooled.values()) <= 2


async def test_stopping_commits_what_is_in_memory_within_three_seconds(settings, plc, broker):
    async with listening(broker.settings) as ingest:
        async with gateway(settings):
            await ingest.until(lambda: bool(ingest.batches))
            await asyncio.sleep(0.4)
            started_s = time.monotonic()
        assert time.monotonic() - started_s < 3
        async with gateway(settings):
            await ingest.until(lambda: len({key.run for key in ingest.batches}) == 2 and len(ingest.batches) >= 4)
    assert check_values(ingest, plc) <= 45  # of the second gateway, which nobody waited for
    assert ingest.codes()[RESTART_GAP] == len(TAGS)


async def test_a_broker_that_hangs_does_not_hold_up_the_stop(settings, plc, broker):
    async with listening(broker.settings) as ingest, gateway(settings) as task:
        await ingest.until(lambda: bool(ingest.batches))
        os.kill(broker.pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(1.5)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(task, 3)
        finally:
            os.kill(broker.pid, signal.SIGCONT)
    assert set(ingest.batches) < set(held(settings))


async def test_receipts_late_lost_and_repeated_empty_the_spool_all_the_same(settings, plc, broker):
    async with listening(broker.settings, Faults(lost=0.3, repeated=0.3, late_s=0.5)) as ingest, gateway(settings):
        await ingest.until(lambda: len(ingest.batches) >= 6)
        ingest.faults = Faults()
        await ingest.until(lambda: len(ingest.batches) >= 9)
    spooled = held(settings)
    assert sum(not receipted for receipted in spooled.values()) <= 2
    check_values(ingest, plc)


async def test_without_receipts_nothing_is_forgotten_and_it_is_sent_again(settings, plc, broker):
    async with listening(broker.settings) as ingest:
        ingest.receipting = False
        async with gateway(settings):
            await ingest.until(lambda: ingest.deliveries > len(ingest.batches) >= 3, within_s=30)
        backlog = held(settings)
        assert not any(backlog.values())
        ingest.receipting = True
        async with gateway(settings):
            await ingest.until(lambda: set(backlog) <= set(ingest.batches))
            await ingest.until(lambda: len({key.run for key in ingest.batches}) == 2)
            await asyncio.sleep(1)  # for the receipts to be written down
    spooled = held(settings)
    assert all(spooled[key] for key in backlog)


@pytest.mark.parametrize("broker", ["mosquitto", "iotcore"], indirect=True)
async def test_a_broker_that_dies_and_comes_back_costs_nothing(settings, plc, broker):
    async with listening(broker.settings) as ingest, gateway(settings) as task:
        await ingest.until(lambda: len(ingest.batches) >= 2)
        await broker.kill()
        await asyncio.sleep(1.5)
        assert not task.done()
        await broker.start()
        seen = len(ingest.batches)
        await ingest.until(lambda: len(ingest.batches) >= seen + 6 and not holes(ingest), within_s=40)
    check_values(ingest, plc)
    first, *_, last = ingest.good_values()["press-1", "a"]
    handed = plc.handed[0]
    assert ingest.good_values()["press-1", "a"] == handed[handed.index(first) : handed.index(last) + 1]


def holes(ingest) -> bool:
    """Whether a number of the run is missing."""
    committed = ingest.committed(min(ingest.batches).run)
    return list(committed) != [(1, committed.last)]


async def test_a_machine_absent_at_start_is_told_as_bad_and_read_when_it_returns(settings, broker):
    plc = Plc(settings.devices[0].modbus.port)
    async with listening(broker.settings) as ingest:
        async with gateway(settings):
            await ingest.until(lambda: ingest.codes().get(DISCONNECTED, 0) >= 3)
            assert not ingest.good_values()
            await plc.start()
            await ingest.until(lambda: len(ingest.good_values()) == len(TAGS))
            await plc.stop()
            bad_before = ingest.codes()[DISCONNECTED]
            await ingest.until(lambda: ingest.codes()[DISCONNECTED] > bad_before)
            await plc.start()
            reads = len(plc.handed[0])
            await ingest.until(lambda: ingest.good_values()["press-1", "a"][-1] > plc.handed[0][reads - 1])
        await plc.stop()
    check_values(ingest, plc)


async def test_a_backlog_of_another_configuration_still_finds_its_catalog(settings, plc, broker):
    await broker.stop()
    async with gateway(settings):
        await asyncio.sleep(1.3)
    backlog = held(settings)
    assert backlog
    device = modbus_device("press-1", plc.port, {"a": 0.05, "z": 0.05})
    await broker.start()
    async with listening(broker.settings) as ingest, gateway(settings.model_copy(update={"devices": (device,)})):
        await ingest.until(lambda: set(backlog) <= set(ingest.batches) and len(ingest.catalogs) == 2)
    assert ("press-1", "c") in ingest.good_values()


async def test_the_gateway_tells_how_it_is(settings, plc, broker, free_port):
    port = free_port()
    async with listening(broker.settings) as ingest, gateway(with_health(settings, port)):
        await ingest.until(lambda: len(ingest.batches) >= 2)
        health = await asyncio.to_thread(_get, f"http://127.0.0.1:{port}/healthz")
        assert json.loads(health) == {"status": "ok", "failing": [], "troubles": []}
        text = await asyncio.to_thread(_get, f"http://127.0.0.1:{port}/metrics")
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert float(lines['linewright_gateway_samples_total{quality="good",reason="none"}']) > 0
    assert float(lines["linewright_gateway_spool_bytes"]) > 0
    assert float(lines["linewright_gateway_broker_connected"]) == 1


def with_health(settings, port: int) -> GatewaySettings:
    return settings.model_copy(update={"health": HealthSettings(port=port)})


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read().decode()


async def test_the_command_stops_in_order_on_sigterm(settings, plc, broker, tmp_path):
    config = tmp_path / "gateway.toml"
    config.write_text(f"""
tenant = "demo"
gateway = "gw-1"
[broker]
port = {broker.settings.port}
[spool]
path = "{settings.spool.path}"
[[devices]]
name = "press-1"
protocol = "modbus"
[devices.modbus]
host = "127.0.0.1"
port = {plc.port}
[[devices.tags]]
tag = "a"
address = "holding:0"
type = "float32"
period_s = 0.05
""")
    async with listening(broker.settings) as ingest:
        command = [sys.executable, "-m", "linewright", "gateway", "--config", str(config)]
        process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
        try:
            await ingest.until(lambda: len(ingest.batches) >= 2, within_s=30)
            last = plc.handed[0][-2]
            process.terminate()
            assert await asyncio.wait_for(process.wait(), 3) == 0
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        await ingest.until(lambda: json.loads(ingest.states[-1]) == {"online": False})
    spool, _ = open_spool_file(settings.spool.path, 64 << 20, 86_400)
    newest = columnar.decode(spool.load([max(held_keys(spool))])[0])
    spool.close()
    assert newest.columns[0].value[-1] >= last


def held_keys(spool) -> list[BatchKey]:
    return [BatchKey(run.run, seq) for run in spool.held() for low, high in run.open for seq in range(low, high + 1)]
