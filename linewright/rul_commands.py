"""The commands `linewright rul …`: learn from units that failed, tell what is left of units that run. Files only."""

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="rul",
    help="Remaining life of machines and parts, learned from those that ran to failure.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

UnitColumn = Annotated[str, typer.Option("--unit", help="Name of the column that says which unit a row is of.")]
TimeColumn = Annotated[str, typer.Option("--time", help="Name of the time column: cycles, hours, or dates.")]
ModelFile = Annotated[Path, typer.Option("--model", "-m", help="The model file.")]


@app.command()
def train(
    file: Annotated[Path, typer.Argument(help="CSV: unit, time, then numbers; every unit up to its failure.")],
    model: ModelFile,
    unit: UnitColumn = "unit",
    time: TimeColumn = "time",
) -> None:
    """Learn from units that all ran to failure; prints the model's card.

    The last row of a unit is its failure. From 3 units on; boosted trees are tried from 10 on. Columns that tell
    nothing are left out, and when none tells more than age does, the model says so.

    \b
    linewright rul train pumps-that-failed.csv --model pumps.model
    """
    import json  # noqa: PLC0415

    from anomaly.life.model_file import dump_model, load_model  # noqa: PLC0415
    from anomaly.life.training import train as train_  # noqa: PLC0415
    from linewright import rul  # noqa: PLC0415
    from linewright.progress import Progress  # noqa: PLC0415

    progress = Progress()
    with progress.step(f"read {file.name}"):
        table = rul.read(file, unit, time)
    with progress.step(f"learn from {len(table.histories)} units"), rul.about(file):
        content = dump_model(train_(table.names, table.histories).carded(rul.origin(file, table)))
    rul.write(model, content)
    print(json.dumps(load_model(content).card, indent=2, ensure_ascii=False))


@app.command()
def predict(
    file: Annotated[Path, typer.Argument(help="CSV with the columns of the training; units that still run.")],
    model: ModelFile,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The CSV to write; default: standard output.")] = None,
    picture: Annotated[Path | None, typer.Option("--picture", help="Also draw the forecasts: out.png.")] = None,
    unit: UnitColumn = "unit",
    time: TimeColumn = "time",
) -> None:
    """Tell what is left of every unit after its last row, with an interval that holds 9 of 10 truths, and why.

    Columns: unit, rul, lower, upper (in the file's unit of time; hours where times are dates), unfamiliar (1: moves as
    no unit did in training), reason. An empty rul means that nothing can be said.

    \b
    linewright rul predict pumps-today.csv --model pumps.model --out rul.csv --picture rul.png
    """
    from linewright import rul  # noqa: PLC0415

    trained = rul.load(model)
    table = rul.read(file, unit, time)
    forecasts = rul.forecasts(trained, file, table)
    text = rul.csv_of(forecasts)
    if out is None:
        sys.stdout.write(text)
    else:
        rul.write(out, text.encode())
    if picture is not None:
        from anomaly.life.picture import draw  # noqa: PLC0415

        rul.write(picture, draw(forecasts))
