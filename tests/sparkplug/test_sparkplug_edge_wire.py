"""The whole gateway as an edge node: real machines, a real mosquitto, and a tap that reads every packet.

What the host hears is compared with what our own ingest stores: the same values at the same times.
"""

import asyncio
import sys

import aiomqtt
import pytest
from structlog.testing import capture_logs

from edge_gateway.clock.kernel import clock_state
from edge_gateway.sparkplug import northbound
from edge_gateway.spool.salvage import open_spool_file
from linewright.broker import Broker
from protocols.sparkplug.datatype import DataType
from protocols.sparkplug.records import Metric
from protocols.sparkplug.sparkplug_b_pb2 import Payload
from runtime.clock import ClockState
from tests.edge_gateway.other_ends import Plc, gateway, listening
from tests.sparkplug.edge_rig import HOST, Plant, Scada, all_heard, good_values, scada, stored_values
from tests.sparkplug.edge_rules import broken, metric
from tests.sparkplug.edge_session import Tap, tapped

pytestmark = pytest.mark.parametrize("broker", ["mosquitto"], indirect=True)


@pytest.fixture
async def plant(tmp_path, free_port):
    async with Plc(free_port()) as press, Plc(free_port()) as pump:
        yield Plant(press, pump, tmp_path)


@pytest.fixture
async def tap(broker):
    async with tapped(broker.port) as running:
        yield running


def born(tap: Tap, times: int = 1) -> bool:
    """So many complete births, and data after the last."""
    verbs = [said.verb for said in tap.sent("NBIRTH", "DBIRTH", "DDATA")]
    return verbs.count("NBIRTH") >= times and verbs[-1:] == ["DDATA"]


async def test_a_day_of_a_gateway_keeps_every_rule(plant, broker, tap, monkeypatch):
    settings = plant.settings(broker, broker={"port": tap.port}, host=HOST, again_s=5, history_batches_per_s=200)
    async with listening(broker.settings) as ingest, scada(broker) as host:
        async with gateway(settings):
            await _wait_for_the_host(tap, host)
            await tap.until(lambda: born(tap))
            await host.ask_for_rebirth()
            await tap.until(lambda: born(tap, times=2))
            await _lose_a_machine(plant, tap)
            other = ClockState.SYNCED if clock_state() is ClockState.UNSYNCED else ClockState.UNSYNCED
            monkeypatch.setattr("edge_gateway.sparkplug.outlet.clock_state", lambda: other)
            await tap.until(lambda: tap.sent("NDATA"))
            await _lose_the_host(tap, host)
            await tap.until(lambda: born(tap, times=3))
            await all_heard(tap, ingest)
        await tap.until(lambda: all(session.closed for session in tap.sessions))
        await ingest.until(lambda: good_values(tap.sent("DBIRTH", "DDATA")) <= stored_values(ingest))
    assert broken(tap.sessions) == {}
    _check_the_order(tap)


async def _wait_for_the_host(tap: Tap, host: Scada) -> None:
    """No birth for another host, nor for a death of ours."""
    await tap.until(lambda: tap.sessions and len(tap.sessions[0].subscribed) == 3)
    await host.is_(online=True, at_ms=5, host="other")
    await host.is_(online=False, at_ms=5)
    await tap.until(lambda: any(said.inbound for said in tap.sessions[0].log))
    await host.is_(online=True, at_ms=10)


async def _lose_a_machine(plant: Plant, tap: Tap) -> None:
    await plant.pump.stop()
    await tap.until(lambda: tap.sent("DDEATH"))
    births = len(tap.sent("DBIRTH"))
    await plant.pump.start()
    await tap.until(lambda: len(tap.sent("DBIRTH")) > births)


async def _lose_the_host(tap: Tap, host: Scada) -> None:
    """A death that is older than the birth is a will that came late; a newer one ends the session."""
    await host.is_(online=False, at_ms=9)
    heard = len(tap.sent("DDATA"))
    await tap.until(lambda: len(tap.sent("DDATA")) > heard + 1)
    assert len(tap.sessions) == 1
    await host.is_(online=False, at_ms=11)
    await tap.until(lambda: tap.sessions[0].closed and len(tap.sessions) == 2)
    await tap.until(lambda: len(tap.sessions[1].subscribed) == 3)
    await asyncio.sleep(1.5)  # samples that must wait
    assert tap.sessions[1].sent == []
    await host.is_(online=True, at_ms=12)


def _check_the_order(tap: Tap) -> None:
    first, second = tap.sessions
    for session in tap.sessions:
        verbs = [("STATE" if said.inbound else said.verb) for said in session.log]
        assert "STATE" in verbs[: verbs.index("NBIRTH")]
    assert [said.device for said in first.of("DDEATH")] == ["pump-2"]
    assert first.disconnected
    assert first.sent[-1].verb == "NDEATH"
    history = [told for said in second.of("DDATA") for told in said.told.metrics if told.is_historical]
    waited_ms = second.of("NBIRTH")[0].at_ms
    assert history
    assert all(told.timestamp <= waited_ms for told in history)


async def test_after_a_rebirth_request_the_births_come_first(plant, broker, tap):
    settings = plant.settings(broker, broker={"port": tap.port})
    async with scada(broker) as host, gateway(settings):
        await tap.until(lambda: born(tap))
        for _ in range(3):  # asked thrice at once, which one birth may answer
            await host.ask_for_rebirth()
        await tap.until(lambda: len(tap.sent("NBIRTH")) > 1 and tap.sent("NBIRTH", "DDATA")[-1].verb == "DDATA")
    (session,) = tap.sessions
    asked = next(at for at, said in enumerate(session.log) if said.inbound)
    answer = [said.verb for said in session.log[asked:] if not said.inbound]
    births = answer.index("NBIRTH")
    assert answer[births : births + 3] == ["NBIRTH", "DBIRTH", "DBIRTH"]
    assert len({metric(said, "bdSeq").long_value for said in session.of("NBIRTH")}) == 1
    assert broken(tap.sessions) == {}


async def test_a_write_is_refused_and_told_once(plant, broker, tap):
    settings = plant.settings(broker, broker={"port": tap.port})
    with capture_logs() as logs:
        async with scada(broker) as host, gateway(settings):
            await tap.until(lambda: born(tap))
            for _ in range(3):
                await host.command("spBv1.0/demo/DCMD/gw-1/press-1", Metric("a", DataType.DOUBLE, 99.0))
            await tap.until(lambda: sum(said.inbound for said in tap.sessions[0].log) == 3)
            heard = len(tap.sent("DDATA"))
            await tap.until(lambda: len(tap.sent("DDATA")) > heard)
    refused = [entry["what"] for entry in logs if entry["event"].startswith("Sparkplug write refused")]
    assert refused == ["press-1: a"]


async def test_a_killed_gateway_is_told_dead_by_the_broker_and_counts_on(plant, broker, tap):
    config = plant.toml(broker, f"[sparkplug]\nbroker = {{ port = {tap.port} }}\nhistory_batches_per_s = 200")
    command = [sys.executable, "-m", "linewright", "gateway", "--config", str(config)]
    async with listening(broker.settings) as ingest, aiomqtt.Client(broker.host, broker.port) as host:
        await host.subscribe("spBv1.0/demo/NDEATH/gw-1", qos=1)
        for life in (1, 2):
            process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
            try:
                await tap.until(lambda n=life: born(tap, times=n), within_s=40)
                await all_heard(tap, ingest)
            finally:
                process.kill()
                await process.wait()
            async with asyncio.timeout(10):
                death = await anext(aiter(host.messages))
            assert (death.qos, death.retain) == (1, False)
            assert [told.long_value for told in Payload.FromString(death.payload).metrics] == [life - 1]
    assert [said.verb for said in tap.sent("NDEATH")] == []
    assert broken(tap.sessions) == {}


async def test_what_a_broker_outage_held_up_comes_as_history(plant, broker, tap):
    settings = plant.settings(broker, broker={"port": tap.port}, again_s=30, history_batches_per_s=200)
    async with listening(broker.settings) as ingest, gateway(settings):
        await tap.until(lambda: born(tap))
        tap.deaf()
        await broker.kill()
        await asyncio.sleep(2)
        await broker.start()
        await tap.listen()
        await tap.until(lambda: born(tap, times=2), within_s=30)
        await all_heard(tap, ingest)
    assert broken(tap.sessions) == {}
    assert any(
        told.is_historical for session in tap.sessions[1:] for said in session.of("DDATA") for told in said.told.metrics
    )


async def test_an_edge_node_that_wanders_is_at_one_server_at_a_time(plant, broker, tap, open_folder, monkeypatch):
    """The primary host is on the second server only."""
    monkeypatch.setattr(northbound, "_HOST_WAIT_S", 1.0)
    async with Broker(open_folder / "second", program="mosquitto") as second, tapped(second.port) as second_tap:
        servers = {"broker": {"port": tap.port}, "more_servers": [f"127.0.0.1:{second_tap.port}"]}
        settings = plant.settings(broker, **servers, host=HOST)
        async with scada(broker) as absent, scada(second) as present:
            await absent.is_(online=False, at_ms=5)
            await present.is_(online=True, at_ms=5)
            async with gateway(settings):
                await second_tap.until(lambda: born(second_tap))
                assert all(session.disconnected for session in tap.sessions)
                await absent.is_(online=True, at_ms=6)
                await present.is_(online=False, at_ms=6)
                await tap.until(lambda: born(tap))
                assert all(session.disconnected for session in second_tap.sessions)
    walked = sorted([*tap.sessions, *second_tap.sessions], key=lambda session: session.connect.will.told.timestamp)
    numbers = [metric(session.connect.will, "bdSeq").long_value for session in walked]
    assert numbers == list(range(len(numbers)))
    (there,) = (session for session in second_tap.sessions if session.sent)
    assert there.sent[-1].verb == "NDEATH"
    assert all(not session.sent for session in tap.sessions[:-1])
    assert broken(walked) == {}


async def test_instead_of_our_own_uplink_what_was_sent_is_delivered(plant, broker, tap):
    settings = plant.settings(broker, broker={"port": tap.port}, only=True, again_s=0)
    async with listening(broker.settings) as ingest:
        async with gateway(settings):
            await tap.until(lambda: born(tap))
            heard = len(tap.sent("DDATA"))
            await tap.until(lambda: len(tap.sent("DDATA")) > heard + 2)
        assert not ingest.batches
    spool, found = open_spool_file(settings.spool.path, 64 << 20, 86_400)
    spool.close()
    (run,) = found.runs
    assert len(run.receipted) >= 2
    assert len(run.open) <= 2  # committed on the way out


async def test_two_gateways_of_a_tenant_are_two_nodes_even_with_the_same_machines(plant, broker, tap):
    first = plant.settings(broker, broker={"port": tap.port})
    spool = first.spool.model_copy(update={"path": plant.folder / "other.spool"})
    second = first.model_copy(update={"gateway": "gw-2", "spool": spool})
    async with gateway(first), gateway(second):
        await tap.until(lambda: len({said.topic for said in tap.sent("DBIRTH")}) == 4)
    names = {tuple(said.topic.split("/")[1:4:2]) for said in tap.sent("NBIRTH")}
    assert names == {("demo", "gw-1"), ("demo", "gw-2")}
    assert {said.device for said in tap.sent("DBIRTH")} == {"press-1", "pump-2"}
    assert len({session.connect.client_id for session in tap.sessions}) == 2


async def test_a_gateway_that_starts_again_sends_what_it_could_not_send_before(plant, broker, tap):
    """The host was never there in the first life; all of it comes in the second."""
    settings = plant.settings(broker, broker={"port": tap.port}, host=HOST, history_batches_per_s=200)
    async with listening(broker.settings) as ingest, scada(broker) as host:
        async with gateway(settings):
            await ingest.until(lambda: len(ingest.batches) >= 2)
        assert tap.sent() == []
        first_life = stored_values(ingest)
        await host.is_(online=True, at_ms=5)
        async with gateway(settings):
            await tap.until(lambda: born(tap))
            await all_heard(tap, ingest)
        assert first_life <= good_values(tap.sent("DBIRTH", "DDATA"))
    assert broken(tap.sessions) == {}
