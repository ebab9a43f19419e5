"""What the pages about running a gateway promise is so: samples load, errors read as written, links lead somewhere."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge_gateway.settings import GatewaySettings
from linewright.cli import app
from runtime.settings import SettingsError, load

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
RUN = (DOCS / "how-to/run-a-gateway.md").read_text()
UNIT = (ROOT / "deploy/systemd/linewright-gateway.service").read_text()
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#([^)\s]+))?\)")
_SAMPLE = re.compile(r"<!-- sample: (\S+) -->\n```\w+\n(.*?)```", re.DOTALL)
PAGES = sorted(DOCS.rglob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    missing = []
    for target, anchor in _LINK.findall(text):
        if "://" in target or target.startswith("mailto:"):
            continue
        path = page.parent / target
        if not path.exists() or (anchor and anchor not in _anchors(path)):
            missing.append(f"{target}#{anchor}")
    assert not missing


def _anchors(page):
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_index_names_every_page_that_helps():
    index = (DOCS / "README.md").read_text()
    listed = {target for target, _ in _LINK.findall(index)}
    pages = {
        f"{path.parent.name}/{path.name}" for folder in ("how-to", "reference") for path in (DOCS / folder).glob("*.md")
    }
    assert not pages - listed


def test_the_sample_configuration_loads(tmp_path):
    ((name, text),) = _SAMPLE.findall(RUN)
    path = tmp_path / name
    path.write_text(text)
    settings = load(GatewaySettings, path, {})
    assert settings.devices[0].endpoint.startswith("modbus:///dev/serial/by-id/")


def test_every_secret_of_the_page_is_handed_over_by_the_unit():
    table = RUN[RUN.index("| file (mode") : RUN.index("```sh\nsudo install")]
    files = re.findall(r"^\| `([a-z-]+)`", table, re.MULTILINE)
    assert files
    assert all(f"LoadCredential={name}:/etc/linewright/{name}\n" in UNIT for name in files)


def test_an_unknown_setting_is_told_as_the_page_says(tmp_path):
    page = (DOCS / "how-to/troubleshoot.md").read_text()
    promised = re.search(
        r"gateway\.toml:(\d+): (devices\.0\.modbus\.hots: unknown setting, did you mean `host`\?)", page
    )
    assert promised
    path = tmp_path / "gateway.toml"
    head = ['tenant = "a"', 'gateway = "g"', *["# nothing"] * (int(promised[1]) - 7)]
    device = ["[[devices]]", 'name = "d"', 'protocol = "modbus"', "[devices.modbus]", 'hots = "h"']
    path.write_text("\n".join([*head, *device, "[[devices.tags]]", 'tag = "t"', 'address = "holding:0"', ""]))
    with pytest.raises(SettingsError) as caught:
        load(GatewaySettings, path, {})
    assert f"gateway.toml:{promised[1]}: {promised[2]}" in str(caught.value)


@pytest.mark.parametrize("page", ["run-a-gateway.md", "troubleshoot.md", "install.md"])
def test_every_command_on_the_page_exists_with_its_options(page):
    text = (DOCS / "how-to" / page).read_text()
    commands = set(re.findall(r"\blinewright ((?:gateway|doctor|probe|points|opcua)\b[^\n`#|]*)", text))
    assert commands or page == "install.md"
    for command in commands:
        name, *arguments = shlex.split(command)
        options = [one for one in arguments if one.startswith("-")]
        told = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "200", "TERM": "dumb"}).output
        assert "Usage" in told or "usage" in told, command
        assert not [option for option in options if option not in told], command
