"""A mapping at the keyboard: a message in, the table of its samples out. Nothing is stored.

payload on stdin, or what a broker brings ──MappingReader's own MessageMapping──► samples · not stored, and why
"""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import aiomqtt

from ingest_service.mapping.mapping import MessageMapping
from ingest_service.mapping.settings import MappingsOnly
from ingest_service.mapping.source import Collected
from linewright import LinewrightError
from protocols import ProtocolsError
from protocols.broker import BrokerSettings
from protocols.sample import Quality, ValueKind, quality_of, reason_of
from protocols.wire.named import Reported
from runtime.clock import NS_PER_S
from runtime.settings import load

MESSAGES_MOST = 1000
_ROWS_SHOWN = 200
_WIDTH = 40
_TITLES = ("machine", "tag", "time (UTC)", "value", "quality")
_EARLIEST_NS = 946_684_800 * NS_PER_S
_AHEAD_MOST_NS = 300 * NS_PER_S


class CannotTry(LinewrightError):
    """The options do not say enough; the text says what to add."""


class Tried(NamedTuple):
    """What became of one message: its lines, and whether everything in it was stored or left out on purpose."""

    lines: Sequence[str]
    clean: bool


class _File(MappingsOnly):
    broker: BrokerSettings = BrokerSettings()


def open_file(path: Path, broker: str | None) -> "Trial":
    """Raises SettingsError naming file, line and field."""
    settings = load(_File, path)
    if not settings.mappings:
        raise CannotTry(f"{path} has no [[mapping]] and no [[mapping_file]]")
    return Trial([MessageMapping(one) for one in settings.mappings], _broker(broker) if broker else settings.broker)


def _broker(text: str) -> BrokerSettings:
    host, _, port = text.partition(":")
    if port and not port.isdigit():
        raise CannotTry(f"--broker {text}: write host or host:port")
    return BrokerSettings(host=host, port=int(port or 1883))


def show(tried: Tried) -> bool:
    """Print it; whether it was clean."""
    print("\n".join(tried.lines), flush=True)
    return tried.clean


@dataclass(frozen=True, slots=True)
class Trial:
    """The mappings of a file, and where messages may come from."""

    mappings: Sequence[MessageMapping]
    broker: BrokerSettings

    def message(self, topic: str | None, payload: bytes) -> Tried:
        """What one message would become."""
        mapping, levels = self._taken(topic if topic is not None else self._only_topic())
        return _tried(mapping, levels, payload)

    def _only_topic(self) -> str:
        topic = self.mappings[0].topic
        if len(self.mappings) > 1 or topic.names or set(topic.subscription) & set("+#"):
            raise CannotTry(f"say which topic with --topic; the mappings take {self._filters()}")
        return topic.subscription

    def _taken(self, topic: str) -> tuple[MessageMapping, Mapping[str, str]]:
        for mapping in self.mappings:
            levels = mapping.topic.match(topic)
            if levels is not None:
                return mapping, levels
        raise CannotTry(f"no mapping takes {topic!r}; they take {self._filters()}")

    def _filters(self) -> str:
        return ", ".join(mapping.topic.subscription for mapping in self.mappings)

    async def listen(self, seconds: float) -> bool:
        """Show what the broker brings, for so long and for at most MESSAGES_MOST messages."""
        shown, clean = 0, True
        try:
            async with asyncio.timeout(seconds), self._client() as client:
                await client.subscribe([(mapping.topic.subscription, 0) for mapping in self.mappings])
                async for message in client.messages:
                    clean &= show(self.message(str(message.topic), bytes(message.payload or b"")))
                    shown += 1
                    if shown == MESSAGES_MOST:
                        break
        except TimeoutError:
            pass
        except aiomqtt.MqttError as error:
            raise CannotTry(f"{self.broker.host}:{self.broker.port}: {error}; check [broker] or --broker") from error
        print(f"{shown} messages on {self._filters()}")
        return clean and shown > 0

    def _client(self) -> aiomqtt.Client:
        password = self.broker.password
        return aiomqtt.Client(
            self.broker.host,
            self.broker.port,
            username=self.broker.username,
            password=password.get_secret_value() if password else None,
            tls_context=self.broker.tls_context(),
            max_queued_incoming_messages=MESSAGES_MOST,
        )


def _tried(mapping: MessageMapping, levels: Mapping[str, str], payload: bytes) -> Tried:
    now_ns = time.time_ns()
    try:
        address = mapping.address(levels)
        mapped = mapping.apply(levels, payload, now_ns)
    except ProtocolsError as error:
        return Tried([f"mapping {mapping.name}: refused as a whole, a dead letter: {error}"], clean=False)
    lines = [f"mapping {mapping.name}: gateway {address.gateway} of tenant {address.tenant}, which must be registered"]
    lines += _table(mapped)
    lines += _not_stored(mapped)
    odd = [time_ns for _, _, time_ns in mapped.samples if not _EARLIEST_NS <= time_ns <= now_ns + _AHEAD_MOST_NS]
    if odd:
        lines.append(
            f"{len(odd)} times are impossible, like {_moment(odd[0])}: they would be set aside; is time_unit right?"
        )
    if mapped.from_arrival:
        lines.append("some have the time of arrival: a message that the broker brings twice is stored twice")
    return Tried(lines, clean=not odd and all(one.reason.is_wanted for one in mapped.skipped))


def _table(mapped: Collected) -> Iterator[str]:
    rows = [
        (machine, tag, _moment(time_ns), *_shown(sample)) for (machine, tag, time_ns), sample in mapped.samples.items()
    ]
    shown = [_TITLES, *rows[:_ROWS_SHOWN]]
    widths = [min(_WIDTH, max(len(row[column]) for row in shown)) for column in range(len(_TITLES))]
    for row in shown if rows else []:
        yield "  " + "  ".join(_cut(text, width) for text, width in zip(row, widths, strict=True)).rstrip()
    if len(rows) > _ROWS_SHOWN:
        yield f"  … and {len(rows) - _ROWS_SHOWN} more"
    yield f"{len(rows)} samples"


def _not_stored(mapped: Collected) -> Iterator[str]:
    if mapped.skipped:
        yield f"{len(mapped.skipped)} values are not stored:"
    for one in mapped.skipped[:_ROWS_SHOWN]:
        yield f"  {one.name}: {one.reason}, {one.detail}"


def _cut(text: str, width: int) -> str:
    return f"{text[: width - 1]}…" if len(text) > width else text.ljust(width)


def _shown(sample: Reported) -> tuple[str, str]:
    kind, value, code = sample
    quality = quality_of(code)
    shown = "" if quality is Quality.BAD else str(bool(value)).lower() if kind is ValueKind.BOOL else str(value)
    return shown, quality.name if not code else f"{quality.name} {reason_of(code)}"


def _moment(time_ns: int) -> str:
    try:
        return f"{datetime.fromtimestamp(time_ns // NS_PER_S, UTC):%Y-%m-%d %H:%M:%S}.{time_ns % NS_PER_S // 1000:06d}"
    except (ValueError, OverflowError, OSError):
        return f"{time_ns} ns"
