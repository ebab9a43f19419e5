"""Guard against libraries that forget a cancellation.

asyncio.wait_for does so when the awaited thing ends in the same moment (before Python 3.12), and with it all of
aiomqtt; asyncua does so when it waits for its own cancelled tasks. A forgotten cancellation is a process that does not
stop, so drivers and uplink compare the number of requests before and after such a call and raise by themselves.
"""

import asyncio


def cancel_requests() -> int:
    """How often this task was told to stop."""
    task = asyncio.current_task()
    return task.cancelling() if task else 0


def raise_forgotten(before: int) -> None:
    """Raise CancelledError if the task was told to stop since `before`."""
    if cancel_requests() > before:
        raise asyncio.CancelledError
