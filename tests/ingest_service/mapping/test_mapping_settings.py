"""A wrong mapping is told with file, line, table and field; a file of mappings can be taken in and changed."""

from pathlib import Path

import pytest

from ingest_service.mapping.settings import MappingsOnly
from runtime.settings import SettingsError, load

HEAD = '[[mapping]]\nname = "a"\ntopic = "a/{x}"\ntenant = "t"\ngateway = "{x}"\nmachine = "m"\n'
VALUES = '[[mapping.values]]\npath = "v.{key}"\n'
SHIPPED = Path(__file__).parents[3] / "deploy/mappings"


# What the file says ─► what is told, behind "in.toml:".
WRONG = {
    HEAD: "1: mapping.0.values: Field required",
    HEAD + '[[mapping.values]]\npath = "v.{key"\n': "8: mapping.0.values.0.path: Value error, no path at '.{key'",
    HEAD + '[[mapping.values]]\npath = "v"\ntag = "{a[]}"\n': "9: mapping.0.values.0.tag: Value error, [] and",
    HEAD + 'tme = "ts"\n' + VALUES: "7: mapping.0.tme: unknown setting, did you mean `time`?",
    HEAD + 'time = "ts"\n' + VALUES: "1: mapping.0: Value error, time_unit is missing: s, ms, us, ns or iso",
    HEAD + 'time_unit = "s"\n' + VALUES: "1: mapping.0: Value error, time_unit without time",
    HEAD + 'time_zone = "Mars"\n' + VALUES: "7: mapping.0.time_zone: Value error, no time zone 'Mars'",
    HEAD.replace('"{x}"', '"{y}"')
    + VALUES: "1: mapping.0: Value error, gateway may hold levels of the topic only; {y}",
    HEAD + VALUES + HEAD.replace("a/", "a/b/") + VALUES: " : Value error, two mappings have the same name",
    HEAD + VALUES + HEAD.replace('"a"', '"b"') + VALUES: " : Value error, mapping a (a/+) and mapping b (a/+) would",
    HEAD.replace("a/", "lw/1/t/+/up/")
    + VALUES: "mapping a (lw/1/t/+/up/+) and Linewright's own topics (lw/1/+/+/up/+)",
    '[[mapping_file]]\npath = "good.toml"\ngateway = "{z}"\n': "1: mapping_file.0: Value error, gateway may",
}
WRONG_FILES = {
    '[[mapping_file]]\npath = "gone.toml"\n': "gone.toml: cannot be read",
    '[[mapping_file]]\npath = "bad.toml"\n': "bad.toml:1: mapping.0.values: Field required",
}


def told(text: str, folder: Path) -> str:
    (folder / "in.toml").write_text(text)
    (folder / "bad.toml").write_text(HEAD)
    (folder / "good.toml").write_text(HEAD + VALUES)
    with pytest.raises(SettingsError) as error:
        load(MappingsOnly, folder / "in.toml", environ={})
    return str(error.value)


@pytest.mark.parametrize(("text", "wanted"), WRONG.items())
def test_what_is_wrong_is_told_where_it_stands(text: str, wanted: str, tmp_path: Path) -> None:
    assert "in.toml:" in told(text, tmp_path)
    assert wanted in told(text, tmp_path)


@pytest.mark.parametrize(("text", "wanted"), WRONG_FILES.items())
def test_what_is_wrong_in_a_file_taken_in_is_told_there(text: str, wanted: str, tmp_path: Path) -> None:
    assert wanted in told(text, tmp_path)


def test_a_shipped_mapping_is_taken_in_with_changes(tmp_path) -> None:
    file = tmp_path / "ingest.toml"
    file.write_text(
        f'[database]\ndsn = "of another process"\n{HEAD}{VALUES}'
        f'[[mapping_file]]\npath = "{SHIPPED}/neuron.toml"\ntenant = "acme"\ngateway = "n-1"\ntopic = "/neuron/hall"\n'
    )
    own, neuron = load(MappingsOnly, file, environ={}).mappings
    assert (own.name, neuron.name) == ("a", "neuron")
    assert (neuron.tenant, neuron.gateway, neuron.topic) == ("acme", "n-1", "/neuron/hall")
    assert [one.path for one in neuron.values] == ["values.{key}", "errors.{key}", "tags[]"]
    assert neuron.values[1].bad


def test_all_shipped_mappings_go_together(tmp_path) -> None:
    files = sorted(SHIPPED.glob("*.toml"))
    file = tmp_path / "ingest.toml"
    file.write_text("".join(f'[[mapping_file]]\npath = "{path}"\n' for path in files))
    assert len(load(MappingsOnly, file, environ={}).mappings) > len(files)
