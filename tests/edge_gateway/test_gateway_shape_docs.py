"""docs/how-to/shape-data.md: its samples together are one gateway.toml that is accepted and does what the page says."""

import re
from pathlib import Path

from edge_gateway.catalog import number
from edge_gateway.settings import GatewaySettings
from edge_gateway.shaping.formulas import CALLS
from runtime.settings import load

PAGE = (Path(__file__).parents[2] / "docs/how-to/shape-data.md").read_text(encoding="utf-8")
HEAD = """
tenant = "demo"
gateway = "gw-1"

[[devices]]
name = "pump-1"
protocol = "modbus"
modbus = { host = "127.0.0.1" }
tags = [
  { tag = "inlet", address = "holding:0", type = "float32" },
  { tag = "outlet", address = "holding:2", type = "float32" },
  { tag = "energy", address = "holding:4", type = "uint32" },
]

[[devices]]
name = "press-1"
protocol = "modbus"
modbus = { host = "127.0.0.1" }
"""


def test_the_samples_of_the_page_are_one_file_that_is_accepted(tmp_path):
    samples = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert len(samples) == 5
    path = tmp_path / "gateway.toml"
    path.write_text(HEAD + "\n".join(samples))
    settings = load(GatewaySettings, path, {})
    told = {(tag.machine, tag.tag): tag.kind for tag in number(settings.devices, settings.derived).catalog.tags}
    assert {tag for _, tag in told if tag.startswith("vibration")} == {
        f"vibration-{statistic}" for statistic in ("min", "max", "mean", "count", "last")
    }
    assert told["press-1", "overload"] == "bool"
    assert told["pump-1", "power"] == told["press-1", "pressure_drop"] == "float"
    level = next(tag for tag in settings.devices[1].tags if tag.tag == "level")
    assert level.least_move == 2.5


def test_the_page_names_every_function():
    numbers = re.search(r"\| numbers \|.*", PAGE)[0]
    assert [name for name in CALLS if not re.search(rf"\b{name}\b", numbers)] == []
