"""A plant that does not exist: seeded machines behind real Modbus and OPC UA servers, and what they handed out.

PLANT.toml ──► plant.Plant ──► physics.PlantPhysics ──values──► Modbus / OPC UA servers ──► a gateway
                                                                    └──► truth.jsonl ──► audit
"""


class SimulatorsError(Exception):
    """Root of everything this package raises beside settings errors."""


class ServerDown(SimulatorsError):
    """A server could not listen on its port; free the port or write 0 for any."""
