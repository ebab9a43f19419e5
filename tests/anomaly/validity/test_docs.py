"""The samples of the two pages on what comes before any judgement run as they stand."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[3] / "docs/explanation"


@pytest.mark.parametrize("page", ["sensor-faults.md", "operating-modes.md"])
def test_the_sample_runs(page):
    samples = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    assert samples
    for sample in samples:
        exec(compile(sample, page, "exec"), {})
