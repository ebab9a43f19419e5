"""As whom a child process runs: root hands servers to an ordinary account, everybody else runs them as themselves.

ordinary_account("postgres", "nobody") ──► Account ──become()──► subprocess.Popen(…)
"""

import contextlib
import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the operating system."""

    name: str
    uid: int
    gid: int

    def become(self) -> dict[str, Any]:
        """What subprocess needs to become this account; nothing when we already are it."""
        if os.geteuid() == self.uid:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def may_enter(self, folder: Path) -> bool:
        """Whether this account reaches `folder`: asked of the kernel, which also knows of access lists.

        Raises:
            CalledProcessError: the question was killed before it was answered; that is no "no".
        """
        asked = subprocess.run(["test", "-x", folder], check=False, cwd="/", **self.become())  # noqa: S603, S607
        if asked.returncode not in (0, 1):
            asked.check_returncode()
        return asked.returncode == 0

    def take(self, path: Path) -> None:
        """Make `path` this account's own, where we may."""
        if os.geteuid() == 0:
            os.chown(path, self.uid, self.gid)


def ordinary_account(*names: str | int) -> Account | None:
    """Ourselves, unless we are root: then the first of these names or numbers that exists and is not root."""
    if os.geteuid() != 0:
        return Account(str(os.geteuid()), os.geteuid(), os.getegid())
    for name in names:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwuid(name) if isinstance(name, int) else pwd.getpwnam(name)
            if entry.pw_uid != 0:
                return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    return None
