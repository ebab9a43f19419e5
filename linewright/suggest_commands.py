"""The command `linewright suggest`: what it takes and says; what it does is in suggest.py."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(rich_markup_mode=None)


@app.command()
def suggest(
    text: Annotated[
        str | None, typer.Argument(help='What was reported: "pump leaking at the shaft", "泵轴封漏水".')
    ] = None,
    history: Annotated[
        Path | None, typer.Option(help="Closed orders, CSV with the columns time, machine, text, label.")
    ] = None,
    file: Annotated[Path | None, typer.Option(help="Many texts: one a line, or CSV with a column text.")] = None,
    machine_class: Annotated[
        str | None,
        typer.Option(help="compressor, pump, fan, motor, gearbox, spindle or moulding_press: ask the table, too."),
    ] = None,
) -> None:
    """Say what a fault report most likely means, from similar closed orders. Prints JSON, one line a text.

    \b
    linewright suggest "seal leaking again" --history orders.csv
    linewright suggest --file reports.txt --history orders.csv > answers.jsonl
    linewright suggest "排气温度高，散热器脏" --machine-class compressor
    """
    from linewright.suggest import NothingToAsk, texts_of  # noqa: PLC0415
    from linewright.suggest import suggest as suggest_  # noqa: PLC0415
    from runtime import logs  # noqa: PLC0415

    logs.configure("suggest", level="error")
    if (text is None) == (file is None):
        raise NothingToAsk('give one text, linewright suggest "pump leaking" …, or many with --file TEXTS')
    for line in suggest_(texts_of(file) if file else [text or ""], history, machine_class):
        print(line)
