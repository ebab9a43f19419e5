"""What `linewright doctor` looks at, one file a thing, and how it tells it.

    Section (title, checks) ──examine──► Finding (what, state, told, way out) ──► page for a terminal, or JSON

A check is a small function that returns findings. One that throws or hangs is itself a finding.
"""
