"""The long tests, one after the other, each in a process of its own.

    python -m tests.soak [--part NAME …] [--short]

    PARTS ──► python -m <module> <arguments> ──last line: one JSON object──► benchmarks/results/soak.jsonl

Exit 0 only when every part has passed. docs/how-to/soak.md says how to read the result.
"""

from benchmarks.figures import RESULTS
from tests import parts
from tests.parts import Part

PARTS = (
    Part("fuzz-modbus", "A6", "tests.fuzz.modbus", "--answers 1000000", "--answers 20000", 5),
    Part("fuzz-opcua", "A9", "tests.fuzz.opcua", "--answers 100000", "--answers 2000 --live 50", 15),
    Part("fuzz-decoders", "22", "tests.fuzz.decoders", "--executions 10000000", "--executions 50000", 35),
    Part("spool-damage", "A11", "tests.soak.spool_damage", "--trials 1000", "--trials 20", 2),
    Part("spool-kills", "A11", "tests.soak.spool_kills", "--trials 1000", "--trials 10", 45),
    Part("outage", "A12", "tests.soak.outage", "--hours 72", "--hours 6", 8),
    Part("broker-bounces", "A8", "tests.soak.broker_bounces", "--bounces 50", "--bounces 3", 3),
    Part("reconnects", "A8", "tests.soak.reconnects", "--trials 100", "--trials 1", 40),
    Part("kills", "A14", "tests.chaos.killing", "--kills 50", "--kills 2", 15),
    Part("polling", "A1 A25", "tests.soak.polling", "--minutes 60", "--minutes 1", 63),
)


def main() -> None:
    parts.main(parts.options(__doc__, PARTS).parse_args(), PARTS, RESULTS / "soak.jsonl")


if __name__ == "__main__":
    main()
