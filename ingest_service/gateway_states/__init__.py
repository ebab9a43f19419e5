"""What gateways say of themselves on `…/up/state`: there or gone, and which batches they had to give up.

    retained JSON ──► parse ──► States (the newest words of each) ──once a second──► gateway_state, dropped

`completeness` reads it back: a hole in the numbers of a run, and why it is there.
"""
