"""The boards reach their targets on public data, where it is."""

from pathlib import Path

import pytest

from benchmarks.analytics import repair_texts, tep_diagnosis

DATASETS = Path(__file__).parents[4] / "shared/datasets"
needs = pytest.mark.skipif(not DATASETS.exists(), reason=f"public data sets are not at {DATASETS}")


@needs
@pytest.mark.parametrize("board", ["texts", "runs"])
def test_the_board_reaches_its_targets_and_beats_its_baselines(board):
    if board == "texts":
        lines = list(repair_texts.fmc(DATASETS / "fmc_mwo2kg"))
    else:
        lines = tep_diagnosis.test_runs(DATASETS / "tep", "test runs", None)
    assert [line.figure for line in lines if line.reached is False] == []
    aimed = [line for line in lines if line.target is not None]
    assert all(line.value >= max(line.baselines.values()) for line in aimed)
