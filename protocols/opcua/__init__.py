"""OPC UA: `settings` says which nodes, `quality` what a status code means, `driver` subscribes and reads."""
