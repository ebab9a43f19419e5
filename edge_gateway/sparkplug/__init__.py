"""Sparkplug B 3.0 as a second northbound: an edge node that other SCADA hosts understand. Off unless configured.

    recorder ──key of every batch on disk──► Sender ──spool.load──► EdgeNode (pure) ──messages──► Session ──► broker
                                              ▲ │                     ▲                              │
                              Backlog (pure) ─┘ └── what was sent ──► memory file (bdSeq, ranges)    │
                                                                      └── rebirth, STATE ◄───────────┘

The gateway is the edge node, a machine is a device, a tag is a metric. The spool stays the only place that holds
samples: what waits here are the numbers of batches. Nobody acknowledges Sparkplug data, so this promises less than
our own uplink: docs/how-to/sparkplug-edge.md says what.
"""
