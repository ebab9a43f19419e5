"""What turns bytes of strangers into something, one target each: fed anything, only the documented errors may come.

    bytes ──feed──► decoded ──► the rows that ingest would COPY: what is decoded can be stored, too

`seeds` are valid inputs, so that mutations get behind the first checks.
"""

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import numpy as np
import zstandard

from ingest_service.copy_format import encode_rows, encode_texts
from ingest_service.delivery import Content, Identity, Message, deliver
from ingest_service.mapping import moment, path, template, topic_filter
from ingest_service.mapping.reader import MappingReader
from ingest_service.mapping.settings import MappingFile
from ingest_service.rows import prepare
from ingest_service.series_map import SeriesMap
from protocols import ProtocolsError
from protocols.naming import id_slug, slug
from protocols.sample import DTYPE_OF, Column, ValueKind
from protocols.sparkplug import payload as sparkplug_payload
from protocols.sparkplug import state as sparkplug_state
from protocols.sparkplug import topics as sparkplug_topics
from protocols.topics import GatewayAddress, parse
from protocols.wire import catalog, columnar, json_samples, receipt, waveform
from protocols.wire.batch import Batch, BatchHeader
from protocols.wire.catalog import ID
from protocols.wire.decode import decode
from runtime.clock import ClockState

ROOT = Path(__file__).parents[2]
NOW_NS = 1_790_000_000 * 10**9
_RUN = UUID(int=7)
_SERIES = SeriesMap.of({alias: 100 + alias for alias in range(50)})
DATA_TOPIC = "lw/1/acme/gw-1/up/data"


class Target(NamedTuple):
    """One decoder. `feed` raises only what is a fault."""

    name: str
    feed: Callable[[bytes], None]
    seeds: Sequence[bytes]
    bytes_most: int = 4096


def _stored(batch: Batch) -> None:
    """Build what ingest would write."""
    assert all(re.fullmatch(ID, name) for names in batch.names for name in names)
    content = Content(Identity(_RUN, 1), batch, batch.sha256)
    prepared = prepare([deliver(Message(DATA_TOPIC, b""), content, UUID(int=1), _SERIES)], NOW_NS)
    sum(len(part) for part in encode_rows(prepared.rows))
    sum(len(part) for part in encode_texts(prepared.texts))


def _columnar(data: bytes) -> None:
    with suppress(ProtocolsError):
        _stored(columnar.decode(data))


def _columnar_body(data: bytes) -> None:
    """A right header around any body, so that the columns are what is tried: mode, number of columns, count, body."""
    if len(data) < 4:
        return
    body = data[4:]
    packed = zstandard.ZstdCompressor(level=1).compress(body) if data[0] & 1 else body
    head = bytearray(columnar.encode(header(data[2] | data[3] << 8), ()))
    head[3], head[33] = data[0] & 1, data[1]
    head[40:44] = len(body).to_bytes(4, "little")
    _columnar(bytes(head) + packed)


def _waveform(data: bytes) -> None:
    with suppress(ProtocolsError):
        part = waveform.decode(data)
        assert waveform.decode(waveform.encode(part)) == part
        waveform.join([part])


def _json_samples(data: bytes) -> None:
    with suppress(ProtocolsError):
        _stored(json_samples.decode(data, "gw-1"))


def _decode(data: bytes) -> None:
    topic, _, payload = data.partition(b"\n")
    with suppress(ProtocolsError):
        _stored(decode(topic.decode("utf-8", "replace"), payload))


def _catalog(data: bytes) -> None:
    with suppress(ProtocolsError):
        again = catalog.decode(data)
        assert catalog.decode(catalog.encode(again)) == again


def _receipt(data: bytes) -> None:
    with suppress(ProtocolsError):
        again = receipt.decode(data)
        assert receipt.decode(receipt.encode(again)) == again


def _topics(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    with suppress(ProtocolsError):
        address, lane = parse(text)
        assert text in {f"lw/1/{address.tenant}/{address.gateway}/{way}/{lane}" for way in ("up", "down")}
    assert re.fullmatch(ID, slug(text))
    GatewayAddress(id_slug(text), id_slug(text[::-1]))
    for known in (sparkplug_topics.parse, sparkplug_topics.host_of):
        with suppress(ProtocolsError):
            known(text)


def _sparkplug(data: bytes) -> None:
    with suppress(ProtocolsError):
        sparkplug_payload.decode(data)
    with suppress(ProtocolsError):
        sparkplug_state.decode(data)


def _mapping(data: bytes) -> None:
    topic, _, payload = data.partition(b"\n")
    reading = _reader().read(Message(topic.decode("utf-8", "replace"), payload))
    if reading and reading.content.batch:
        _stored(reading.content.batch)


def _mapping_words(data: bytes) -> None:
    """What a person writes: topic, path, name; and times as devices tell them."""
    text = data.decode("utf-8", "replace")
    for understand in (topic_filter.parse, path.parse, path.parse_single, template.parse, moment.zone):
        with suppress(ValueError):
            understand(text)
    for unit in ("s", "ms", "us", "ns", "iso"):
        with suppress(ValueError):
            assert 0 <= moment.to_ns(text, unit, moment.zone("Europe/Berlin")) < 1 << 63
    with suppress(ValueError):
        one = topic_filter.parse(text)
        assert topic_filter.overlap(one.subscription, one.subscription)


_readers: list[MappingReader] = []


def _reader() -> MappingReader:
    """All shipped mappings, and the one that uses everything."""
    if not _readers:
        texts = [file.read_text(encoding="utf-8") for file in _mapping_files()]
        tables = [table for text in texts for table in tomllib.loads(text).get("mapping", [])]
        settings = MappingFile.model_validate({"mapping": [t for t in tables if isinstance(t, dict)]})
        _readers.append(MappingReader(settings.mapping, lambda: NOW_NS))
    return _readers[0]


def _mapping_files() -> Iterator[Path]:
    yield from sorted((ROOT / "deploy/mappings").glob("*.toml"))
    yield ROOT / "tests/cases/mapping/everything_at_once/case.toml"


def header(count: int) -> BatchHeader:
    """Of a batch with so many samples."""
    return BatchHeader(_RUN, 1, 1, ClockState.SYNCED, count)


def _column(kind: ValueKind, values: list[object]) -> Column:
    n = len(values)
    times = NOW_NS + np.arange(n, dtype=np.int64)
    return Column(kind, np.arange(n, dtype=np.uint32), times, np.array(values, DTYPE_OF[kind]), np.zeros(n, np.uint16))


def _columns() -> tuple[Column, ...]:
    return (
        _column(ValueKind.FLOAT, [1.5, float("nan"), -0.0]), _column(ValueKind.INT, [1, -(1 << 63)]),
        _column(ValueKind.BOOL, [True]), _column(ValueKind.TEXT, ["idle", "", "温度"]),
    )  # fmt: skip


def _columnar_seeds() -> list[bytes]:
    all_kinds = _columns()
    seeds = [columnar.encode(header(len(one)), (one,)) for one in all_kinds]
    whole = header(sum(len(one) for one in all_kinds))
    return [*seeds, *(columnar.encode(whole, all_kinds, compress=compress) for compress in (False, True))]


def _waveform_seeds() -> list[bytes]:
    burst = waveform.Waveform(3, NOW_NS, 25_600.0, 0.01, np.arange(40, dtype="<i2"))
    [part] = waveform.parts_of(burst, [header(0)])
    return [waveform.encode(part, compress=compress) for compress in (False, True)]


def _body_seeds() -> list[bytes]:
    return [
        bytes([mode, payload[33], payload[36], payload[37]]) + payload[48:]
        for payload in _columnar_seeds()[:-1]
        for mode in (0, 1)
    ]


def _json_seeds() -> list[bytes]:
    one = {
        "ts": 1_790_000_000_000,
        "values": {"level": 1.5, "on": True, "mode": "auto", "pump-1/flow": 2, "lost": None},
    }
    return [json.dumps(one).encode(), json.dumps([one, one | {"ts": 1_790_000_000_001}]).encode()]


def _mapping_seeds() -> list[bytes]:
    cases = sorted(folder for folder in (ROOT / "tests/cases/mapping").iterdir() if folder.is_dir())
    told = [(tomllib.loads((folder / "case.toml").read_text(encoding="utf-8"))["topic"], folder) for folder in cases]
    return [f"{topic}\n".encode() + next(folder.glob("payload.*")).read_bytes() for topic, folder in told]


def _sparkplug_seeds() -> list[bytes]:
    """Payloads by hand: timestamp, metrics of several types, seq; protobuf has no checksum to get past."""
    metric = bytes.fromhex("0a036a6f62100118f2a0abbe8834200a69000000000000f83f")
    text = bytes.fromhex("0a01741002200c7a0469646c65")
    body = b"".join(b"\x12" + bytes([len(one)]) + one for one in (metric, text))
    return [bytes.fromhex("08f2a0abbe8834") + body + b"\x18\x05", b'{"online": true, "timestamp": 1790000000000}']


def _words() -> list[bytes]:
    return [
        b"neuron/{app}/{rest#}", b"a/+/#", b"params.{key#}", b'list[0]."x.y"[]', b"{node}.{tags.cpu?}.x",
        b"2026-03-01T08:00:00.123456789Z", b"1790000000.25", b"Europe/Berlin",
    ]  # fmt: skip


def _catalog_seed() -> bytes:
    tags = [catalog.CatalogTag(alias=n, machine="press-1", tag=f"t-{n}", kind="float", unit="°C") for n in range(3)]
    return catalog.encode(catalog.Catalog(revision=1, tags=tags))


def _receipt_seed() -> bytes:
    return receipt.encode(receipt.Receipt(run=_RUN, committed=[(1, 4), (6, 9)], rejected={5: "undecodable"}, credit=64))


def _control(data: bytes) -> None:
    """A planted fault, three right bytes away."""
    if data[:1] == b"L" and data[1:2] == b"W" and data[2:3] == b"!":
        raise IndexError(data)


CONTROL = Target("control", _control, [b"___"])


def targets() -> dict[str, Target]:
    """All of them, by name."""
    listed = [
        Target("columnar", _columnar, _columnar_seeds()),
        Target("columnar_body", _columnar_body, _body_seeds()),
        Target("waveform", _waveform, _waveform_seeds()),
        Target("json_samples", _json_samples, _json_seeds()),
        Target("decode", _decode, [DATA_TOPIC.encode() + b"\n" + one for one in [*_columnar_seeds(), *_json_seeds()]]),
        Target("receipt", _receipt, [_receipt_seed()]),
        Target("catalog", _catalog, [_catalog_seed()]),
        Target("topics", _topics, [DATA_TOPIC.encode(), b"spBv1.0/acme/NDATA/node/device", b"spBv1.0/STATE/host"], 256),
        Target("sparkplug", _sparkplug, _sparkplug_seeds()),
        Target("mapping", _mapping, _mapping_seeds()),
        Target("mapping_words", _mapping_words, _words(), 256),
    ]
    return {one.name: one for one in listed}
