"""A wrong configuration names file, line and field, and says what is known there."""

import pytest
from pydantic import Field, SecretStr

from runtime.settings import Settings, SettingsError, load


class Line(Settings):
    host: str = "127.0.0.1"
    port: int = Field(1, ge=1, le=65535)
    password: SecretStr | None = None


class Tool(Settings):
    name: str
    line: Line = Line()
    devices: tuple[Line, ...] = ()


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
