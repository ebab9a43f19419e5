"""The commands `linewright rejects …`: what they take and say; what they do is in rejects.py."""

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="rejects",
    help="What ingest could not store: list it, look at it, try it again.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Config = Annotated[Path | None, typer.Option("--config", "-c", help="ingest.toml; default: LINEWRIGHT_… variables.")]
Reason = Annotated[
    str | None, typer.Option(help="Only these: bad_topic, oversized, undecodable, unstorable, conflict.")
]
Gateway = Annotated[str | None, typer.Option(help="Only of this gateway: gw-1.")]
Since = Annotated[str | None, typer.Option(help="Only newer ones: 30m, 24h, 7d, or a time.")]
Limit = Annotated[int, typer.Option(help="At most so many.", min=1, max=100_000)]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


@app.command("list")
def list_(  # noqa: PLR0913, PLR0917
    config: Config = None,
    reason: Reason = None,
    gateway: Gateway = None,
    since: Since = None,
    limit: Limit = 50,
    replayed: Annotated[bool, typer.Option("--replayed", help="Also those that are done with.")] = False,
    as_json: AsJson = False,
) -> None:
    """List dead letters: payloads that could not be stored, newest first.

    \b
    linewright rejects list -c ingest.toml --reason conflict --since 7d
    """
    from ingest_service.rejects.letters import Wanted  # noqa: PLC0415
    from linewright import rejects  # noqa: PLC0415
    from runtime import logs  # noqa: PLC0415

    logs.configure("rejects", level="error")
    wanted = Wanted(reason, gateway, rejects.since(since), limit, replayed)
    print(rejects.letters(config, wanted, as_json=as_json))


@app.command()
def samples(
    config: Config = None,
    reason: Annotated[str | None, typer.Option(help="Only these: impossible_time, unknown_alias.")] = None,
    gateway: Gateway = None,
    since: Since = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List the quarantine: single samples that were set aside while the rest of their batch was stored."""
    from ingest_service.rejects.letters import Wanted  # noqa: PLC0415
    from linewright import rejects  # noqa: PLC0415
    from runtime import logs  # noqa: PLC0415

    logs.configure("rejects", level="error")
    wanted = Wanted(reason, gateway, rejects.since(since), limit)
    print(rejects.samples(config, wanted, as_json=as_json))


@app.command()
def show(
    letter: Annotated[int, typer.Argument(help="Its number, as `list` shows it.")],
    config: Config = None,
) -> None:
    """Show a dead letter: header, what can be decoded of it today, its first bytes. Prints JSON."""
    from linewright import rejects  # noqa: PLC0415
    from runtime import logs  # noqa: PLC0415

    logs.configure("rejects", level="error")
    print(rejects.letter(config, letter))


@app.command()
def replay(  # noqa: PLR0913, PLR0917
    letters: Annotated[list[int] | None, typer.Argument(help="Their numbers, as `list` shows them.")] = None,
    config: Config = None,
    every: Annotated[bool, typer.Option("--all", help="All that the filters leave, oldest first.")] = False,
    reason: Reason = None,
    gateway: Gateway = None,
    since: Since = None,
    limit: Limit = 1000,
    as_new_run: Annotated[
        bool, typer.Option("--as-new-run", help="Store a conflict beside what has its number, in a run of its own.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would become of them.")] = False,
    as_json: AsJson = False,
) -> None:
    """Try dead letters again, as if they came now; one that is stored is never stored again. Exit 1 if some fail.

    \b
    linewright rejects replay 17 18 -c ingest.toml --dry-run
    linewright rejects replay --all --reason undecodable -c ingest.toml
    """
    from ingest_service.rejects.letters import Wanted  # noqa: PLC0415
    from linewright import rejects  # noqa: PLC0415
    from runtime import logs  # noqa: PLC0415

    if bool(letters) == every:
        raise typer.BadParameter("name some letters, or say --all", param_hint="LETTERS")
    logs.configure("rejects", level="error")
    wanted = Wanted(reason, gateway, rejects.since(since), limit) if every else None
    replayed = rejects.replay(config, letters or [], wanted, as_new_run=as_new_run, rehearsal=dry_run)
    print(rejects.told(replayed, as_json=as_json))
    if not rejects.all_done(replayed):
        sys.exit(1)
