"""A27: a gateway with 10,000 tags reads and delivers all of them long before anybody loses patience."""

import time

from benchmarks.modbus_plant import TAGS, Plant, gateway_toml
from tests.edge_gateway.other_ends import listening
from tests.soak import simulated

PLANT = Plant(devices=100, period_s=1.0)
LIMIT_S = 10.0
PATIENCE = 3  # four test processes on two cores


async def test_ten_thousand_tags_are_read_in_time(broker, tmp_path):
    with simulated.devices(PLANT.devices) as ports:
        config = gateway_toml(tmp_path, broker.settings, PLANT, ports, 0)
        async with listening(broker.settings) as ingest:
            begun_s = time.monotonic()
            async with simulated.gateway(config):
                await ingest.until(lambda: len(aliases(ingest)) == PLANT.devices * TAGS, PATIENCE * LIMIT_S)
    print(f"first values of all tags after {time.monotonic() - begun_s:.1f} s")
    assert not any(ingest.codes().keys() - {0})


def aliases(ingest) -> set[int]:
    """Of every sample that has come."""
    return {alias for batch in ingest.batches.values() for column in batch.columns for alias in column.alias.tolist()}
