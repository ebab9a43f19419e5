"""How much may come: a credit window for everybody, and for each tenant a quota of its own. Pure.

    delivery ──admit──► group … commit … release ──► window of its tenant, told by the next receipt
        └── over the quota: settled, not stored, not receipted; a gateway keeps it and sends it again

One worker counts what it takes itself: where n share the work, a tenant gets about n times its quota.
"""

from collections.abc import Iterable

import structlog

from ingest_service import metrics
from ingest_service.delivery import Delivery
from ingest_service.receipts import credit
from ingest_service.settings import CreditSettings, QuotaSettings
from runtime.clock import NS_PER_S

log = structlog.get_logger()

_BURST_S = 60.0
_WITHIN_AGAIN = 0.5  # of the burst: told again only after a real pause


class _Account:
    """A bucket that fills with what a tenant may send, and what of it is held right now."""

    def __init__(self, settings: QuotaSettings, tenant: str, monotonic_ns: int) -> None:
        own = settings.tenants.get(tenant, settings.each)
        self.samples_per_s = own.samples_per_s
        self.held_most = own.batches_held
        self.samples = self.room = own.samples_per_s * _BURST_S
        self.held = 0
        self.refused = 0
        self._filled_ns = monotonic_ns

    def fill(self, monotonic_ns: int) -> None:
        gained = (monotonic_ns - self._filled_ns) / NS_PER_S * self.samples_per_s
        self.samples = min(self.room, self.samples + gained)
        self._filled_ns = monotonic_ns


class Allowance:
    """Of one worker."""

    def __init__(self, credits_: CreditSettings, quota: QuotaSettings) -> None:
        self._credits = credits_
        self._quota = quota
        self._tenants: dict[str, _Account] = {}

    def admit(self, delivery: Delivery, monotonic_ns: int) -> bool:
        """Whether it may be stored now; what is admitted has to be released."""
        tenant = delivery.tenant
        if tenant is None:
            return True
        account = self._tenants.get(tenant)
        if account is None:
            account = self._tenants[tenant] = _Account(self._quota, tenant, monotonic_ns)
        account.fill(monotonic_ns)
        # A bucket that is not empty takes a whole batch, however large: else one larger than the bucket never came.
        if account.samples <= 0 or (account.held_most is not None and account.held >= account.held_most):
            self._refuse(tenant, account)
            return False
        account.samples -= delivery.rows
        account.held += 1
        if account.refused and account.samples >= account.room * _WITHIN_AGAIN:
            log.info("tenant within its quota again", tenant=tenant, batches_refused=account.refused)
            account.refused = 0
        return True

    def release(self, deliveries: Iterable[Delivery]) -> None:
        """These are committed."""
        for delivery in deliveries:
            if delivery.tenant is not None and delivery.tenant in self._tenants:
                self._tenants[delivery.tenant].held -= 1

    def window(self, fill: float, commit_s: float) -> int:
        """Batches that a gateway may have in flight."""
        return credit(self._credits, fill, commit_s)

    def lowered(self) -> dict[str, int]:
        """Tenants whose gateways may have less in flight than the window: one batch, until they are within again."""
        return {tenant: 1 for tenant, account in self._tenants.items() if account.refused}

    def _refuse(self, tenant: str, account: _Account) -> None:
        if not account.refused:
            log.warning(
                "tenant over its quota: not stored for now; gateways send it again, other sources do not",
                tenant=tenant, samples_per_s=account.samples_per_s, batches_held=account.held_most,
                way_out="more quota.each or quota.tenants.<tenant>, or fewer samples",
            )  # fmt: skip
        account.refused += 1
        metrics.OVER_QUOTA.labels(tenant).inc()
