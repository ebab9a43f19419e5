"""Small devices, columns and the other ends of a gateway: a real Modbus server, and an ingest that sends receipts."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from protocols.modbus.settings import ModbusDevice
from protocols.sample import Column, Columns, ValueKind

NOW_NS = 1_790_000_000 * 10**9


def modbus_device(name: str, port: int, periods_s: Mapping[str, float], **settings) -> ModbusDevice:
    """A device with one float32 per tag, two registers apart."""
    tags = [
        {"tag": tag, "address": f"holding:{2 * place}", "type": "float32", "period_s": period_s}
        for place, (tag, period_s) in enumerate(periods_s.items())
    ]
    modbus = {"host": "127.0.0.1", "port": port, **settings}
    return ModbusDevice.model_validate({"name": name, "protocol": "modbus", "modbus": modbus, "tags": tags})


def floats(aliases: Iterable[int], values: Sequence[float], times_ns: Sequence[int] | None = None) -> Columns:
    """One column of good floats."""
    alias = np.array(list(aliases), np.uint32)
    times = np.full(len(alias), NOW_NS, np.int64) if times_ns is None else np.array(times_ns, np.int64)
    return (Column(ValueKind.FLOAT, alias, times, np.asarray(values, np.float64), np.zeros(len(alias), np.uint16)),)
