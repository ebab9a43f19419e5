"""The truth file: complete lines, appended, kept whatever happens to its writer."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from simulators.faults import Fault, Phase
from simulators.truth import TruthFile, TruthValue, read_lines, read_values


def test_every_kind_of_line_is_as_agreed(tmp_path):
    path = tmp_path / "truth.jsonl"
    with TruthFile(path) as truth:
        truth.started("pump-1")
        truth.handed("pump-1", 123, [("flow", 1.5), ("running", True), ("alarm_code", 7), ("state", 'é "x"')])
        truth.handed("pump-1", 124, [])
        truth.fault("pump-1", Fault.BEARING_WEAR, Phase.ONSET)
        truth.stopped("pump-1")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["start", "value", "value", "value", "value", "fault", "stop"]
    assert lines[1] == {"kind": "value", "machine": "pump-1", "tag": "flow", "t_ns": 123, "value": 1.5}
    assert [line["value"] for line in lines[2:5]] == [True, 7, 'é "x"']
    assert lines[5].items() >= {"machine": "pump-1", "fault": "bearing_wear", "phase": "onset"}.items()
    assert all(isinstance(line["t_ns"], int) for line in lines)
    assert read_values(path)[0] == TruthValue("pump-1", "flow", 123, 1.5)


def test_floats_come_back_to_the_last_bit(tmp_path):
    values = [0.1 + 0.2, 1e-308, 695 * 0.01, float("nan")]
    with TruthFile(tmp_path / "truth.jsonl") as truth:
        truth.handed("m", 1, [(f"t{n}", value) for n, value in enumerate(values)])
    back = [value.value for value in read_values(tmp_path / "truth.jsonl")]
    assert back[:3] == values[:3]
    assert back[3] != back[3]


def test_a_second_run_appends_and_a_torn_last_line_is_left_out(tmp_path):
    path = tmp_path / "truth.jsonl"
    for time_ns in (1, 2):
        with TruthFile(path) as truth:
            truth.handed("m", time_ns, [("t", 1.0)])
    with path.open("a") as file:
        file.write('{"kind":"value","machine":"m"')
    assert [line["t_ns"] for line in read_lines(path)] == [1, 2]


WRITER = """
import itertools, sys
from pathlib import Path
from simulators.truth import TruthFile
with TruthFile(Path(sys.argv[1])) as truth:
    for n in itertools.count():
        truth.handed("m", n, [("a", n), ("b", n)])
        print(n, flush=True)
"""


def test_a_killed_simulator_has_told_everything_it_handed_out(tmp_path):
    path = tmp_path / "truth.jsonl"
    root = Path(__file__).parents[2]
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(root)}
    )
    try:
        for _ in range(200):
            last = int(writer.stdout.readline())
        time.sleep(0.01)
    finally:
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read().split()
        writer.wait(10)
        writer.stdout.close()
    last = int(rest[-1]) if rest else last
    told = read_values(path)
    assert [value.time_ns for value in told if value.tag == "b"][: last + 1] == list(range(last + 1))
    assert len(told) // 2 - (last + 1) <= 1  # at most one was told and not handed out any more
