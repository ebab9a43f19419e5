"""Catalogs, receipts and batches: what is beyond their bounds is refused before it costs memory."""

from uuid import UUID

import numpy as np
import pytest

from protocols import OversizedPayload, UndecodablePayload
from protocols.sample import Column, ValueKind
from protocols.wire import catalog, columnar, receipt
from protocols.wire.batch import BatchHeader
from runtime.clock import ClockState


def batch(n: int, count: int) -> bytes:
    zeros = np.zeros(n, np.uint16)
    column = Column(ValueKind.BOOL, zeros.astype(np.uint32), zeros.astype(np.int64), zeros.astype(np.uint8), zeros)
    return columnar.encode(BatchHeader(UUID(int=7), 1, 1, ClockState.SYNCED, count), (column,), compress=True)


def test_a_batch_holds_so_many_samples_and_says_how_many():
    most = columnar.SAMPLES_MOST
    assert columnar.decode(batch(most, most)).count == most
    with pytest.raises(OversizedPayload):
        columnar.decode(batch(most + 1, most + 1))
    for count in (9, 11, 0):
        with pytest.raises(UndecodablePayload, match="another number"):
            columnar.decode(batch(10, count))


def test_a_catalog_of_a_large_gateway_is_taken():
    tags = [
        catalog.CatalogTag(alias=n, machine=f"press-{n % 40}", tag=f"oil_temperature_{n}", kind="float", unit="°C")
        for n in range(25_000)
    ]
    one = catalog.Catalog(revision=1, tags=tags)
    assert catalog.decode(catalog.encode(one)) == one


@pytest.mark.parametrize("decode", [catalog.decode, receipt.decode])
@pytest.mark.parametrize("payload", [b"[" + b"{}," * 60_000 + b"{}]", b'"' + b"x" * (4 << 20) + b'"'])
def test_what_is_too_much_is_refused_as_such(decode, payload):
    with pytest.raises(OversizedPayload):
        decode(payload)


@pytest.mark.parametrize(
    ("decode", "payload", "cause"),
    [
        (catalog.decode, b"{", "no JSON: EOF"),
        (catalog.decode, b'{"revision": 1, "tags": [{"alias": 1}]}', "tags.0.machine: Field required"),
        (receipt.decode, b'{"run": 1, "committed": [], "credit": 1}', "run: UUID input"),
        (receipt.decode, b'{"run": "%s", "committed": [[1]], "credit": 1}' % (b"7" * 32), "committed.0.1: Field"),
        (
            receipt.decode,
            b'{"run": "%s", "committed": [], "credit": 1, "rejected": {%s}}'
            % (b"7" * 32, b",".join(b'"%d": "x"' % n for n in range(5000))),
            "rejected: Value error, more than 4096",
        ),
    ],
)
def test_the_first_thing_that_is_wrong_is_told(decode, payload, cause):
    with pytest.raises(UndecodablePayload, match=cause):
        decode(payload)
