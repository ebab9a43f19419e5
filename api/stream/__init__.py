"""Live events for screens, unreliable on purpose: what is missed is read again, nothing waits for a slow phone.

    broker ──► values ──┐
                        ├──► hub ──► bounded queue of each viewer ──► SSE
    LISTEN ──► changes ─┘
"""
