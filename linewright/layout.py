"""Where things lie inside a data folder; the only place that knows these names."""

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
    def simulated(self) -> Path:
        """Everything that only a simulated plant leaves behind."""
        return self.root / "simulated"

    @property
    def tls(self) -> Path:
        return self.root / "tls"

    def make(self) -> None:
        for folder in (self.root, self.logs, self.gateways, self.spools, self.broker, self.connections.parent):
            folder.mkdir(parents=True, exist_ok=True)
        self.root.chmod(0o700)
        self.connections.parent.chmod(0o700)
