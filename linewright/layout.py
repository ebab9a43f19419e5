"""Where things lie inside a data folder; the only place that knows these names."""

import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders and files below one data folder."""

    root: Path

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def connections(self) -> Path:
        """DSN of each role of the embedded database, JSON, readable by its owner only."""
        return self.root / "secrets" / "connections.json"

    @property
    def broker(self) -> Path:
        return self.root / "broker"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def gateways(self) -> Path:
        """One TOML file a gateway that runs on this box."""
        return self.root / "gateways"

    @property
    def spools(self) -> Path:
        return self.root / "spools"

    @property
    def truth(self) -> Path:
        """What a simulated plant handed out, JSON lines."""
        return self.root / "truth.jsonl"

    @property
    def tls(self) -> Path:
        return self.root / "tls"

    def passwords(self, roles: Iterable[str]) -> dict[str, str]:
        """A password for each login role of a server that is not ours, made once."""
        kept = self.connections.with_name("passwords.json")
        known: dict[str, str] = json.loads(kept.read_text()) if kept.exists() else {}
        known |= {role: secrets.token_urlsafe(24) for role in roles if role not in known}
        kept.touch(mode=0o600)
        kept.write_text(json.dumps(known))
        return known

    def make(self) -> None:
        """Make the folders. Others may pass through the outermost (the database runs as another account), not look."""
        self.root.mkdir(parents=True, exist_ok=True)
        self.root.chmod(0o711)
        for folder in (self.logs, self.gateways, self.spools, self.broker, self.connections.parent):
            folder.mkdir(exist_ok=True)
            folder.chmod(0o700)
