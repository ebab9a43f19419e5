"""`python -m benchmarks [NAME]`: run all benchmarks, or one, each in a process of its own."""

import subprocess
import sys

NAMES = ("poll_modbus", "poll_opcua", "spool", "ingest", "history", "api", "web")


def run(name: str) -> int:
    return subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode


def main() -> None:
    wanted = sys.argv[1:] or list(NAMES)
    unknown = set(wanted) - set(NAMES)
    if unknown:
        sys.exit(f"no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(NAMES)}")
    failed = [name for name in wanted if run(name)]
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
