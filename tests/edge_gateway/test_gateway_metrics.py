"""Every fault can be seen from outside: each test injects one and waits for its numbers to move."""

import json

import numpy as np
import pytest
import structlog
from prometheus_client import REGISTRY, generate_latest

from edge_gateway import metrics
from edge_gateway.catalog import number
from edge_gateway.polling.cadence import Cadence
from edge_gateway.polling.freshness import TAGS_SHOWN_MOST, Freshness
from edge_gateway.polling.outages import Outages
from edge_gateway.polling.schedule import PollGroup
from protocols.sample import Column, Quality, Reason, ValueKind, bad, quality_code
from runtime.clock import NS_PER_S, ManualClock
from tests.edge_gateway.gateway_parts import modbus_device, polling, until

TIMEOUT, DISCONNECTED = bad(Reason.TIMEOUT), bad(Reason.DISCONNECTED)


def read(aliases, code: int):
    """What a read brings when every tag has this code."""
    alias = np.array(aliases, np.uint32)
    n = len(alias)
    return (Column(ValueKind.FLOAT, alias, np.zeros(n, np.int64), np.zeros(n), np.full(n, code, np.uint16)),)


def shown(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"linewright_gateway_{name}", labels) or 0.0


def test_samples_are_counted_by_quality_and_by_every_reason():
    codes = {
        ("good", "none"): 0,
        ("uncertain", "clock_unsynced"): quality_code(Quality.UNCERTAIN, Reason.CLOCK_UNSYNCED),
        ("uncertain", "substituted"): quality_code(Quality.UNCERTAIN, Reason.SUBSTITUTED),
        ("bad", "exception_2"): bad(Reason.EXCEPTION_0 + 2),
        **{("bad", reason.name.lower()): bad(reason) for reason in Reason if 0 < reason < Reason.EXCEPTION_0},
    }
    before = {key: shown("samples_total", quality=key[0], reason=key[1]) for key in codes}
    metrics.count_samples([read(range(3), code) for code in codes.values()])
    after = {key: shown("samples_total", quality=key[0], reason=key[1]) for key in codes}
    assert len(codes) > 12
    assert after == {key: count + 3 for key, count in before.items()}


# Tags


DEVICE = modbus_device("press-1", 5020, {f"t{place:03}": 1.0 for place in range(200)})


@pytest.fixture
def clock():
    return ManualClock()


def test_ages_count_from_the_last_good_value_and_from_the_start_before_the_first(clock):
    freshness = Freshness(number([DEVICE]), clock)
    clock.advance(2)
    assert freshness.endpoints()[DEVICE.endpoint] == (2.0, 2.0, 200)
    assert freshness.seen(read(range(200), 0))
    clock.advance(3)
    assert not freshness.seen(read(range(10, 20), TIMEOUT))
    clock.advance(1)
    assert freshness.seen(read(range(20), 0))
    assert not freshness.seen(read(range(5), TIMEOUT))
    assert freshness.endpoints()[DEVICE.endpoint] == (0.0, 4.0, 5)
    assert {state.tag: (state.quality, state.reason) for state in freshness.worst()} == {
        f"t{place:03}": ("bad", "timeout") for place in range(5)
    }


def test_a_tag_that_is_no_longer_read_is_shown_although_its_last_sample_was_good(clock):
    freshness = Freshness(number([DEVICE]), clock)
    freshness.seen(read(range(200), 0))
    clock.advance(7.9)
    assert freshness.worst() == []
    freshness.seen(read(range(199), 0))
    clock.advance(0.2)
    assert [(state.tag, round(state.age_s, 1)) for state in freshness.worst()] == [("t199", 8.1)]


def test_only_the_worst_tags_are_shown_by_name(clock):
    freshness = Freshness(number([DEVICE]), clock)
    freshness.seen(read(range(200), 0))
    for place in range(150):
        clock.advance(0.01)
        freshness.seen(read(range(place + 1, 151), 0))
    freshness.seen(read(range(150), TIMEOUT))
    (family,) = metrics.WorstTags(freshness.worst).collect()
    assert [sample.labels["tag"] for sample in family.samples] == [f"t{place:03}" for place in range(TAGS_SHOWN_MOST)]
    assert len(freshness.all()) == 200
    assert json.dumps([state._asdict() for state in freshness.all()])


# Devices and log


def test_a_device_is_told_once_each_way_and_a_flapping_one_does_not_fill_the_log():
    outages = Outages(number([DEVICE]).endpoints[DEVICE.endpoint])
    with structlog.testing.capture_logs() as lines:
        outages.seen(read(range(5), 0))
        assert shown("device_up", device="press-1") == 1
        for _ in range(500):
            assert not outages.seen(read(range(5), TIMEOUT))
        assert shown("device_up", device="press-1") == 0
        assert outages.seen(read(range(5), DISCONNECTED))
        for _ in range(500):
            outages.seen(read(range(5), 0))
            outages.seen(read(range(5), TIMEOUT))
    assert [line["event"] for line in lines] == ["device lost, trying again", "device back"]
    assert lines[0]["cause"] == "timeout"
    assert "cable" in lines[0]["way_out"]
    assert shown("device_losses_total", device="press-1") >= 500


def test_a_refused_address_is_an_answer_of_a_living_device():
    outages = Outages(number([DEVICE]).endpoints[DEVICE.endpoint])
    outages.seen(read(range(5), 0))
    outages.seen(read(range(5), bad(Reason.EXCEPTION_0 + 2)))
    assert not outages
    assert shown("device_up", device="press-1") == 1


async def test_a_hundred_dead_devices_are_a_hundred_lines(free_port):
    port = free_port()
    devices = [modbus_device(f"dead-{place}", port, {"x": 0.05}, timeout_s=0.2) for place in range(100)]
    devices = [
        device.model_copy(update={"modbus": device.modbus.model_copy(update={"host": f"127.0.1.{place + 1}"})})
        for place, device in enumerate(devices)
    ]
    with structlog.testing.capture_logs() as lines:
        async with polling(devices) as parts:
            found = await parts.samples(2000, within_s=30)
    assert {code for _, _, _, code in found} <= {DISCONNECTED, TIMEOUT, bad(Reason.OVERRUN)}
    assert len(lines) == 100
    assert all(line["cause"] and line["way_out"] for line in lines)
    assert not parts.restarts


# Periods


def test_a_period_that_is_not_kept_is_counted_and_told_once_and_once_more_when_it_is_kept_again():
    cadence = Cadence(PollGroup("line-7", 0.1, ()))
    with structlog.testing.capture_logs() as lines:
        for turn in range(20):  # every read takes 250 ms: two of three turns fall out
            now_ns = turn * 300_000_000
            cadence.begun(now_ns, now_ns)
            cadence.missed(2, now_ns + 200_000_000)
            cadence.skipped(now_ns + 250_000_000)
            assert len(lines) == min(turn, 1), "once is a hiccup"
        assert shown("overruns_total", endpoint="line-7", period_s="0.1") == 40
        assert shown("achieved_period_seconds", endpoint="line-7", period_s="0.1") == pytest.approx(0.3, rel=0.1)
        for turn in range(700):
            now_ns = 6 * NS_PER_S + turn * 100_000_000
            cadence.begun(now_ns, now_ns)
    assert [line["event"] for line in lines] == ["polls skipped", "polls on time again"]
    assert shown("achieved_period_seconds", endpoint="line-7", period_s="0.1") == pytest.approx(0.1)
    assert shown("poll_lateness_seconds_count", endpoint="line-7") == 720


async def test_lateness_and_achieved_period_of_a_real_poller(free_port):
    device = modbus_device("dead", free_port(), {"x": 0.02})
    async with polling([device]):
        await until(lambda: shown("poll_lateness_seconds_count", endpoint=device.endpoint) >= 20)
        text = generate_latest().decode()
    assert f'linewright_gateway_achieved_period_seconds{{endpoint="{device.endpoint}",period_s="0.02"}}' in text
