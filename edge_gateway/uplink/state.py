"""What a gateway says of itself on `…/up/state` (retained JSON; the will is `{"online": false}`). Pure.

    {"online": true, "runs": ["…"], "revision": 123, "open_batches": 0, "set_aside": null,
     "dropped": [{"run": "…", "first_seq": 5, "last_seq": 9, "samples": 812, "first_ns": …, "last_ns": …,
                  "reason": "no_space"}]}

`dropped` lists, newest first, the ranges of batches that will never come, and it is how the cloud can show a gap as
what it is: `no_space`: the spool was full; `thinned`: it was full, `samples` of these went and the others come in a
run of their own; `damaged`: bytes on disk had changed (`last_seq` 1099511627775: all behind, however many there were).
"""

import json
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from edge_gateway.spool.rows import Dropped

OFFLINE = b'{"online": false}'


def online(
    runs: Sequence[UUID], revision: int, open_batches: int, dropped: Sequence[Dropped], set_aside: Path | None
) -> bytes:
    """The state of a running gateway."""
    return json.dumps(
        {
            "online": True,
            "runs": [str(run) for run in runs],
            "revision": revision,
            "open_batches": open_batches,
            "set_aside": set_aside.name if set_aside else None,
            "dropped": [
                {
                    "run": str(gap.run),
                    "first_seq": gap.first_seq,
                    "last_seq": gap.last_seq,
                    "samples": gap.samples,
                    "first_ns": gap.first_ns,
                    "last_ns": gap.last_ns,
                    "reason": gap.reason,
                }
                for gap in dropped
            ],
        }
    ).encode()
