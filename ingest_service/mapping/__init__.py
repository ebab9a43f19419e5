"""Foreign JSON: devices and gateways that publish in their own way, told by a table what is what.

topic + payload ──MessageMapping.apply──► samples (machine, tag, time, value, quality) ──reader──► Reading ──► Intake
                      └── what could not be used, each with its reason

settings      [[mapping]] tables, a file each or inline          path       where something stands in the JSON
topic_filter  the topic, with named levels                       template   names made of what was found
mapping       a compiled table at work                           moment, value   JSON → time, value, quality
source        one place of a record where values stand           reader     the mappings of a worker, as one Reader
"""
