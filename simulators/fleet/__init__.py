"""Thousands of gateways in one process: they speak the whole receipt protocol, and all they said can be told again.

    plan ──(gateway, batch)──► payloads ──MQTT, window of the receipts──► broker ──► ingest ──► database
      │                            ▲                                                              │
      │       gateway: runs, lanes, flights ◄──────────── receipts ◄──────────────────────────────┤
      └──(gateway, tag, time)──► what must be stored ──compared slice by slice──► check ◄─────────┘

Values, times, failed reads, restarts and damaged batches are pure functions of the plan, so neither the fleet nor the
checker keeps a sample: a batch is made again when it is sent again.
"""
