"""The pages on delivery and rejects say what the program takes."""

import re
import shlex
import tomllib
from pathlib import Path

import psycopg
import pytest
import typer

from ingest_service.delivery import Refused
from ingest_service.settings import IngestSettings
from linewright.rejects_commands import app

DOCS = Path(__file__).parents[2] / "docs"
DELIVERY = (DOCS / "explanation/delivery.md").read_text(encoding="utf-8")
REJECTS = (DOCS / "how-to/rejects.md").read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


def commands() -> list[list[str]]:
    lines = "".join(blocks(REJECTS, "sh")).splitlines()
    return [shlex.split(line, comments=True)[2:] for line in lines if line.startswith("linewright rejects ")]


@pytest.mark.parametrize("arguments", commands(), ids=" ".join)
def test_the_commands_are_understood(arguments):
    name, *rest = arguments
    command = typer.main.get_command(app).commands[name]
    command.make_context(name, rest)


def test_the_settings_are_taken_and_the_defaults_are_as_told():
    (sample,) = blocks(DELIVERY, "toml")
    settings = IngestSettings.model_validate({"database": {"dsn": "postgresql:///x"}, **tomllib.loads(sample)})
    assert settings.quota.tenants["big-plant"].batches_held == 500
    plain = IngestSettings.model_validate({"database": {"dsn": "postgresql:///x"}})
    assert (plain.redelivery.window_s, plain.redelivery.hashes_most) == (3600, 4_000_000)
    assert (plain.keep.runs_days, plain.keep.batches_days, plain.keep.letters_days) == (400, 30, 90)
    assert plain.quota.each.samples_per_s == 1_000_000


def test_the_query_runs(database):
    (query,) = blocks(DELIVERY, "sql")
    with psycopg.connect(database.dsn("owner")) as connection:
        assert connection.execute(query).fetchall() == []


def test_every_reason_is_explained():
    told = set(re.findall(r"^\| `([a-z_]+)` \|", REJECTS, re.MULTILINE))
    assert told == set(Refused)
