"""Settings: TOML plus environment → one frozen pydantic value, parsed once; an error names file, line and field.

    gateway.toml ──tomllib──► dict ──environment──► dict ──pydantic (extra = forbid)──► frozen settings

A secret never stands in the file: `LINEWRIGHT_<SECTION>__<FIELD>` in the environment sets the field, and
`LINEWRIGHT_<SECTION>__<FIELD>_FILE` names a file that holds it (systemd credentials, container secrets).
"""

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

PREFIX = "LINEWRIGHT_"


class SettingsError(Exception):
    """The configuration cannot be used; the text names file, line and field and says what to do."""


class Settings(BaseModel):
    """Base of all settings: frozen, unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


S = TypeVar("S", bound=BaseModel)


def load(model: type[S], path: Path | None, environ: Mapping[str, str] | None = None) -> S:
    """Read `path` (may be None: defaults and environment only) into `model`.

    Raises:
        SettingsError: the file is missing, is no TOML, or does not fit the model.
    """
    text = _read(path) if path else ""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: {error}") from error
    for keys, value in _from_environment(model, os.environ if environ is None else environ):
        _put(data, keys, value)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(model, error, path, text))) from error


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror}); give the path of a TOML file") from error


def _from_environment(model: type[BaseModel], environ: Mapping[str, str]) -> Iterator[tuple[list[str], str]]:
    for name, value in environ.items():
        if not name.startswith(PREFIX):
            continue
        keys = name.removeprefix(PREFIX).lower().split("__")
        if keys[0] not in model.model_fields:
            continue  # another process's setting: one environment may serve several services
        if keys[-1].endswith("_file") and not _has_field(model, keys):
            yield [*keys[:-1], keys[-1].removesuffix("_file")], _read(Path(value)).strip()
        else:
            yield keys, value


def _has_field(model: type[BaseModel], keys: list[str]) -> bool:
    inner: Any = model
    for key in keys:
        field = getattr(inner, "model_fields", {}).get(key)
        if field is None:
            return False
        inner = field.annotation
    return True


def _put(data: dict[str, Any], keys: list[str], value: str) -> None:
    for key in keys[:-1]:
        data = data.setdefault(key, {})
    data[keys[-1]] = value


def _explain(model: type[BaseModel], error: ValidationError, path: Path | None, text: str) -> Iterator[str]:
    for problem in error.errors():
        keys = [str(key) for key in problem["loc"]]
        line = _line_of(text, keys)
        where = f"{path}:{line}" if line else f"{path or 'environment'}"
        message = problem["msg"]
        if problem["type"] == "extra_forbidden":
            message = f"unknown setting{_nearest(model, keys)}"
        yield f"{where}: {'.'.join(keys)}: {message}"


def _nearest(model: type[BaseModel], keys: list[str]) -> str:
    inner: Any = model
    for key in keys[:-1]:
        field = getattr(inner, "model_fields", {}).get(key)
        inner = field.annotation if field else inner
    known = list(getattr(inner, "model_fields", {}))
    close = difflib.get_close_matches(keys[-1], known, n=1)
    return f", did you mean `{close[0]}`?" if close else f"; known here: {', '.join(known)}" if known else ""


def _line_of(text: str, keys: list[str]) -> int | None:
    """First line that sets the innermost named key, looked for below its table's heading."""
    names = [key for key in keys if not key.isdigit()]
    start = 0
    lines = text.splitlines()
    indexes = [int(key) for key in keys if key.isdigit()]
    for number, line in enumerate(lines):
        heading = re.match(r"\s*\[+\s*([\w.\-\"]+)\s*\]+", line)
        if heading and names and heading[1].replace('"', "").split(".")[0] == names[0]:
            if indexes and line.lstrip().startswith("[["):
                indexes[0] -= 1
                if indexes[0] >= 0:
                    continue
            start = number
            break
    for number in range(start, len(lines)):
        if names and re.match(rf"\s*\[*\s*([\w\-]+\.)*\"?{re.escape(names[-1])}\"?\s*[\]=]", lines[number]):
            return number + 1
    return start + 1 if names and start else None
