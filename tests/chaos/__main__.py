"""Everything that breaks, on purpose and by a seeded schedule, and an account of every sample after each.

    python -m tests.chaos --seed 7 [--part NAME …] [--short]

    PARTS ──► python -m <module> <arguments> --seed N ──last line: one JSON object──► benchmarks/results/chaos.jsonl

Exit 0 only when every part is clean: 0 lost, 0 duplicated, every conflict flagged. docs/how-to/chaos.md says how to
read the result.
"""

from benchmarks.figures import RESULTS
from tests import parts
from tests.parts import Part

PARTS = (
    Part("kills", "4", "tests.chaos.killing", "--kills 40", "--kills 1 --apart 0.5 2", 20),
    Part("receipts", "8", "tests.chaos.receipts", "--batches 5000", "--batches 200", 5),
    Part("workers", "10", "tests.chaos.workers", "--workers 8 --batches 4000", "--workers 3 --batches 150", 6),
    Part("restore", "19", "tests.chaos.restore", "--rounds 20", "--rounds 1", 12),
    Part("images", "9", "tests.chaos.images", "--rounds 20", "--rounds 1", 5),
    Part("poison", "12", "tests.chaos.poison", "--batches 1000", "--batches 60", 3),
    Part("clocks", "17", "tests.chaos.clocks", "--samples 1000", "--samples 50", 1),
    Part("frozen", "20", "tests.chaos.frozen", "--seconds 300", "--seconds 20", 7),
    Part("ragged", "11", "tests.chaos.ragged", "--batches 1000000", "--batches 40000", 3),
    Part("model", "9", "tests.model", "--histories 10000", "--histories 200", 30),
)


def main() -> None:
    options = parts.options(__doc__, PARTS)
    options.add_argument("--seed", type=int, default=7, help="the same seed plays the same schedules")
    chosen = options.parse_args()
    parts.main(chosen, PARTS, RESULTS / "chaos.jsonl", f" --seed {chosen.seed}")


if __name__ == "__main__":
    main()
