"""How machines and gateways speak: samples and their quality, field drivers, wire formats, topics.

protocols.<name>.driver ──Columns──► (edge_gateway) ──Batch──► protocols.wire ──bytes──► broker
"""


class ProtocolsError(Exception):
    """Root of everything this package raises."""


class BadPointTable(ProtocolsError):
    """The tags of a device contradict themselves or its limits; fix the configuration. Fatal at start."""


class DeviceUnavailable(ProtocolsError):
    """The device could not be opened; try again later."""


class UndecodablePayload(ProtocolsError):
    """The payload is no batch of a known format; it goes to the dead letters."""


class OversizedPayload(UndecodablePayload):
    """The payload, or what it says it inflates to, is larger than the limit."""
