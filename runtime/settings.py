"""Settings: TOML plus environment → one frozen pydantic value, parsed once; an error names file, line and field.

    gateway.toml ──tomllib──► dict ──environment──► dict ──pydantic (extra = forbid)──► frozen settings

A secret never stands in the file: `LINEWRIGHT_<SECTION>__<FIELD>` in the environment sets the field, and
`LINEWRIGHT_<SECTION>__<FIELD>_FILE` names a file that holds it (systemd credentials, container secrets).
"""

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError, ValidationInfo
from pydantic_core import ErrorDetails

from runtime.field_path import follow
from runtime.toml_lines import line_of

PREFIX = "LINEWRIGHT_"
_FOLDER = "folder"


class SettingsError(Exception):
    """The configuration cannot be used; the text names file, line and field and says what to do."""


class Settings(BaseModel):
    """Base of all settings: frozen, unknown keys are errors."""

    # A wrong value may be a secret that was put into the wrong place: no error text repeats it.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


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
    for secret in _secrets_in(model, data):
        raise SettingsError(_misplaced(path, text, secret))
    for keys, value in _from_environment(model, os.environ if environ is None else environ):
        _put(data, keys, value)
    try:
        return model.model_validate(data, context={_FOLDER: path.parent if path else Path()})
    except ValidationError as error:
        raise SettingsError(_explain(model, error, path, text)) from error


def folder_of(info: ValidationInfo) -> Path:
    """For a validator: the folder of the TOML file, which paths inside it are relative to."""
    folder: Path = (info.context or {}).get(_FOLDER, Path())
    return folder


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
    kinds: tuple[Any, ...] = (model,)
    for key in keys:
        fields = [field for kind in kinds if (field := getattr(kind, "model_fields", {}).get(key))]
        if not fields:
            return False
        kinds = tuple(kind for field in fields for kind in (field.annotation, *get_args(field.annotation)))
    return True


def _secrets_in(model: type[BaseModel], data: Mapping[str, Any]) -> Iterator[list[str]]:
    """Fields of the file that hold a secret."""
    for name, field in model.model_fields.items():
        kinds = get_args(field.annotation) or (field.annotation,)
        if name in data and SecretStr in kinds:
            yield [name]
        for kind in kinds:
            if isinstance(kind, type) and issubclass(kind, BaseModel) and isinstance(data.get(name), dict):
                yield from ([name, *keys] for keys in _secrets_in(kind, data[name]))


def _misplaced(path: Path | None, text: str, keys: list[str]) -> str:
    variable = PREFIX + "__".join(keys).upper()
    return (
        f"{path}:{line_of(text, keys)}: {'.'.join(keys)}: a secret does not stand in this file; set {variable}, or"
        f" {variable}_FILE to a file that holds it"
    )


def _put(data: dict[str, Any], keys: list[str], value: str) -> None:
    for key in keys[:-1]:
        data = data.setdefault(key, {})
    data[keys[-1]] = value


def _explain(model: type[BaseModel], error: ValidationError, path: Path | None, text: str) -> str:
    """One line a problem, in the order in which they stand in the file."""
    told = []
    for problem in _causes(error.errors()):
        found = follow(model, problem["loc"])
        line = line_of(text, found.keys)
        where = f"{path}:{line}" if line else f"{path or 'environment'}"
        message = problem["msg"]
        if problem["type"] == "extra_forbidden":
            message = f"unknown setting{_nearest(str(found.keys[-1]), found.known)}"
        told.append((line or 0, f"{where}: {'.'.join(map(str, found.keys))}: {message}"))
    return "\n".join(text for _, text in sorted(told, key=lambda one: one[0]))


def _causes(problems: list[ErrorDetails]) -> Iterator[ErrorDetails]:
    """Without what follows from another: a list whose only item is wrong is told to be empty, too."""
    places = [problem["loc"] for problem in problems]
    for problem in problems:
        loc = problem["loc"]
        if problem["type"] != "too_short" or not any(len(loc) < len(at) and at[: len(loc)] == loc for at in places):
            yield problem


def _nearest(key: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    return f", did you mean `{close[0]}`?" if close else f"; known here: {', '.join(known)}" if known else ""
