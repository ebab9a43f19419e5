"""Reads all Modbus devices of one endpoint.

    aliases ──plan──► ModbusReads ──read──► line ──bytes──► decoder ──► Columns

A block that the device refuses (exception 2 or 3) is halved within the same read until every refused tag stands alone.
Those are then asked alone and rarely; all others keep coming in blocks that leave them out.
"""

from collections import defaultdict, deque
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocols import BadPointTable
from protocols.device import NumberedDevice
from protocols.driver import ReadOp
from protocols.modbus.client import Line
from protocols.modbus.codec import Decoder, compile_block
from protocols.modbus.field import Field
from protocols.modbus.identity import identified
from protocols.modbus.planner import Limits, plan
from protocols.modbus.point import Table
from protocols.modbus.request import NoAnswer, Request
from protocols.modbus.settings import ModbusDevice
from protocols.sample import Column, Columns, ValueKind, concatenate, failed
from runtime.clock import NS_PER_S, Clock, SystemClock

_ILLEGAL = (2, 3)  # illegal data address, illegal data value: the answer depends on what was asked for
_RETRY_REFUSED_S = 4.0
_RETRY_HOLE_S = 60.0


@dataclass(eq=False, slots=True)
class ModbusRead:
    """One block, and what was learned when the device refused it."""

    request: Request
    fields: tuple[Field, ...]
    decoder: Decoder
    aliases: tuple[tuple[ValueKind, NDArray[np.uint32]], ...]
    refined: "_Refined | None" = None

    @property
    def tag_count(self) -> int:
        return len(self.fields)


@dataclass(slots=True)
class _Refined:
    """The reads that work in place of a refused block, and the tags that do not."""

    reads: list[ModbusRead]
    refused: deque[tuple[ModbusRead, int]] = field(default_factory=deque)
    retry_at_ns: int = 0


class ModbusDriver:
    """Driver of one endpoint; see protocols.driver.Driver."""

    def __init__(self, devices: Sequence[NumberedDevice[ModbusDevice]], clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._limits = _limits(devices)
        self._fields: dict[int, tuple[int, Field]] = {
            alias: (numbered.device.modbus.unit, numbered.device.field(alias, tag))
            for numbered in devices
            for alias, tag in zip(numbered.aliases, numbered.device.tags, strict=True)
        }
        self._line = identified(_line(devices, self._clock), devices)
        self._last_good_ns = 0
        self.plan(list(self._fields))

    async def open(self) -> None:
        await self._line.open()

    def plan(self, aliases: Sequence[int]) -> Sequence[ModbusRead]:
        """The fewest blocks that bring these tags, in order of unit, table and address."""
        groups: dict[tuple[int, Table], list[Field]] = defaultdict(list)
        for alias in aliases:
            unit, tag = self._fields[alias]
            groups[unit, tag.point.table].append(tag)
        return [
            read
            for (unit, table), fields in sorted(groups.items(), key=lambda group: (group[0][0], group[0][1].value))
            for read in _reads(unit, table, fields, self._limits[unit, table.of_registers])
        ]

    async def read(self, op: ReadOp) -> Columns:
        assert isinstance(op, ModbusRead)
        if op.refined is None:
            try:
                data = await self._line.read(op.request)
            except NoAnswer as error:
                if error.exception not in _ILLEGAL:
                    return self._failed(op, error.code)
                return concatenate(await self._isolate(op, error))
            return self._decoded(op, data)
        return concatenate(await self._read_refined(op, op.refined))

    async def subscribe(self, aliases: Sequence[int]) -> AsyncGenerator[Columns, None]:  # noqa: ARG002
        """Modbus devices send nothing by themselves."""
        return
        yield

    def last_good_monotonic_ns(self) -> int:
        return self._last_good_ns

    async def close(self) -> None:
        await self._line.close()

    def _decoded(self, op: ModbusRead, data: bytes) -> Columns:
        columns = op.decoder.decode(data, self._clock.now_ns())
        for column in columns:
            if np.count_nonzero(column.code) < len(column):
                self._last_good_ns = self._clock.monotonic_ns()
        return columns

    def _failed(self, op: ModbusRead, code: int) -> Columns:
        now_ns = self._clock.now_ns()
        return tuple(failed(kind, aliases, now_ns, code) for kind, aliases in op.aliases)

    async def _isolate(self, op: ModbusRead, refusal: NoAnswer) -> list[Column]:
        """Read the parts of a refused block; learn which work, unless the line failed meanwhile."""
        columns: list[Column] = []
        refined, certain = _Refined([]), True
        parts = deque([(op, refusal)])
        while parts:
            part, refusal = parts.popleft()
            if part.tag_count == 1:
                refined.refused.append((part, refusal.code))
                columns += self._failed(part, refusal.code)
                continue
            for half in _halves(part):
                try:
                    columns += self._decoded(half, await self._line.read(half.request))
                    refined.reads.append(half)
                except NoAnswer as error:
                    if error.exception in _ILLEGAL:
                        parts.append((half, error))
                    else:
                        columns += self._failed(half, error.code)
                        certain = False
        if certain:
            op.refined = self._joined(op, refined)
            self._put_off(op.refined)
        return columns

    def _put_off(self, refined: _Refined) -> None:
        pause_s = _RETRY_REFUSED_S if refined.refused else _RETRY_HOLE_S
        refined.retry_at_ns = self._clock.monotonic_ns() + round(pause_s * NS_PER_S)

    def _joined(self, op: ModbusRead, refined: _Refined) -> _Refined:
        """Fewer reads than the halving left: blocks around the refused tags. Without any, a gap was refused."""
        request = op.request
        limits = self._limits[request.unit, request.table.of_registers]
        asked = {address for read in refined.reads for tag in read.fields for address in _addresses(tag)}
        holes = {address for read, _ in refined.refused for tag in read.fields for address in _addresses(tag)} - asked
        if refined.refused and refined.reads:
            around = Limits(limits.most, limits.gap, (*limits.forbidden, *((hole, hole) for hole in sorted(holes))))
            good = [tag for read in refined.reads for tag in read.fields]
            refined.reads = _reads(request.unit, request.table, good, around)
        return refined

    async def _read_refined(self, op: ModbusRead, refined: _Refined) -> list[Column]:
        due = self._clock.monotonic_ns() >= refined.retry_at_ns
        if due and not refined.refused:
            op.refined = None
            return list(await self.read(op))
        columns: list[Column] = []
        for read in refined.reads:
            columns += await self.read(read)
        retried = None
        if due:
            retried = refined.refused[0][0]
            columns += await self._retry(op, refined)
        for part, code in refined.refused:
            if part is not retried:
                columns += self._failed(part, code)
        return columns

    async def _retry(self, op: ModbusRead, refined: _Refined) -> Columns:
        """Ask for one refused tag again, in turn. When it comes, the whole block gets a new chance."""
        part, code = refined.refused[0]
        try:
            columns = self._decoded(part, await self._line.read(part.request))
        except NoAnswer as error:
            if error.exception not in _ILLEGAL:
                return self._failed(part, error.code)
            refined.refused.rotate(-1)
            self._put_off(refined)
            return self._failed(part, code)
        op.refined = None
        return columns


def _line(devices: Sequence[NumberedDevice[ModbusDevice]], clock: Clock) -> Line:
    first, timeouts_s = devices[0].device, dict[int, float]()
    for device in (numbered.device for numbered in devices):
        other = [name for name, value in device.modbus.line.items() if value != first.modbus.line[name]]
        if other:
            raise BadPointTable(
                f"{first.name} and {device.name} share the line {device.endpoint} and contradict each other in"
                f" {', '.join(other)}; make them equal"
            )
        timeouts_s[device.modbus.unit] = max(device.modbus.timeout_s, timeouts_s.get(device.modbus.unit, 0))
    return Line(first.modbus, timeouts_s, clock)


def _limits(devices: Sequence[NumberedDevice[ModbusDevice]]) -> dict[tuple[int, bool], Limits]:
    """Per unit, for registers and for bits: the strictest of its devices."""
    limits: dict[tuple[int, bool], Limits] = {}
    for device in devices:
        own = device.device.modbus
        for of_registers, most, gap in (
            (True, own.max_registers, own.gap_fill),
            (False, own.max_bits, 16 * own.gap_fill),
        ):
            before = limits.get((own.unit, of_registers), Limits(most, gap))
            limits[own.unit, of_registers] = Limits(
                min(before.most, most), min(before.gap, gap), (*before.forbidden, *own.forbidden)
            )
    return limits


def _reads(unit: int, table: Table, fields: Sequence[Field], limits: Limits) -> list[ModbusRead]:
    spans = [tag.span for tag in fields]
    for address, count in spans:
        hole = any(first < address + count and address <= last for first, last in limits.forbidden)
        if hole or count > limits.most:
            raise BadPointTable(
                f"{table.word}:{address} of unit {unit} cannot be read: another device of the same unit forbids it or"
                f" gives at most {limits.most}; make their settings agree"
            )
    return [
        _read(Request(unit, table, block.address, block.count), [fields[i] for i in block.members])
        for block in plan(spans, limits)
    ]


def _read(request: Request, fields: Sequence[Field]) -> ModbusRead:
    kinds: dict[ValueKind, list[int]] = defaultdict(list)
    for tag in fields:
        kinds[tag.kind].append(tag.alias)
    aliases: Any = tuple((kind, np.array(numbers, np.uint32)) for kind, numbers in sorted(kinds.items()))
    return ModbusRead(request, tuple(fields), compile_block(request.address, fields), aliases)


def _halves(read: ModbusRead) -> list[ModbusRead]:
    ordered = sorted(read.fields, key=lambda tag: tag.span)
    middle = len(ordered) // 2
    halves = []
    for fields in (ordered[:middle], ordered[middle:]):
        address = fields[0].span[0]
        end = max(sum(tag.span) for tag in fields)
        halves.append(_read(replace(read.request, address=address, count=end - address), fields))
    return halves


def _addresses(tag: Field) -> range:
    return range(tag.span[0], sum(tag.span))
