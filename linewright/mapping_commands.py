"""The commands `linewright mapping …`: what they take and say; what they do is in mapping_try.py."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="mapping",
    help="Foreign JSON: see what a mapping would store, before it does.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

File = Annotated[Path, typer.Argument(help="TOML file with [[mapping]] tables: one of its own, or ingest.toml.")]


@app.callback()
def _commands() -> None:
    """Keeps `try` a sub-command though it is the only one."""


@app.command("try")
def try_(
    file: File,
    topic: Annotated[
        str | None, typer.Option(help="Topic of the message; needed where the mapping has levels.")
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(help="Listen to the broker of the file for so long instead of reading stdin.", min=0.1),
    ] = None,
    broker: Annotated[str | None, typer.Option(help="Another broker: host or host:port, no login.")] = None,
) -> None:
    """Show the samples that a message would become, and what would not be stored and why. Stores nothing.

    \b
    linewright mapping try neuron.toml --topic neuron/line-3/upload < payload.json
    linewright mapping try ingest.toml --seconds 30 --broker 10.0.0.5
    """
    from linewright import mapping_try  # noqa: PLC0415
    from runtime import logs  # noqa: PLC0415

    logs.configure("mapping", level="critical")
    tried = mapping_try.open_file(file, broker)
    if seconds is None:
        clean = mapping_try.show(tried.message(topic, sys.stdin.buffer.read()))
    else:
        clean = asyncio.run(tried.listen(seconds))
    if not clean:
        sys.exit(1)
