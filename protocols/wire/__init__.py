"""Payloads on the broker, one file per format: columnar batches, JSON samples, receipts, catalogs."""
