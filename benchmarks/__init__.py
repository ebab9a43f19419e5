"""Benchmarks: each prints one JSON line a figure, as a ratio to a peer or a physical limit measured in the same run."""
