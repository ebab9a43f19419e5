"""A whole gateway with deadband, windows and derived tags, a real Modbus server and a real broker."""

import pytest

from edge_gateway.settings import GatewaySettings
from protocols.sample import Reason, bad
from tests.edge_gateway.other_ends import ADDRESS, Plc, gateway, listening


@pytest.fixture
def settings(tmp_path, broker, free_port):
    shaping = {
        "a": {"deadband": 5},
        "b": {"window": {"every_s": 1, "of": ["min", "max", "count"], "raw": False}},
        "c": {},
    }
    device = {
        "name": "press-1",
        "protocol": "modbus",
        "modbus": {"host": "127.0.0.1", "port": free_port()},
        "tags": [
            {"tag": tag, "address": f"holding:{2 * place}", "type": "float32", "period_s": 0.05, **more}
            for place, (tag, more) in enumerate(shaping.items())
        ],
    }
    return GatewaySettings(
        tenant=ADDRESS.tenant,
        gateway=ADDRESS.gateway,
        broker=broker.settings,
        spool={"path": tmp_path / "gw.spool", "max_bytes": 64 << 20},
        devices=[device],
        derived=[
            {"machine": "press-1", "tag": "spread", "expression": "{c} - {a}"},
            {"machine": "press-1", "tag": "up", "expression": "{b} > 20", "on_change": True},
        ],
    )


async def test_a_gateway_reports_what_is_left_and_what_is_made_and_nothing_after_the_stop_is_missing(settings, broker):
    async with Plc(settings.devices[0].modbus.port) as plc, listening(broker.settings) as ingest:
        async with gateway(settings):
            await ingest.until(lambda: len(ingest.good_values().get(("press-1", "b-max"), [])) >= 2)
        handed = {tag: list(plc.handed[2 * place]) for place, tag in enumerate("abc")}
        async with gateway(settings):
            await ingest.until(lambda: ingest.codes().get(bad(Reason.RESTART_GAP), 0) >= 7)
        values = {tag: found for (_, tag), found in ingest.good_values().items()}
        told = [tag.tag for catalog in ingest.catalogs.values() for tag in catalog.tags]
    assert told == ["a", "b-count", "b-max", "b-min", "c", "spread", "up"]
    a, c = ([value for value in values[tag] if value <= handed[tag][-1]] for tag in "ac")
    reads = handed["a"][: len(c)]
    assert c == handed["c"][: len(c)]
    assert len(c) >= len(handed["c"]) - 1  # the last answer may have come when nobody listened any more
    assert all(value - max(told for told in a if told <= value) <= 5 for value in reads)
    assert len(a) <= len(reads) / 6 + 2 + 2 * ingest.codes().get(bad(Reason.OVERRUN), 0)
    assert a[-1] == reads[-1]  # withheld, and told when the gateway stopped
    assert set(values["spread"]) == {4 / 1024}
    assert set(values["b-max"]) < set(plc.handed[2])
    assert [bool(value) for value in values["up"]][:2] == [False, True]
