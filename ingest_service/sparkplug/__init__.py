"""Sparkplug B 3.0 as host application: births name the tags, data becomes columns, deaths mark everything stale.

    broker ──HostSubscriber──► SparkplugReader ──► Host ─┬─ Session of each edge node: order, births, deaths
      ▲ ▲                                                ├─ Table of each birth: alias → tag, datatype, unit
      │ └── STATE: birth and will of this host           └─ columns: payload → numpy, without records
      └──── NCMD "Node Control/Rebirth" ◄── Rebirths ◄── what is missing

An edge node numbers what it sends, so one process has to see all of it: exactly one worker has a host id.
"""
