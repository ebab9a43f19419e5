"""Negative control of the chaos test: the gateway, except that it takes the broker's word for storage.

    python -m tests.chaos.gateway_forgets_on_puback --config gateway.toml

Under the same kills as the real one it must lose samples; a checker that does not notice checks nothing.
"""

import argparse
from pathlib import Path

from edge_gateway.daemon import run_gateway
from edge_gateway.settings import GatewaySettings
from edge_gateway.uplink.delivery import Delivery
from runtime import logs, process
from runtime.settings import load


def deletes_at_once(settings: GatewaySettings) -> GatewaySettings:
    """Without the day for which they stay: from kept ones the gateway heals even this mistake."""
    return settings.model_copy(update={"spool": settings.spool.model_copy(update={"keep_receipted_s": 0.0})})


class ForgetOnPuback:
    """What the gateway must not do."""

    def forgets_on_puback(self) -> bool:
        return True


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--config", type=Path, required=True)
    chosen = options.parse_args()
    logs.configure("gateway")
    settings = deletes_at_once(load(GatewaySettings, chosen.config))
    process.run(run_gateway(settings, Delivery(forget=ForgetOnPuback())))
