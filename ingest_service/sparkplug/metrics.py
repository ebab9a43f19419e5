"""What the Sparkplug host counts, for /metrics."""

from prometheus_client import Counter, Gauge

MESSAGES = Counter("linewright_sparkplug_messages", "Messages by verb", ["verb"])
NODES_ONLINE = Gauge("linewright_sparkplug_nodes_online", "Edge nodes between birth and death")
REBIRTHS = Counter("linewright_sparkplug_rebirth_requests", "Rebirths asked for", ["reason"])
UNBORN = Counter("linewright_sparkplug_unborn_messages", "Data that no birth names; not stored")
UNKNOWN = Counter("linewright_sparkplug_unknown_metrics", "Metrics of data that their birth does not name; not stored")
TAKEN = Counter("linewright_sparkplug_taken_tags", "Tags left out of a birth because another sender publishes them")
