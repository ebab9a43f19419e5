"""What a case of tests/cases/mapping says, and what comes out of it, in the same words."""

import math
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ingest_service.delivery import Message
from ingest_service.mapping.mapping import MessageMapping
from ingest_service.mapping.reader import MappingReader
from ingest_service.mapping.settings import MappingFile, MappingSettings
from ingest_service.reading import Reading
from protocols.sample import Quality, ValueKind, quality_of, reason_of

ROOT = Path(__file__).parents[3]
CASES = ROOT / "tests/cases/mapping"
ARRIVED_NS = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * 10**9


def folders() -> list[Path]:
    return sorted(folder for folder in CASES.iterdir() if folder.is_dir())


def mappings(case: dict[str, Any]) -> tuple[MappingSettings, ...]:
    if "mapping" not in case or isinstance(case["mapping"], list):
        return MappingFile.model_validate({"mapping": case["mapping"]}).mapping
    tables = tomllib.loads((ROOT / case["mapping"]).read_text(encoding="utf-8"))["mapping"]
    return MappingFile.model_validate({"mapping": [table | case.get("changes", {}) for table in tables]}).mapping


def outcome(folder: Path) -> dict[str, Any]:
    """As expected.toml has it."""
    case = tomllib.loads((folder / "case.toml").read_text(encoding="utf-8"))
    settings = mappings(case)
    message = Message(case["topic"], next(folder.glob("payload.*")).read_bytes())
    reading = MappingReader(settings, lambda: ARRIVED_NS).read(message)
    told = {} if reading is None else _told(reading)
    return told | _skipped(settings, message)


def _told(reading: Reading) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if reading.address:
        told["gateway"] = f"{reading.address.tenant}/{reading.address.gateway}"
    if reading.content.refusal:
        return told | {"refused": str(reading.content.refusal)}
    batch = reading.content.batch
    assert batch
    rows = [
        [
            *batch.names[alias],
            _moment(time_ns),
            _value(column.kind, value, code),
            quality_of(code).name,
            reason_of(code),
        ]
        for column in batch.columns
        for alias, time_ns, value, code in zip(
            column.alias.tolist(), column.time_ns.tolist(), column.value.tolist(), column.code.tolist(), strict=True
        )
    ]
    return told | {"samples": sorted(rows, key=lambda row: row[:3])}


def _skipped(settings: tuple[MappingSettings, ...], message: Message) -> dict[str, Any]:
    for mapping in map(MessageMapping, settings):
        levels = mapping.topic.match(message.topic)
        if levels is not None:
            try:
                found = mapping.apply(levels, message.payload, ARRIVED_NS).skipped
            except Exception:  # noqa: BLE001 - the reader has told it
                return {}
            return {"skipped": [[one.name, str(one.reason)] for one in found]} if found else {}
    return {}


def _value(kind: ValueKind, value: Any, code: int) -> Any:
    if quality_of(code) is Quality.BAD:
        return ""
    if isinstance(value, float) and math.isnan(value):
        return "nan"
    return bool(value) if kind is ValueKind.BOOL else value


def _moment(time_ns: int) -> str:
    return f"{datetime.fromtimestamp(time_ns // 10**9, UTC):%Y-%m-%dT%H:%M:%S}.{time_ns % 10**9:09d}Z"
