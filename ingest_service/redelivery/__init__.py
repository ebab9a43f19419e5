"""Sources without a sequence (plain JSON, Sparkplug): at least once, and what came lately is not stored again.

    rows ──hash (series, time, value, quality)──► known within the window? ── yes ──► dropped, counted
                          ▲                                               └── no ───► stored, and its hash with it
       telemetry.recent ──┘ (the same transaction as the rows)

Nothing tells a redelivery from a device that says the same thing twice about the same moment, and nothing needs to.
"""
