"""docs/how-to/sparkplug.md: its configurations are understood, its rights are those that the host needs."""

import re
import tomllib
from pathlib import Path

import pytest
from paho.mqtt.client import topic_matches_sub
from prometheus_client import Counter, Gauge
from pydantic import ValidationError

from ingest_service.sparkplug import metrics
from ingest_service.sparkplug.host import Host
from ingest_service.sparkplug.reader import SparkplugReader
from ingest_service.sparkplug.settings import SparkplugSettings
from protocols.sparkplug.topics import EdgeNode, Verb, state_topic
from runtime.clock import ManualClock

PAGE = Path("docs/how-to/sparkplug.md").read_text(encoding="utf-8")
CONFIGURATIONS = re.findall(r"```toml\n(.+?)```", PAGE, re.DOTALL)
NODE = EdgeNode("Plant 1", "Line 3")


@pytest.mark.parametrize("text", CONFIGURATIONS)
def test_configurations_are_understood(text: str) -> None:
    assert SparkplugSettings.model_validate(tomllib.loads(text)["sparkplug"]).host_id == "linewright"


def test_the_page_shows_configurations() -> None:
    assert len(CONFIGURATIONS) == 2


@pytest.mark.parametrize(
    ("kind", "topic"),
    [
        ("write", state_topic("linewright")),
        ("read", state_topic("linewright")),
        ("write", NODE.topic(Verb.NCMD)),
        ("write", NODE.topic(Verb.DCMD, "Press 7")),
        ("read", NODE.topic(Verb.NBIRTH)),
        ("read", NODE.topic(Verb.DDATA, "Press 7")),
    ],
)
def test_the_rights_cover_what_the_host_does(kind: str, topic: str) -> None:
    rights = re.findall(r"^topic (read|write|readwrite) (.+)$", PAGE, re.MULTILINE)
    assert any(kind in right and topic_matches_sub(pattern, topic) for right, pattern in rights)


def test_the_rights_do_not_let_the_host_speak_for_a_node() -> None:
    rights = re.findall(r"^topic (?:write|readwrite) (.+)$", PAGE, re.MULTILINE)
    assert not any(topic_matches_sub(pattern, NODE.topic(Verb.NBIRTH)) for pattern in rights)


def test_the_metrics_it_names_are_there() -> None:
    named = {name.removesuffix("_total") for name in re.findall(r"linewright_sparkplug_\w+", PAGE)}
    there = {one.describe()[0].name for one in vars(metrics).values() if isinstance(one, Counter | Gauge)}
    assert named <= there


@pytest.mark.parametrize(
    "wrong",
    [{"host_id": "a/b"}, {"host_id": ""}, {"groups": {"a+b": "acme"}}, {"groups": {"Plant": "Not A Tenant"}}],
)
def test_a_name_that_fits_no_topic_is_told_at_once(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="id"):
        SparkplugSettings.model_validate(wrong)


def test_what_is_subscribed_to_follows_the_groups() -> None:
    def filters(**groups: str) -> list[str]:
        return list(SparkplugReader(Host(SparkplugSettings(groups=groups), ManualClock()), list(groups)).own)

    assert filters() == ["spBv1.0/#"]
    assert filters(a="t", b="t") == ["spBv1.0/a/#", "spBv1.0/b/#"]
