"""Programs that are not ours: compiled or found once, and a reason where they cannot be had."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
_LIBMODBUS = "needs gcc, pkg-config and libmodbus (Debian: apt-get install gcc pkg-config libmodbus-dev)"


@pytest.fixture(scope="session")
def libmodbus_program(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Compiles <name>.c of this folder against libmodbus."""
    if not shutil.which("gcc") or not shutil.which("pkg-config"):
        pytest.skip(_LIBMODBUS)
    asked = ["pkg-config", "--cflags", "--libs", "libmodbus"]
    flags = subprocess.run(asked, check=False, capture_output=True, text=True, timeout=20)
    if flags.returncode:
        pytest.skip(_LIBMODBUS)
    folder = tmp_path_factory.mktemp("libmodbus")

    def compiled(name: str) -> Path:
        program = folder / name
        if not program.exists():
            source = [str(HERE / f"{name}.c"), *flags.stdout.split(), "-o", str(program)]
            subprocess.run(["gcc", "-O1", "-Wall", "-Wextra", "-Werror", *source], check=True, timeout=60)
        return program

    return compiled
