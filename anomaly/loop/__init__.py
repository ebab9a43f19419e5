"""The loop: what people find teaches the detectors, and how loudly a rule may speak is earned.

    verdict ─► label ─► record of the rule ─► promoted, demoted or left ─► priority of its next alarms
                 │             └─ every night ─► evaluation of the day
                 └─ "false alarm" of a statistical detector ─► pattern, silent until it expires or is revoked

A rule is one hypothesis of one detector about one class of machines; a new model version begins without a record.
"""
