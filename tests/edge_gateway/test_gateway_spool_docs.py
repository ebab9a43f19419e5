"""docs/how-to/size-the-spool.md: its samples are accepted, and its state is what a gateway publishes."""

import json
import re
from pathlib import Path
from uuid import UUID

from edge_gateway.catalog import number
from edge_gateway.keep import Keep, classes
from edge_gateway.settings import GatewaySettings, SpoolSettings
from edge_gateway.spool.rows import SEQ_END, Dropped
from edge_gateway.uplink import state
from runtime.settings import load

PAGE = (Path(__file__).parents[2] / "docs/how-to/size-the-spool.md").read_text(encoding="utf-8")
HEAD = """
tenant = "demo"
gateway = "gw-1"
"""
DEVICE = """
[[devices]]
name = "press-1"
protocol = "modbus"
modbus = { host = "127.0.0.1" }
"""


def test_the_samples_of_the_page_are_one_file_that_is_accepted(tmp_path):
    spool, tags = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    path = tmp_path / "gateway.toml"
    path.write_text(HEAD + spool + DEVICE + tags)
    settings = load(GatewaySettings, path, {})
    usual = SpoolSettings()
    assert (settings.spool.max_bytes, settings.spool.policy) == (usual.max_bytes, usual.policy)
    assert settings.spool.keep_receipted_s == usual.keep_receipted_s
    worth = classes(number(settings.devices, settings.derived).catalog, settings.tags)
    assert worth.present == (Keep.HIGH, Keep.LOW)


def test_the_state_on_the_page_is_what_is_published():
    (sample,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    shown = json.loads(sample)
    (gap,) = shown["dropped"]
    dropped = Dropped(UUID(gap["run"]), *(value for name, value in gap.items() if name != "run"))
    runs = [UUID(run) for run in shown["runs"]]
    told = state.online(runs, shown["revision"], shown["open_batches"], [dropped], None)
    assert json.loads(told) == shown
    assert str(SEQ_END) in PAGE
