"""A wrong configuration names file, line and field, and says what is known there."""

from typing import Annotated, Literal

import pytest
from pydantic import Field, SecretStr

from runtime.settings import Settings, SettingsError, load
from runtime.toml_lines import line_of


class Line(Settings):
    host: str = "127.0.0.1"
    port: int = Field(1, ge=1, le=65535)
    password: SecretStr | None = None


class Hole(Settings):
    address: str
    depth_mm: float = 0


class Drill(Settings):
    kind: Literal["drill"]
    speed_rpm: int = 1
    holes: tuple[Hole, ...] = ()


class Saw(Settings):
    kind: Literal["saw"]
    teeth: int = 1
    line: Line | None = None


class Certified(Settings):
    ca_file: str = ""


class Tool(Settings):
    name: str
    line: Line = Line()
    second: Certified | None = None
    devices: tuple[Line, ...] = ()
    tools: tuple[Annotated[Drill | Saw, Field(discriminator="kind")], ...] = ()


def write(tmp_path, text):
    path = tmp_path / "tool.toml"
    path.write_text(text)
    return path


def refused(tmp_path, text, environ=None):
    with pytest.raises(SettingsError) as caught:
        load(Tool, write(tmp_path, text), environ or {})
    return str(caught.value)


def test_file_and_environment_meet_in_one_value(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    environ = {"LINEWRIGHT_LINE__PASSWORD_FILE": str(secret), "LINEWRIGHT_LINE__PORT": "7", "OTHER": "x"}
    tool = load(Tool, write(tmp_path, 'name = "a"\n[line]\nhost = "h"\n'), environ)
    assert (tool.line.host, tool.line.port) == ("h", 7)
    assert tool.line.password is not None
    assert tool.line.password.get_secret_value() == "s3cret"


def test_a_setting_that_is_a_file_is_no_secret_also_in_an_optional_section(tmp_path):
    tool = load(Tool, write(tmp_path, 'name = "a"\n[second]\n'), {"LINEWRIGHT_SECOND__CA_FILE": "/nowhere/ca.pem"})
    assert tool.second is not None
    assert tool.second.ca_file == "/nowhere/ca.pem"


def test_unknown_setting_names_line_and_the_nearest_known_one(tmp_path):
    told = refused(tmp_path, 'name = "a"\n\n[line]\nhots = "h"\n')
    assert "tool.toml:4: line.hots: unknown setting, did you mean `host`?" in told


def test_wrong_type_names_the_line_of_the_right_device(tmp_path):
    told = refused(tmp_path, 'name = "a"\n[[devices]]\nport = 1\n[[devices]]\nport = "x"\n')
    assert "tool.toml:5: devices.1.port" in told


def test_missing_setting_and_broken_toml_and_missing_file(tmp_path):
    assert "name: Field required" in refused(tmp_path, "")
    assert "tool.toml" in refused(tmp_path, "name = \n")
    with pytest.raises(SettingsError, match=r"nowhere\.toml: cannot be read"):
        load(Tool, tmp_path / "nowhere.toml", {})


def test_settings_of_another_service_in_the_environment_are_not_ours(tmp_path):
    assert load(Tool, write(tmp_path, 'name = "a"'), {"LINEWRIGHT_DATABASE__DSN": "x"}).name == "a"


def test_settings_are_frozen(tmp_path):
    tool = load(Tool, write(tmp_path, 'name = "a"'), {})
    with pytest.raises(ValueError, match="frozen"):
        tool.name = "b"


TOOLS = """\
name = "a"

[[tools]]
kind = "drill"

[[tools.holes]]
address = "1"

[[tools.holes]]
adress = "2"
address = "2"

[[tools]]
kind = "saw"
[tools.line]
host = "h"
port = 0

[[tools]]
kind = "drill"
speed = 3

[[tools.holes]]
address = "3"
quite_another = 1
"""


def test_lists_and_unions_are_walked_to_the_nearest_name_and_its_line(tmp_path):
    assert refused(tmp_path, TOOLS).splitlines() == [
        f"{tmp_path}/tool.toml:10: tools.0.holes.1.adress: unknown setting, did you mean `address`?",
        f"{tmp_path}/tool.toml:17: tools.1.line.port: Input should be greater than or equal to 1",
        f"{tmp_path}/tool.toml:21: tools.2.speed: unknown setting, did you mean `speed_rpm`?",
        f"{tmp_path}/tool.toml:25: tools.2.holes.0.quite_another: unknown setting; known here: address, depth_mm",
    ]


def test_what_is_missing_points_at_the_table_it_is_missing_from(tmp_path):
    told = refused(tmp_path, 'name = "a"\n[[tools]]\nkind = "drill"\n[[tools.holes]]\ndepth_mm = 1\n')
    assert told == f"{tmp_path}/tool.toml:4: tools.0.holes.0.address: Field required"


@pytest.mark.parametrize(
    ("text", "place", "line"),
    [
        ('a = 1\n[ "b c" . d ]\ne = 1\n', ("b c", "d", "e"), 3),
        ("a.b = 1\na.c = 2\n", ("a", "c"), 2),
        ("a.b = 1\na.c = 2\n", ("a", "other"), 1),
        ("[[l]]\n[l.t]\nx = 1\n[[l]]\n[l.t]\nx = 2\n", ("l", 1, "t", "x"), 6),
        ("[[l]]\nx = { y = 1 }\n", ("l", 0, "x", "y"), 2),
        ("l = [\n  { y = 1 },\n]\n", ("l", 0, "y"), 1),
        ("# [a]\n[a] # text\nb=1", ("a", "b"), 3),
        ("a = 1", ("b",), None),
    ],
)
def test_line_of_a_place(text, place, line):
    assert line_of(text, place) == line
