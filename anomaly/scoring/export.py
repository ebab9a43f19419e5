"""A whole table through a Scorer, and what is said of it as lines of text. Pure.

Table ──learn, update──► Verdicts ──► time, score, alarm, case_id, kind, priority, top_columns
"""

from collections.abc import Iterator

from anomaly.records import PRIORITIES
from anomaly.rows import Rows
from anomaly.scoring.columns import joined
from anomaly.scoring.machine_map import MachineMap
from anomaly.scoring.scorer import Scorer
from anomaly.scoring.verdicts import KINDS, Verdicts
from anomaly.tables.table import Table

HEADER = ("time", "score", "alarm", "case_id", "kind", "priority", "top_columns")
_CHUNK_ROWS = 4096


def score_table(table: Table, train_rows: int, known: MachineMap | None = None) -> Verdicts:
    """Learn from the first `train_rows` rows, then say of every row what the rows up to it tell."""
    scorer = Scorer(len(table.names), known)
    rows = Rows(table.time_ns, table.values)
    said = [scorer.learn(rows.part(0, train_rows))]
    said += [scorer.update(chunk) for chunk in rows.part(train_rows).chunks(_CHUNK_ROWS)]
    return joined(said)


def lines(table: Table, verdicts: Verdicts) -> Iterator[tuple[str, ...]]:
    """A tuple of texts a row, as HEADER names them."""
    for row, time in enumerate(table.time_text):
        case, priority = int(verdicts.case[row]), int(verdicts.priority[row])
        tags = [table.names[tag] for tag in verdicts.tags[row].tolist() if tag >= 0]
        yield (
            time, f"{verdicts.score[row]:.6g}", "1" if case else "0", str(case or ""), KINDS[verdicts.kind[row]],
            PRIORITIES[priority - 1] if priority else "", ";".join(tags),
        )  # fmt: skip
