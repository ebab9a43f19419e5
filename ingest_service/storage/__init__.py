"""What was committed becomes small and quick to read: hot rows → packs with their rollups. What `linewright pack` runs.

    telemetry.sample ──close──► a slice that nobody writes any more ──read──► Samples ──pack (numpy)──► telemetry.pack
     (hot, by minutes                                                           ▲                          │    │
      of arrival)     ◄──drop, when no snapshot can need it──                   └──merge: one an hour────┘    └► retain

Readers see a sample in exactly one of the two at any time, and the database may stop at any point: each step is one
transaction, and what it left undone is done by the next round.
"""
