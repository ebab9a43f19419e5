"""Modbus TCP: `settings` says which registers, `planner` which requests, `codec` what they mean, `driver` reads."""
