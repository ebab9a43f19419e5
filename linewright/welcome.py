"""What a person sees when everything is up: the address, the logins, a QR code for the phone."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import segno


@dataclass(frozen=True, slots=True)
class Login:
    """A login made at first start; its password is shown once and stored as a hash only."""

    name: str
    password: str
    role: str


def welcome(url: str, logins: Sequence[Login], scan_url: str, notes: Sequence[str]) -> str:
    """The text, with the QR code of `scan_url` drawn in half blocks."""
    drawn = io.StringIO()
    segno.make(scan_url, error="m").terminal(drawn, compact=True, border=2)
    lines = ["", f"  Linewright is running:  {url}", ""]
    if logins:
        lines.append("  Logins (shown once, write them down):")
        lines += [f"    {login.name:<14} {login.password:<20} {login.role}" for login in logins]
        lines.append("")
    lines += [f"  Scan a machine's label, or open {scan_url}", drawn.getvalue()]
    lines += [f"  {note}" for note in notes]
    return "\n".join(lines)
