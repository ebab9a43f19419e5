"""Free TCP ports for parts that are stopped and started again.

The kernel lends ports of its ephemeral range to whoever connects somewhere, so a server that was on one of them may
find it taken when it comes back, and its clients may meet somebody else there. These lie below that range.
"""

import contextlib
import random
import socket
from pathlib import Path

_LENT = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST = 10_000
_USUAL_LOWEST_LENT = 32_768


def free_ports(count: int = 1) -> list[int]:
    """Different ports on 127.0.0.1 that nobody listens on now."""
    with contextlib.ExitStack() as held:
        return [_hold(held) for _ in range(count)]


def _hold(held: contextlib.ExitStack) -> int:
    while True:
        with contextlib.suppress(OSError):
            line = held.enter_context(socket.create_server(("127.0.0.1", random.randrange(_LOWEST, _lowest_lent()))))
            return int(line.getsockname()[1])


def _lowest_lent() -> int:
    try:
        lowest = int(_LENT.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError):
        return _USUAL_LOWEST_LENT
    return lowest if lowest > 2 * _LOWEST else _USUAL_LOWEST_LENT
