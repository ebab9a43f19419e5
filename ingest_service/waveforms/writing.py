"""Parts of bursts into the database, inside the transaction of their group.

The same part may come under another number, of a device that began anew: it is there already, and stays as it is.
"""

from collections.abc import Sequence
from hashlib import sha256
from uuid import UUID

from database.pool import Connection
from database.queries import load_queries
from ingest_service.delivery import Delivery
from ingest_service.waveforms.plausible import series_of
from protocols.wire.waveform import WaveformPart

queries = load_queries(__file__)


async def add_parts(connection: Connection, deliveries: Sequence[Delivery]) -> None:
    """Write the parts of these deliveries; those that are none are passed over."""
    parts = [(_id(series, burst), series, burst, delivery) for delivery, series, burst in _bursts(deliveries)]
    if not parts:
        return
    # In one order everywhere: two groups that bring the same bursts must not wait for each other.
    parts.sort(key=lambda part: (part[0], part[2].part))
    columns = {
        "ids": [waveform_id for waveform_id, *_ in parts],
        "series": [series for _, series, _, _ in parts],
        "starts": [burst.start_ns for _, _, burst, _ in parts],
        "rates": [burst.rate_hz for _, _, burst, _ in parts],
        "scales": [burst.scale for _, _, burst, _ in parts],
        "dtypes": [burst.dtype.str for _, _, burst, _ in parts],
        "values": [burst.n for _, _, burst, _ in parts],
        "wanted": [burst.parts for _, _, burst, _ in parts],
        "hashes": [burst.burst_sha256 for _, _, burst, _ in parts],
        "places": [burst.part for _, _, burst, _ in parts],
        "gateways": [delivery.gateway_id for *_, delivery in parts],
        "runs": [burst.header.run_id for _, _, burst, _ in parts],
        "numbers": [burst.header.seq for _, _, burst, _ in parts],
        "clocks": [int(burst.header.clock) for _, _, burst, _ in parts],
        "data": [burst.data for _, _, burst, _ in parts],
    }
    await connection.execute(queries.add_waveforms, columns)
    await connection.execute(queries.add_parts, columns)


def _bursts(deliveries: Sequence[Delivery]) -> list[tuple[Delivery, int, WaveformPart]]:
    return [(delivery, series_of(delivery), delivery.burst) for delivery in deliveries if delivery.burst]


def _id(series: int, burst: WaveformPart) -> UUID:
    """Everything that the parts of a burst have in common."""
    said = (series, burst.start_ns, burst.rate_hz, burst.scale, burst.dtype.str, burst.n, burst.parts)
    return UUID(bytes=sha256(repr(said).encode() + burst.burst_sha256).digest()[:16])
