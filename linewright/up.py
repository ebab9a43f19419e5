"""`linewright up`: bring everything up in one terminal, say where it is, keep it up until Ctrl-C."""

import asyncio
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from database.embedded import delete_database
from linewright import LinewrightError
from linewright.layout import Layout
from linewright.progress import Progress
from linewright.site import Plan, open_site
from linewright.welcome import welcome
from simulators.plant import DEMO


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the person asked for on the command line."""

    data: Path
    simulate: bool
    plant: Path | None
    lan: bool
    port: int


class NotConfirmed(LinewrightError):
    """Deleting data needs a yes."""


def reset(data: Path, *, confirmed: bool) -> None:
    """Delete a data folder; asks on a terminal, refuses without one.

    Raises:
        NotConfirmed: nobody said yes, or the folder is not one of ours.
        DatabaseError: it is in use.
    """
    if not data.exists():
        return
    layout = Layout(data.resolve())
    if not layout.connections.parent.exists() and any(data.iterdir()):
        raise NotConfirmed(f"{data} does not look like a Linewright data folder; nothing was deleted")
    if not confirmed:
        if not sys.stdin.isatty():
            raise NotConfirmed("--reset deletes all data; add --yes to confirm where nobody can be asked")
        if input(f"Delete all data in {layout.root}? Type yes: ").strip() != "yes":
            raise NotConfirmed("nothing was deleted")
    delete(layout)


def delete(layout: Layout) -> None:
    """Delete an installation that is not running."""
    delete_database(layout.postgres)
    shutil.rmtree(layout.root, ignore_errors=True)


async def up(wanted: Wanted) -> None:
    """Run until cancelled.

    Raises:
        LinewrightError: a port is taken, a service does not start; the text says what to do.
    """
    progress = Progress()
    progress.say("Starting Linewright (Ctrl-C ends it)")
    layout = Layout(wanted.data.resolve())
    if wanted.simulate:
        # A simulated plant is an installation of its own, apart from a real plant's rows, and begins anew each time.
        layout = Layout(wanted.data.resolve().with_name(f"{wanted.data.name}-demo"))
        delete(layout)
    plan = Plan(layout, wanted.plant or DEMO if wanted.simulate else None, wanted.port, wanted.lan)
    async with open_site(plan, progress) as site:
        notes = [
            f"Logs: {layout.logs}",
            "Everything is kept. Ctrl-C stops; `linewright up --reset` deletes." if not wanted.simulate else
            "The simulated pump's bearing begins to fail in a moment; watch Orders. Ctrl-C ends everything.",
        ]
        print(welcome(site.url, site.logins, site.scan_url, notes), flush=True)
        try:
            await asyncio.Event().wait()
        finally:
            progress.say("Stopping")

