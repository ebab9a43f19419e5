"""The commands `linewright points …`: what they take and say; what they do is in points.py."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="points",
    help="Tags in CSV, Excel or TOML files: check, convert, begin, import. In gateway.toml: points = 'pump.csv'.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Protocol = Annotated[str | None, typer.Option(help="modbus or opcua; default: what the columns look like.")]
Force = Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help=".csv, .xlsx or .toml; default: the screen.")]


@app.command()
def check(
    file: Annotated[str, typer.Argument(help="pump.csv, plant.xlsx, 'plant.xlsx#Pump 1', or a template.")],
    protocol: Protocol = None,
) -> None:
    """Check a point table; every error is told with file, row and column.

    \b
    linewright points check pump.csv
    linewright points check 'plant.xlsx#Pump 1' --protocol opcua
    """
    from linewright.points import check as check_  # noqa: PLC0415

    print(check_(file, protocol))


@app.command()
def convert(
    source: Annotated[str, typer.Argument(help="The table there is.")],
    target: Annotated[Path, typer.Argument(help="The file to write: .csv, .xlsx or .toml.")],
    force: Force = False,
) -> None:
    """Write a point table in another format. Comment lines are not kept; the column `note` is.

    \b
    linewright points convert pump.csv pump.xlsx
    linewright points convert 'plant.xlsx#Pump 1' pump.toml
    """
    from linewright.points import convert as convert_  # noqa: PLC0415

    print(convert_(source, target, force=force))


@app.command()
def example(protocol: Annotated[str, typer.Option(help="modbus or opcua.")] = "modbus") -> None:
    """Print a point table to begin with.

    \b
    linewright points example --protocol modbus > points.csv
    """
    from linewright.points import example as example_  # noqa: PLC0415

    print(example_(protocol), end="")


@app.command()
def templates() -> None:
    """List the templates that come with Linewright. In gateway.toml: template = 'sunspec-meter-3ph'."""
    from linewright.points import templates as templates_  # noqa: PLC0415

    print("\n".join(templates_()))


@app.command()
def sunspec(  # noqa: PLR0913, PLR0917
    model: Annotated[Path | None, typer.Argument(help="A file of github.com/sunspec/models: model_103.json.")] = None,
    device: Annotated[str | None, typer.Option("--from", help="Ask a device: modbus://host:502/UNIT.")] = None,
    models: Annotated[Path | None, typer.Option(help="Folder with model_*.json, for --from.")] = None,
    base: Annotated[int | None, typer.Option(help="Address of the model's id, 0-based; default: 40070.", min=0)] = None,
    repeat: Annotated[int, typer.Option(help="Instances of groups whose number only the device knows.", min=1)] = 1,
    output: Output = None,
    force: Force = False,
) -> None:
    """Make a point table of a SunSpec model, or of all models that a device has.

    \b
    linewright points sunspec model_103.json -o inverter.csv
    linewright points sunspec model_160.json --base 40122 --repeat 3
    linewright points sunspec --from modbus://192.0.2.7:502/1 --models ./json -o inverter.csv
    """
    from linewright import points  # noqa: PLC0415

    points.put(points.sunspec(points.Wanted(model, device, models, base, repeat)), output, force=force)
