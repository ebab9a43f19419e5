"""Which devices of an endpoint are silent: said once when one goes and once when it returns, shown on /metrics.

A device is silent when a read brought nothing of it but time-outs or a lost line. A refused address is an answer.
"""

import structlog

from edge_gateway import metrics
from edge_gateway.catalog import Endpoint
from protocols.sample import Column, Columns, Quality, Reason, bad, reason_of
from runtime.logs import Outage

log = structlog.get_logger()

_BAD = Quality.BAD << 8
_SILENT = (bad(Reason.TIMEOUT), bad(Reason.DISCONNECTED))
_WAY_OUT = "check cable, power and address of the device"


class Outages:
    """The devices of one endpoint."""

    def __init__(self, devices: Endpoint) -> None:
        names = [numbered.device.name for numbered in devices]
        self._outages = {name: Outage(log.bind(device=name), "device") for name in names}
        self._device_of = {alias: numbered.device.name for numbered in devices for alias in numbered.aliases}
        self._silent = set(names)  # nothing has been heard of them yet
        for name in names:
            metrics.DEVICE_UP.labels(name).set(0)

    def __bool__(self) -> bool:
        """Some device is silent."""
        return bool(self._silent)

    def seen(self, columns: Columns) -> bool:
        """Take note of what a read has brought; True when it found the line lost."""
        for column in columns:
            for device, codes in self._by_device(column).items():
                if any(code < _BAD for code in codes):
                    self._up(device)
                elif all(code in _SILENT for code in codes):
                    self._down(device, reason_of(codes[0]))
        return any(bad(Reason.DISCONNECTED) in column.code for column in columns)

    def lost(self, error: object) -> None:
        """The line itself is gone, and with it every device."""
        for device in self._outages:
            self._down(device, error)

    def _by_device(self, column: Column) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for alias, code in zip(column.alias.tolist(), column.code.tolist(), strict=True):
            found.setdefault(self._device_of[alias], []).append(code)
        return found

    def _up(self, device: str) -> None:
        if device in self._silent:
            self._silent.discard(device)
            metrics.DEVICE_UP.labels(device).set(1)
            self._outages[device].up()

    def _down(self, device: str, cause: object) -> None:
        if device not in self._silent:
            self._silent.add(device)
            metrics.DEVICE_UP.labels(device).set(0)
            metrics.DEVICE_LOSSES.labels(device).inc()
        self._outages[device].down(cause, _WAY_OUT)
