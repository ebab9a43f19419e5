"""A server's address space as batched services: references of nodes, values of attributes, supertypes.

    nodes ──Browse, BrowseNext──► references          (node, attribute) ──Read──► values, None where not good

Servers take only so much at once and do not always say how much: what is too much is asked again in halves.
"""

from collections.abc import Sequence
from typing import Any

from asyncua import Client, ua

_BROWSE_MOST, _READ_MOST, _REFERENCES_MOST = 50, 500, 1000
_NO_POINTS_LEFT = ua.StatusCodes.BadNoContinuationPoints


class AddressSpace:
    """The address space behind one connected client."""

    def __init__(self, client: Client, namespaces: Sequence[str]) -> None:
        self._client = client
        self._namespaces = namespaces
        self._browse_most, self._read_most = _BROWSE_MOST, _READ_MOST
        self.refused = 0  # nodes whose references the server did not give, or not all

    # Names

    def local(self, nodeid: ua.NodeId) -> ua.NodeId | None:
        """The same node as this server calls it; None when it lies on another one."""
        if not isinstance(nodeid, ua.ExpandedNodeId):
            return nodeid
        if nodeid.ServerIndex or (nodeid.NamespaceUri and nodeid.NamespaceUri not in self._namespaces):
            return None
        named = self._namespaces.index(nodeid.NamespaceUri) if nodeid.NamespaceUri else nodeid.NamespaceIndex
        return ua.NodeId(nodeid.Identifier, named, nodeid.NodeIdType)

    def text(self, nodeid: ua.NodeId) -> str:
        """The node with the name of its namespace instead of its number, which a restart may change."""
        local: str = ua.NodeId(nodeid.Identifier, 0, nodeid.NodeIdType).to_string()
        return f"nsu={self._namespaces[nodeid.NamespaceIndex]};{local}" if nodeid.NamespaceIndex else local

    def node(self, uri: str | None, rest: str) -> ua.NodeId:
        """The node that a text means here. Raises ValueError when the server has no such namespace."""
        if uri is None:
            return ua.NodeId.from_string(rest)
        if uri not in self._namespaces:
            raise ValueError(f"the server has no namespace {uri}, but {', '.join(self._namespaces)}")
        return ua.NodeId.from_string(f"ns={self._namespaces.index(uri)};{rest}")

    # Browse

    async def references(self, nodes: Sequence[ua.NodeId]) -> list[list[ua.ReferenceDescription]]:
        """The forward hierarchical references of these nodes to objects and variables, in order."""
        found: list[list[ua.ReferenceDescription]] = []
        while len(found) < len(nodes):
            batch = nodes[len(found) : len(found) + self._browse_most]
            results = await self._browse([_forward(nodeid) for nodeid in batch])
            if results is None:
                self._browse_most = max(1, len(batch) // 2)
                continue
            found += await self._continued(results)
        return found

    async def _browse(self, wanted: Sequence[ua.BrowseDescription]) -> list[ua.BrowseResult] | None:
        """None: too much at once."""
        parameters = ua.BrowseParameters()
        parameters.View.Timestamp = ua.get_win_epoch()
        parameters.RequestedMaxReferencesPerNode = _REFERENCES_MOST
        parameters.NodesToBrowse = list(wanted)
        try:
            results: list[ua.BrowseResult] = await self._client.uaclient.browse(parameters)
        except ua.uaerrors.BadTooManyOperations:
            if len(wanted) == 1:
                raise
            return None
        if len(wanted) > 1 and any(_is_starved(result) for result in results):
            points = [result.ContinuationPoint for result in results if result.ContinuationPoint]
            await self._next(points, release=True)
            return None
        return results

    async def _continued(self, results: Sequence[ua.BrowseResult]) -> list[list[ua.ReferenceDescription]]:
        self.refused += sum(map(_is_bad, results))
        found = [list(result.References or ()) for result in results]
        points = {place: result.ContinuationPoint for place, result in enumerate(results) if result.ContinuationPoint}
        while points:
            more = await self._next(list(points.values()))
            for place, result in zip(list(points), more, strict=True):
                self.refused += _is_bad(result)
                found[place] += result.References or ()
                points[place] = result.ContinuationPoint
            points = {place: point for place, point in points.items() if point}
        return found

    async def _next(self, points: list[bytes], *, release: bool = False) -> list[ua.BrowseResult]:
        if not points:
            return []
        parameters = ua.BrowseNextParameters(ReleaseContinuationPoints=release, ContinuationPoints=points)
        results: list[ua.BrowseResult] = await self._client.uaclient.browse_next(parameters)
        return results

    async def supertype(self, nodeid: ua.NodeId) -> ua.NodeId | None:
        """The type that this type is a kind of."""
        wanted = _forward(nodeid)
        wanted.BrowseDirection = ua.BrowseDirection.Inverse
        wanted.ReferenceTypeId = ua.NodeId(ua.ObjectIds.HasSubtype)
        wanted.NodeClassMask = ua.NodeClass.DataType
        results = await self._browse([wanted])
        references = results[0].References if results else None
        return self.local(references[0].NodeId) if references else None

    # Read

    async def values(self, wanted: Sequence[tuple[ua.NodeId, ua.AttributeIds]]) -> list[Any]:
        """These attributes, in order; None where there is no good value."""
        found: list[Any] = []
        while len(found) < len(wanted):
            parameters = ua.ReadParameters()
            parameters.TimestampsToReturn = ua.TimestampsToReturn.Neither
            parameters.NodesToRead = [_value_id(*one) for one in wanted[len(found) : len(found) + self._read_most]]
            try:
                batch = await self._client.uaclient.read(parameters)
            except ua.uaerrors.BadTooManyOperations:
                if self._read_most == 1:
                    raise
                self._read_most = max(1, len(parameters.NodesToRead) // 2)
                continue
            if len(batch) != len(parameters.NodesToRead):
                raise ValueError(f"asked for {len(parameters.NodesToRead)} attributes, got {len(batch)}")
            found += map(_plain, batch)
        return found


def _forward(nodeid: ua.NodeId) -> ua.BrowseDescription:
    wanted = ua.BrowseDescription()
    wanted.NodeId = nodeid
    wanted.BrowseDirection = ua.BrowseDirection.Forward
    wanted.ReferenceTypeId = ua.NodeId(ua.ObjectIds.HierarchicalReferences)
    wanted.IncludeSubtypes = True
    wanted.NodeClassMask = ua.NodeClass.Object | ua.NodeClass.Variable
    wanted.ResultMask = ua.BrowseResultMask.All
    return wanted


def _is_bad(result: ua.BrowseResult) -> bool:
    return bool(result.StatusCode is not None and result.StatusCode.is_bad())


def _is_starved(result: ua.BrowseResult) -> bool:
    """The server had no continuation point left for this node; alone it gets one."""
    return bool(result.StatusCode is not None and result.StatusCode.value == _NO_POINTS_LEFT)


def _value_id(nodeid: ua.NodeId, attribute: ua.AttributeIds) -> ua.ReadValueId:
    value = ua.ReadValueId()
    value.NodeId, value.AttributeId = nodeid, attribute
    return value


def _plain(data: ua.DataValue) -> Any:
    """The value of a good answer, else None."""
    if data.Value is None or (data.StatusCode is not None and data.StatusCode.is_bad()):
        return None
    return data.Value.Value
