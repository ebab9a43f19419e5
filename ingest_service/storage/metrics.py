"""What the packer counts, for /metrics."""

from prometheus_client import Counter, Gauge, Histogram

SAMPLES = Counter("linewright_pack_samples", "Samples packed")
PACKS = Counter("linewright_pack_packs", "Packs made of hot rows")
SLICE_SECONDS = Histogram("linewright_pack_slice_seconds", "Time of the transaction that packs a slice")
MERGED = Counter("linewright_pack_merged_samples", "Samples of small packs that became one")
DROPPED = Counter("linewright_pack_dropped_partitions", "Hot partitions that were packed and dropped")
FORGOTTEN = Counter("linewright_pack_forgotten", "Rows that were older than their retention", ["what"])
LAG_SECONDS = Gauge("linewright_pack_lag_seconds", "Age of the oldest minute of arrival that is not packed")
HOT_BYTES = Gauge("linewright_pack_hot_bytes", "Hot partitions that hold something to be packed")
HELD_BYTES = Gauge("linewright_pack_held_bytes", "Packed partitions that wait until no older snapshot needs them")
