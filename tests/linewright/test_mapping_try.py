"""`linewright mapping try`: what a person sees of a message on stdin, and of those on a broker."""

import asyncio
import subprocess
import sys
from pathlib import Path

import aiomqtt
import pytest

from linewright import mapping_try

ROOT = Path(__file__).parents[2]
NEURON = ROOT / "deploy/mappings/neuron.toml"
PAYLOAD = (ROOT / "tests/cases/mapping/neuron_values_format/payload.json").read_bytes()


def run(*options: str, payload: bytes = PAYLOAD) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "linewright", "mapping", "try", str(NEURON), *options]
    return subprocess.run(command, check=False, input=payload, capture_output=True, timeout=60, cwd=ROOT)


def test_the_table_and_what_is_not_stored() -> None:
    done = run("--topic", "neuron/line-3/upload")
    lines = [line.split() for line in done.stdout.decode().splitlines()]
    assert ["modbus", "grp.speed", "2022-04-15", "07:06:28.943000", "1480.5", "GOOD"] in lines
    assert ["modbus", "grp.tag1", "2022-04-15", "07:06:28.943000", "BAD", "device_reported"] in lines
    assert "grp.window: no_value, a list" in done.stdout.decode()
    assert done.returncode == 1


def test_without_a_topic_it_says_which_there_are() -> None:
    done = run()
    assert done.returncode == 2
    assert b"say which topic with --topic; the mappings take neuron/+/upload" in done.stderr


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        (b"{", "refused as a whole, a dead letter: no json: EOF"),
        (b'{"node": "n", "group": "g", "timestamp": 1650006388, "values": {"a": 1}}', "is time_unit right?"),
    ],
)
def test_what_goes_wrong_is_told(payload: bytes, told: str) -> None:
    tried = mapping_try.open_file(NEURON, None).message("neuron/x/upload", payload)
    assert told in "\n".join(tried.lines)
    assert not tried.clean


async def test_messages_of_a_broker_are_shown_until_the_time_is_over(broker, capsys) -> None:
    trial = mapping_try.open_file(NEURON, f"{broker.host}:{broker.port}")
    async with aiomqtt.Client(broker.host, broker.port) as client:
        await client.publish(
            "neuron/line-3/upload", b'{"node": "n", "group": "g", "timestamp": 1, "values": {}}', retain=True
        )
        assert await asyncio.wait_for(trial.listen(1.0), 20)
    assert "gateway line-3 of tenant demo" in capsys.readouterr().out


async def test_a_broker_that_is_not_there_is_told(free_port) -> None:
    with pytest.raises(mapping_try.CannotTry, match="check \\[broker\\] or --broker"):
        await mapping_try.open_file(NEURON, f"127.0.0.1:{free_port()}").listen(1.0)
