"""`python -m simulators.weeks --seed S --out DIR`: write a fleet with its truth."""

import argparse
from pathlib import Path

from simulators.weeks.files import write
from simulators.weeks.fleet import fleet


def main() -> None:
    """Write the files."""
    parser = argparse.ArgumentParser(prog="python -m simulators.weeks", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True, help="folder for a CSV a machine and truth.json")
    parser.add_argument("--weeks", type=int, default=4, help="weeks behind the one without trouble")
    parser.add_argument("--healthy", action="store_true", help="the same plant without trouble")
    wanted = parser.parse_args()
    write(fleet(wanted.seed, weeks=wanted.weeks, troubled=not wanted.healthy), wanted.out, wanted.seed)


if __name__ == "__main__":
    main()
