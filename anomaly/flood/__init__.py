"""How much a plant asks of its people: floods, bad actors, chattering and stale alarms of a site and a period."""
