"""How good the analytics are, measured on public data: `python -m benchmarks.analytics [--board NAME]`."""
