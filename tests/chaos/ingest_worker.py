"""An ingest process that dies in the middle: with some chance, after it has written a group and before its COMMIT.

    python -m tests.chaos.ingest_worker --crash-share 0.05 --seed 7        settings from LINEWRIGHT_… as usual

`--without-ledger` is a negative control: it stores whatever comes, as often as it comes.
"""

import argparse
import os
import random
import signal
from collections.abc import Sequence

from ingest_service import committer, writer
from ingest_service.ledger import Verdict
from ingest_service.outcome import Outcome
from ingest_service.settings import IngestSettings
from ingest_service.worker import run_ingest
from runtime import logs, process
from runtime.settings import load


def crash_before_commit(share: float, chance: random.Random) -> None:
    """From now on a transaction is the last one of this process with this chance."""
    write = committer.write

    async def write_and_die(*arguments, **more) -> Outcome:
        outcome = await write(*arguments, **more)
        if chance.random() < share:
            os.kill(os.getpid(), signal.SIGKILL)
        return outcome

    committer.write = write_and_die


def forget_the_ledger() -> None:
    """What ingest must not do."""

    async def remember_nothing(*_) -> None:
        """Or the database would refuse the second row of a batch."""

    def store_all(deliveries: Sequence, *_) -> list[Verdict]:
        return [Verdict.STORE] * len(deliveries)

    writer.judge = store_all
    writer._add_batches = remember_nothing


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--crash-share", type=float, default=0.0)
    options.add_argument("--seed", type=int, default=7)
    options.add_argument("--without-ledger", action="store_true")
    chosen = options.parse_args()
    logs.configure("ingest")
    if chosen.without_ledger:
        forget_the_ledger()
    # The process id too: a worker that starts again must not die at the same place for ever.
    crash_before_commit(chosen.crash_share, random.Random(f"{chosen.seed} {os.getpid()}"))
    process.run(run_ingest(load(IngestSettings, None)))
