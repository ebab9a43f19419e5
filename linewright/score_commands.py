"""The command `linewright score`: what it takes and says; what it does is in anomaly.scoring.

FILE.csv ──read_table──► Rows ──Scorer──► Verdicts ──► scores.csv, picture
"""

from pathlib import Path
from typing import Annotated

import typer


def score(
    file: Annotated[Path, typer.Argument(help="First column time, the others numeric tags; empty = missing.")],
    train_rows: Annotated[int, typer.Option(help="So many rows from the top are normal and learned from.", min=0)],
    out: Annotated[Path | None, typer.Option(help="Where the scores go; default: the screen.")] = None,
    machine_map: Annotated[Path | None, typer.Option(help="TOML: kinds, limits and ranges of tags, modes.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Draw scores, cases and the tags behind them: out.png.")] = None,
) -> None:
    """Score an export of one machine: a row in, a row out, each by itself and the rows before it.

    \b
    linewright score pump.csv --train-rows 400 --out scores.csv
    linewright score pump.csv --train-rows 400 --machine-map pump.toml --picture pump.png > scores.csv
    """
    from anomaly.scoring.export import score_table  # noqa: PLC0415
    from anomaly.tables import read_table  # noqa: PLC0415
    from linewright.progress import Progress  # noqa: PLC0415
    from linewright.score_files import map_of, write_scores  # noqa: PLC0415

    table = read_table(file)
    if not table.names:
        raise typer.BadParameter(f"{file.name} has no column of numbers beside the time", param_hint="FILE")
    known = map_of(machine_map, table.names)
    progress = Progress()
    with progress.step(f"{len(table):,} rows of {len(table.names)} tags"):
        verdicts = score_table(table, train_rows, known)
    write_scores(out, table, verdicts)
    if picture:
        from anomaly.scoring.picture import draw  # noqa: PLC0415

        with progress.step(f"drawing {picture.name}"):
            picture.write_bytes(draw(table, verdicts, train_rows))
