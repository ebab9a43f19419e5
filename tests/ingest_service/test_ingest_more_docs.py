"""The pages on waveforms and on the disk: their samples do what they say."""

import io
import json
import re
import textwrap
import tomllib
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

from ingest_service.settings import MIB, DiskSettings, IngestSettings
from protocols.wire import catalog
from protocols.wire.waveform import _HEAD, decode, join
from tests.ingest_service.wave_parts import THREE_PARTS, burst

DOCS = Path(__file__).parents[2] / "docs"
WAVEFORMS = (DOCS / "reference/waveforms.md").read_text(encoding="utf-8")
DISK = (DOCS / "how-to/disk-space.md").read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[str]:
    return [textwrap.dedent(block) for block in re.findall(rf" *```{language}\n(.*?) *```", page, re.DOTALL)]


@pytest.mark.parametrize("n", [0, 5, THREE_PARTS])
def test_what_the_sample_publishes_is_the_burst(n):
    sent, names = burst(n), {}
    exec(blocks(WAVEFORMS, "python")[0], names)
    bodies = names["payloads"](
        sent.raw.tobytes(), 1, n, run=uuid4().bytes, first_seq=7, revision=1, alias=0, start_ns=sent.start_ns,
        rate_hz=sent.rate_hz, scale=sent.scale,
    )  # fmt: skip
    parts = [decode(body) for body in bodies]
    got = join(parts)
    np.testing.assert_array_equal(got.raw, sent.raw)
    assert (got.start_ns, got.rate_hz, got.scale) == (sent.start_ns, sent.rate_hz, sent.scale)
    assert [part.header.seq for part in parts] == list(range(7, 7 + len(parts)))


def test_the_catalog_of_the_page_is_taken_and_the_file_is_read():
    (sample,) = blocks(WAVEFORMS, "json")
    assert catalog.decode(json.dumps(json.loads(sample)).encode()).tags[0].kind == "waveform"
    names, file = {}, io.BytesIO()
    exec(blocks(WAVEFORMS, "python")[1], names)
    np.save(file, np.array([1, -2], "<i2"))
    file.seek(0)
    assert names["in_unit"](file, 0.5).tolist() == [0.5, -1.0]


def test_the_table_is_the_layout():
    rows = re.findall(r"^\| (\d+) \| (\d*) \|", WAVEFORMS, re.MULTILINE)
    at = 0
    for offset, size in rows:
        assert int(offset) == at
        at += int(size or 0)
    assert at == _HEAD.size


def test_the_settings_are_taken_and_the_defaults_are_as_told():
    for sample in blocks(DISK, "toml"):
        IngestSettings.model_validate({"database": {"dsn": "postgresql:///x"}, **tomllib.loads(sample)})
    assert (DiskSettings().free_least_bytes, DiskSettings().free_least_percent) == (1024 * MIB, 2.0)
