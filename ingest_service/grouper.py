"""Collects deliveries until one transaction's worth is there. Pure: time is handed in.

Grouping is what makes ingest fast: one commit for 20,000 to 250,000 rows costs what one for 500 costs.
"""

from ingest_service.delivery import Delivery, weight_bytes
from ingest_service.settings import GroupSettings
from runtime.clock import NS_PER_S


class Grouper:
    """Holds the group that is being filled."""

    def __init__(self, limits: GroupSettings) -> None:
        self._limits = limits
        self._deliveries: list[Delivery] = []
        self._rows = 0
        self._bytes = 0
        self._opened_ns = 0

    def __len__(self) -> int:
        return len(self._deliveries)

    def add(self, delivery: Delivery, monotonic_ns: int) -> None:
        if not self._deliveries:
            self._opened_ns = monotonic_ns
        self._deliveries.append(delivery)
        self._rows += delivery.rows
        self._bytes += weight_bytes(delivery.message, delivery.rows)

    @property
    def is_full(self) -> bool:
        return self._rows >= self._limits.rows_most or self._bytes >= self._limits.bytes_most

    def due_in_s(self, monotonic_ns: int) -> float | None:
        """Seconds until the group has to go; 0 when it has to go now, None while it is empty."""
        if not self._deliveries:
            return None
        if self.is_full:
            return 0.0
        return max(0.0, self._limits.age_s - (monotonic_ns - self._opened_ns) / NS_PER_S)

    def take(self) -> list[Delivery]:
        """Hand the group over and begin the next one."""
        group, self._deliveries = self._deliveries, []
        self._rows = self._bytes = 0
        return group
