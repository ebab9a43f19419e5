"""Checking passwords beside the event loop: two at a time (19 MiB and 60 ms each), a bounded number waiting."""

import asyncio

from api import TooMany
from device_registry.people import verify_password

_AT_ONCE = 2
_WAITING_MOST = 40


class Passwords:
    """One a process."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._inside = 0

    async def fits(self, kept: str | None, password: str) -> bool:
        """Whether `password` belongs to `kept`; takes as long when nobody has the login.

        Raises:
            TooMany: more people log in at this moment than can be checked.
        """
        if self._inside >= _AT_ONCE + _WAITING_MOST:
            raise TooMany("logins at once", 2)
        self._inside += 1
        try:
            async with self._slots:
                return await asyncio.to_thread(verify_password, kept, password)
        finally:
            self._inside -= 1
