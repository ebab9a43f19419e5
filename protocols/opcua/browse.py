"""Walk through a server's address space and bring every variable that can be a tag.

    start ──references──► nodes, each once ──attributes──► type, unit, range, access ──► Found

An address space is a net, not a tree: a node is followed the first time it is met, so cycles end. What cannot be a tag
is counted with its reason, never silently left out.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from asyncua import ua

from protocols.opcua.address_space import AddressSpace
from protocols.opcua.found import TYPES, Found

Told = Callable[[int, int], None]
"""Called now and then with the numbers of nodes and of variables."""

_BROWSED_TOGETHER, _READ_TOGETHER = 500, 200
_SUPERTYPES_MOST = 20
_SERVER = ua.NodeId(ua.ObjectIds.Server)
_HAS_PROPERTY = ua.NodeId(ua.ObjectIds.HasProperty)
_ATTRIBUTES = (
    ua.AttributeIds.DataType,
    ua.AttributeIds.ValueRank,
    ua.AttributeIds.UserAccessLevel,
    ua.AttributeIds.Description,
)
_READABLE, _WRITABLE = 1, 2


@dataclass(slots=True)
class _Variable:
    nodeid: ua.NodeId
    path: tuple[str, ...]
    properties: dict[str, ua.NodeId] = field(default_factory=dict)


@dataclass(slots=True)
class Survey:
    """What a walk brought: `skipped` counts the variables that are no points, by reason."""

    points: list[Found] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    nodes: int = 0
    cut_off: bool = False


class Walk:
    """One walk. Everything below the start; the server's own diagnostics only when they are the start."""

    def __init__(self, space: AddressSpace, most: int, told: Told) -> None:
        self._space = space
        self._most = most
        self._told = told
        self._seen: set[ua.NodeId] = {_SERVER}
        self._variables: dict[ua.NodeId, _Variable] = {}
        self._ahead: deque[tuple[ua.NodeId, tuple[str, ...]]] = deque()
        self._types: dict[ua.NodeId, str] = {}
        self._survey = Survey()

    async def run(self, start: ua.NodeId) -> Survey:
        """Walk to the end or until `most` nodes were met. Raises what session.FAILURES names."""
        self._seen.add(start)
        self._ahead.append((start, ()))
        while self._ahead and not self._survey.cut_off:
            await self._step()
        variables = list(self._variables.values())
        for first in range(0, len(variables), _READ_TOGETHER):
            await self._read(variables[first : first + _READ_TOGETHER])
            self._told(self._survey.nodes, len(self._survey.points))
        self._survey.skipped["node that cannot be browsed"] += self._space.refused
        return self._survey

    async def _step(self) -> None:
        batch = [self._ahead.popleft() for _ in range(min(_BROWSED_TOGETHER, len(self._ahead)))]
        found = await self._space.references([nodeid for nodeid, _ in batch])
        for (owner, path), references in zip(batch, found, strict=True):
            for reference in references:
                self._meet(reference, owner, path)
        self._told(self._survey.nodes, len(self._variables))

    def _meet(self, reference: ua.ReferenceDescription, owner: ua.NodeId, path: tuple[str, ...]) -> None:
        nodeid = self._space.local(reference.NodeId)
        if nodeid is None or nodeid in self._seen:
            return
        if self._survey.nodes == self._most:
            self._survey.cut_off = True
            return
        self._seen.add(nodeid)
        self._survey.nodes += 1
        name = reference.BrowseName.Name or ""
        if reference.ReferenceTypeId == _HAS_PROPERTY:
            if owner in self._variables:
                self._variables[owner].properties[name] = nodeid
            return
        if reference.NodeClass == ua.NodeClass.Variable:
            self._variables[nodeid] = _Variable(nodeid, (*path, name))
        self._ahead.append((nodeid, (*path, name)))

    async def _read(self, variables: Sequence[_Variable]) -> None:
        values = iter(await self._space.values([(one.nodeid, what) for one in variables for what in _ATTRIBUTES]))
        meanings = await self._meanings(variables)
        for one in variables:
            type_, rank, access, description = (next(values) for _ in _ATTRIBUTES)
            if reason := await self._unfit(type_, rank, access):
                self._survey.skipped[reason] += 1
                continue
            text = getattr(description, "Text", None) or ""
            text = "" if text == one.path[-1] else text  # many servers repeat the name there
            point = Found(self._space.text(one.nodeid), one.path, self._types[type_], *meanings[one.nodeid], text)
            self._survey.points.append(replace(point, writable=bool(access & _WRITABLE)))

    async def _unfit(self, type_: Any, rank: Any, access: Any) -> str:
        """Why a variable can be no tag; empty when it can."""
        if not isinstance(type_, ua.NodeId) or not isinstance(access, int):
            return "unreadable"
        if not access & _READABLE:
            return "no right to read"
        if isinstance(rank, int) and rank >= 0:
            return "array"
        return "" if await self._type(type_) else "type without a place in a tag"

    async def _meanings(
        self, variables: Sequence[_Variable]
    ) -> dict[ua.NodeId, tuple[str, tuple[float, float] | None]]:
        """Unit and span of each, where it has these properties."""
        wanted = [
            (one.nodeid, name, nodeid)
            for one in variables
            for name, nodeid in one.properties.items()
            if name in ("EngineeringUnits", "EURange")
        ]
        values = await self._space.values([(nodeid, ua.AttributeIds.Value) for _, _, nodeid in wanted])
        known = {(owner, name): value for (owner, name, _), value in zip(wanted, values, strict=True)}
        return {
            one.nodeid: (_unit(known.get((one.nodeid, "EngineeringUnits"))), _span(known.get((one.nodeid, "EURange"))))
            for one in variables
        }

    async def _type(self, nodeid: ua.NodeId) -> str:
        """The tag type of a data type, looked for among its supertypes; empty when there is none."""
        if nodeid not in self._types:
            above: ua.NodeId | None = nodeid
            for _ in range(_SUPERTYPES_MOST):
                if above is None or _tag_type(above):
                    break
                above = await self._space.supertype(above)
            self._types[nodeid] = _tag_type(above) if above is not None else ""
        return self._types[nodeid]


def _tag_type(nodeid: ua.NodeId) -> str:
    return TYPES.get(nodeid.Identifier, "") if nodeid.NamespaceIndex == 0 else ""


def _unit(value: Any) -> str:
    return getattr(getattr(value, "DisplayName", None), "Text", None) or ""


def _span(value: Any) -> tuple[float, float] | None:
    return (value.Low, value.High) if isinstance(value, ua.Range) else None


def chosen(points: Sequence[Found], text: str) -> Iterator[Found]:
    """Those whose path or node contains `text`, in whatever case."""
    wanted = text.lower()
    return (one for one in points if wanted in "/".join(one.path).lower() or wanted in one.node.lower())
