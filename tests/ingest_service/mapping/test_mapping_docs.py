"""docs/how-to/foreign-json.md: its mapping makes of its message what its table shows; the rest is accepted."""

import json
import re
import tomllib
from pathlib import Path

from ingest_service.mapping.mapping import MessageMapping
from ingest_service.mapping.settings import MappingFile, MappingsOnly
from linewright.mapping_try import open_file
from protocols.topics import GatewayAddress
from protocols.wire import json_samples
from runtime.settings import load

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/how-to/foreign-json.md").read_text(encoding="utf-8")


def samples(language: str) -> list[str]:
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```", PAGE, re.MULTILINE | re.DOTALL)
    return [re.sub(f"^{indent}", "", text, flags=re.MULTILINE) for indent, text in found]


def test_the_mapping_does_what_the_table_shows(tmp_path: Path) -> None:
    file = tmp_path / "scales.toml"
    file.write_text(next(text for text in samples("toml") if "scales" in text))
    tried = open_file(file, None).message("scales/hall-3/line-1", samples("json")[0].encode())
    shown = [line.replace(".000000", "").split() for line in tried.lines if " 2026-" in line]
    table = PAGE.split("| machine | tag |")[1].split("\n\n")[0].splitlines()[2:]
    assert shown == [line.replace("|", " ").split() for line in table]
    assert tried.clean
    [mapping] = MappingFile.model_validate(tomllib.loads(file.read_text())).mapping
    levels = MessageMapping(mapping).topic.match("scales/hall-3/line-1")
    assert levels
    assert MessageMapping(mapping).address(levels) == GatewayAddress("acme", "hall-3")


def test_a_file_is_taken_in_as_shown(tmp_path: Path) -> None:
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    file = tmp_path / "ingest.toml"
    file.write_text(next(text for text in samples("toml") if "mapping_file" in text))
    [mapping] = load(MappingsOnly, file, environ={}).mappings
    assert (mapping.name, mapping.tenant, mapping.gateway) == ("neuron", "acme", "neuron-hall-3")


def test_every_shipped_file_is_listed() -> None:
    assert set(re.findall(r"^\| `([a-z-]+\.toml)`", PAGE, re.MULTILINE)) == {
        path.name for path in (ROOT / "deploy/mappings").glob("*.toml")
    }


def test_our_own_json_is_decoded_alone_and_in_a_list() -> None:
    own = json.loads(samples("json")[1])
    for message, count in ((own, 4), ([own, own | {"ts": own["ts"] + 1}], 8)):
        assert json_samples.decode(json.dumps(message).encode(), "gw-1").count == count
