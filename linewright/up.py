"""`linewright up`: bring everything up in one terminal, say where it is, keep it up until Ctrl-C."""

import asyncio
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

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
    """Delete a data folder; asks on a terminal, refuses without one."""
    if not data.exists():
        return
    if not (data / "postgres.lock").exists() and any(data.iterdir()):
        raise NotConfirmed(f"{data} does not look like a Linewright data folder; nothing was deleted")
    if not confirmed:
        if not sys.stdin.isatty():
            raise NotConfirmed("--reset deletes all data; add --yes to confirm where nobody can be asked")
        if input(f"Delete all data in {data.resolve()}? Type yes: ").strip() != "yes":
            raise NotConfirmed("nothing was deleted")
    shutil.rmtree(data)


async def up(wanted: Wanted) -> None:
    """Run until cancelled.

    Raises:
        LinewrightError: a port is taken, a service does not start; the text says what to do.
    """
    progress = Progress()
    progress.say("Starting Linewright (Ctrl-C ends it)")
    layout = Layout(wanted.data.resolve())
    # A simulated plant keeps its rows apart from a real plant's: it is its own installation in its own folder.
    if wanted.simulate:
        layout = Layout(layout.root / "demo")
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

