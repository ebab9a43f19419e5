"""Sparkplug B 3.0: topics, payloads, births of hosts. Pure; the host and the edge node both build on it.

    bytes ──payload.decode──► Payload(metrics …) ──payload.encode──► bytes
    topic ──topics.parse──► Topic(verb, node, device)        STATE ──state.decode──► HostState

`sparkplug_b.proto` is ours and has the field numbers of the public specification; `sparkplug_b_pb2` is generated.
"""

from protocols import ProtocolsError


class Unencodable(ProtocolsError):
    """A value does not fit the datatype it is to be sent as."""
