"""All rules of the specification for an edge node; tests/sparkplug/ids.toml says which test shows which statement."""

from tests.sparkplug import edge_rules_payload, edge_rules_session
from tests.sparkplug.edge_rule import RULES, broken, metric

__all__ = ["RULES", "broken", "edge_rules_payload", "edge_rules_session", "metric"]
