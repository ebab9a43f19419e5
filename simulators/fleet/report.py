"""How a fleet went, as one JSON object: what was made, what is stored, and what is not as it has to be."""

import json
from dataclasses import dataclass

import numpy as np

from simulators.fleet.check import Account
from simulators.fleet.play import Played


@dataclass(frozen=True, slots=True)
class Report:
    """`account` is None when no database was asked: then only the receipts speak."""

    played: Played
    account: Account | None

    @property
    def clean(self) -> bool:
        """Everything receipted; everything stored once and as it was; refused what had to be refused, and no more."""
        if self.played.open:
            return False
        account = self.account
        if account is None:
            return True
        return (
            account.missing == account.duplicated == account.wrong == account.set_aside.quarantined == 0
            and account.set_aside.dead_letters == self.damaged
        )

    @property
    def damaged(self) -> int:
        """Batches that were damaged on purpose."""
        plan, made = self.played.plan, self.played.made
        return sum(int(plan.damaged(gateway, np.arange(count)).sum()) for gateway, count in enumerate(made))

    def as_json(self) -> str:
        played, account = self.played, self.account
        told: dict[str, int | float | str | bool] = {
            "produced": played.samples - self.damaged * played.plan.samples_in_batch
        }
        if account:
            told |= {
                "stored": account.stored,
                "missing": account.missing,
                "duplicated": account.duplicated,
                "wrong": account.wrong,
                "dead_letters": account.set_aside.dead_letters,
                "quarantined": account.set_aside.quarantined,
            }
        return json.dumps(told | self._of_playing() | {"clean": self.clean})

    def _of_playing(self) -> dict[str, int | float | str]:
        played = self.played
        return {
            "open": played.open,
            "damaged": self.damaged,
            "tenant": played.plan.tenant,
            "gateways": played.plan.gateways,
            "batches": int(played.made.sum()),
            "sent": played.sent,
            "resent": played.resent,
            "restarts": played.restarts,
            "connections": played.connections,
            "seconds": round(played.took_s, 1),
            "samples_per_s": round(played.samples / played.took_s),
        }
