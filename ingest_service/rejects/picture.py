"""A refused payload as a person can look at it: header, what can be decoded, bytes. Pure."""

from typing import Any

from ingest_service.delivery import Message
from ingest_service.reading import Reader, read_with
from protocols import UndecodablePayload
from protocols.sample import quality_of, reason_of
from protocols.wire import columnar
from protocols.wire.batch import Batch
from protocols.wire.waveform import WaveformPart

_SAMPLES_SHOWN = 10
_BYTES_SHOWN = 512
_ROW = 16


def picture(message: Message, readers: list[Reader]) -> dict[str, Any]:
    """Everything that can be told of a payload, as JSON shows it."""
    reading = read_with(readers, message)
    content = reading.content if reading else None
    shown: dict[str, Any] = {"header": _header(message.payload)}
    if content is None:
        shown["today"] = "understood, and nothing in it is to be stored"
    elif content.refusal:
        shown["today"] = str(content.refusal)
    elif content.burst:
        shown["today"] = "can be decoded"
        shown["burst"] = _burst(content.burst)
    elif content.batch:
        shown["today"] = "can be decoded"
        shown["batch"] = _batch(content.batch)
    shown["bytes"] = hex_dump(message.payload[:_BYTES_SHOWN])
    return shown


def hex_dump(data: bytes) -> list[str]:
    """Offset, bytes and letters, 16 a line."""
    return [
        f"{at:08x}  {data[at : at + _ROW].hex(' '):<47}  "
        + "".join(chr(byte) if 32 <= byte < 127 else "." for byte in data[at : at + _ROW])
        for at in range(0, len(data), _ROW)
    ]


def _header(payload: bytes) -> dict[str, Any] | None:
    """Of a columnar batch, also of a damaged one."""
    try:
        header = columnar.read_header(payload)
    except UndecodablePayload:
        return None
    return {
        "run": str(header.run_id), "seq": header.seq, "revision": header.revision, "clock": header.clock.name.lower(),
        "count": header.count,
    }  # fmt: skip


def _burst(part: WaveformPart) -> dict[str, Any]:
    return {
        "run": str(part.header.run_id), "seq": part.header.seq, "tag": part.alias, "part": part.part,
        "parts": part.parts, "start_ns": part.start_ns, "rate_hz": part.rate_hz, "values": part.n,
        "dtype": part.dtype.str, "sha256": part.burst_sha256.hex(),
    }  # fmt: skip


def _batch(batch: Batch) -> list[dict[str, Any]]:
    return [
        {
            "kind": column.kind.name.lower(),
            "samples": len(column),
            "first": [
                {
                    "tag": "/".join(batch.names[alias]) if batch.names else alias,
                    "time_ns": time_ns,
                    "value": value,
                    "quality": quality_of(code).name.lower(),
                    "reason": reason_of(code),
                }
                for alias, time_ns, value, code in zip(
                    column.alias[:_SAMPLES_SHOWN].tolist(), column.time_ns[:_SAMPLES_SHOWN].tolist(),
                    column.value[:_SAMPLES_SHOWN].tolist(), column.code[:_SAMPLES_SHOWN].tolist(), strict=True,
                )
            ],
        }
        for column in batch.columns
    ]  # fmt: skip
