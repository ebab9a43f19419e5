"""The command `linewright diagnose`: what it takes and says; what it does is in diagnose.py."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(rich_markup_mode=None)


@app.command()
def diagnose(
    file: Annotated[Path, typer.Argument(help="CSV: first column time, the others numeric tags.")],
    train_rows: Annotated[int, typer.Option("--train-rows", help="So many rows at the top are normal.", min=1)],
    history: Annotated[
        Path | None, typer.Option(help="Known faults: CSV with the columns episode, label, time and the same tags.")
    ] = None,
    machine_class: Annotated[
        str | None,
        typer.Option(help="compressor, pump, fan, motor, gearbox, spindle or moulding_press: ask the table, too."),
    ] = None,
    picture: Annotated[Path | None, typer.Option(help="Draw the tags that speak for the likeliest: out.png.")] = None,
) -> None:
    """Say which known fault a file shows, behind its first rows, or that it is unknown. Prints JSON.

    \b
    linewright diagnose today.csv --train-rows 500 --history known-faults.csv --picture why.png
    linewright diagnose pump-7.csv --train-rows 2000 --machine-class pump
    """
    from linewright.diagnose import diagnose as diagnose_  # noqa: PLC0415
    from runtime import logs  # noqa: PLC0415

    logs.configure("diagnose", level="error")
    print(diagnose_(file, train_rows, history, machine_class, picture))
