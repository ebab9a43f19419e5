"""The sample in the explanation runs and prints what it says."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "explanation" / "baselines-and-tails.md"


def test_the_sample_prints_what_it_says(capsys):
    code, said = re.search(r"```python\n(.*?)```\n```\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL).groups()
    exec(compile(code, str(PAGE), "exec"), {})
    assert capsys.readouterr().out == said
