"""Small real disks that fill up, break and come back. Needs root; elsewhere the test is skipped with the reason."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


def _run(*command: str | Path) -> bool:
    """Whether it worked; a program that is not there, or that we may not use, does not."""
    if os.geteuid() or not shutil.which(str(command[0])):
        return False
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


@contextlib.contextmanager
def _mounted(place: Path, *mount: str | Path) -> Iterator[Path]:
    place.mkdir(exist_ok=True)
    if not _run("mount", *mount, place):
        pytest.skip(f"no {mount[1]} can be mounted here; be root where mount(8) works")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def small_tmpfs(place: Path) -> contextlib.AbstractContextManager[Path]:
    """4 MiB in memory."""
    return _mounted(place, "-t", "tmpfs", "-o", "size=4m", "none")


@contextlib.contextmanager
def small_ext4(place: Path) -> Iterator[Path]:
    """16 MiB with a real file system, which can turn read-only under its users."""
    image = place.with_name("image")
    with image.open("wb") as file:
        file.truncate(16 << 20)
    if not _run("mkfs.ext4", "-q", "-O", "^has_journal", image):
        pytest.skip("no ext4 can be made here; install e2fsprogs and be root")
    with _mounted(place, "-t", "ext4", "-o", "loop", image):
        yield place


def aborted(place: Path) -> None:
    """Make the kernel treat the file system as broken: read-only from now on, whatever is open."""
    assert _run("mount", "-o", "remount,abort", place)


@contextlib.contextmanager
def immutable(*files: Path) -> Iterator[None]:
    """Nobody may write these, not even root, not even through files that are open."""
    if not all(_run("chattr", "+i", file) for file in files):
        pytest.skip("this file system knows no chattr +i")
    try:
        yield
    finally:
        for file in files:
            assert _run("chattr", "-i", file)


def fill(path: Path) -> None:
    """Take all space that is left."""
    with path.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass
