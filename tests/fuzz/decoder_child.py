"""The process of one decoder; `tests.fuzz.decoders` starts it with FUZZ_DECODER, FUZZ_TOLD and libFuzzer's flags."""

import json
import os
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(
    include=[
        "tests.fuzz.decoder_targets",
        "protocols",
        "ingest_service.mapping",
        "ingest_service.rows",
        "ingest_service.copy_format",
    ]
):
    from tests.fuzz.decoder_targets import CONTROL, targets

from runtime import logs
from tests.fuzz.decoder_memory import Peak, heavy_payloads, measured

_ROUND = 1000  # executions between two looks at the memory


class Fed:
    """Counts, and writes down the most memory that was taken so far."""

    def __init__(self, name: str) -> None:
        self.target = {**targets(), CONTROL.name: CONTROL}[name]
        self.heaviest_mb = max(
            (measured(self.target.feed, make()) for make in heavy_payloads(name).values()), default=0.0
        )
        self._peak = Peak()
        self._executed = 0
        self._tell()

    def once(self, data: bytes) -> None:
        self.target.feed(data)
        self._executed += 1
        if self._executed % _ROUND == 0:
            self._peak.take()
            self._peak.reset()
            self._tell()

    def _tell(self) -> None:
        told = {"peak_mb": round(max(self.heaviest_mb, self._peak.most_mb), 1)}
        Path(os.environ["FUZZ_TOLD"]).write_text(json.dumps(told), encoding="ascii")


def main() -> None:
    logs.configure("fuzz", level="critical")
    fed = Fed(os.environ["FUZZ_DECODER"])
    for number, seed in enumerate(fed.target.seeds):
        Path(sys.argv[1], f"seed-{number}").write_bytes(seed)
    atheris.Setup([*sys.argv, f"-max_len={fed.target.bytes_most}"], fed.once)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
