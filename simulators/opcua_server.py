"""Machines behind a real OPC UA server: nodes `nsu=urn:linewright:plant;s=<machine>.<tag>` with source time and unit.

    values of a tick ──changed?──► write (every subscriber is notified) ──┐
                     ──unchanged──► only its source time moves on          ├──► handed(machine, time, tags and values)
    a new subscription gets the present value, with the time of the tick ──┘

A tag is either subscribed or polled, as the plant says. Handed out is, for a subscribed tag, every changed value that
is written, whether or not anybody listens, and the first value of every new subscription; for a polled tag, every value
that a client reads. OPC UA notifies of changes only, so an unchanged value is not handed out again. When the machine
cannot be reached its nodes are BadNoCommunication and carry no value.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

from asyncua import Server, ua
from asyncua.common.callback import CallbackType, ServerItemCallback

from protocols.sample import Value
from simulators import ServerDown
from simulators.modbus_server import Handed
from simulators.plant import MachineSettings, ServerSettings
from simulators.tags import TagSpec

NAMESPACE = "urn:linewright:plant"
PATH = "/plant"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TYPES = {
    "float64": ua.VariantType.Double,
    "int64": ua.VariantType.Int64,
    "bool": ua.VariantType.Boolean,
    "text": ua.VariantType.String,
}
_EMPTY: dict[str, Value] = {"float64": 0.0, "int64": 0, "bool": False, "text": ""}

Reset = Callable[[str], None]
"""Called with the machine whose part counter an operator resets."""


class Node:
    """One tag of one machine in the address space, with what it shows now."""

    def __init__(self, machine: str, spec: TagSpec, nodeid: ua.NodeId, *, polled: bool) -> None:
        self.machine = machine
        self.tag = spec.slug
        self.nodeid = nodeid
        self.polled = polled
        self.value: Value = _EMPTY[spec.type]
        self.time_ns = 0
        self.handed_ns = 0
        self.bad = True
        self._type = _TYPES[spec.type]
        self.shown = self._data_value()

    def take(self, value: Value | None, time_ns: int) -> bool:
        """Show `value` (None: the machine cannot be reached) as of `time_ns`; True when that is a change."""
        changed = (value is None) != self.bad or (value is not None and value != self.value)
        self.bad = value is None
        self.value = self.value if value is None else value
        self.time_ns = time_ns
        self.shown = self._data_value()
        return changed

    def may_be_handed(self) -> bool:
        """A new subscription gets a value that has not been handed out yet."""
        return not (self.polled or self.bad) and self.handed_ns != self.time_ns

    def _data_value(self) -> ua.DataValue:
        stamp = _EPOCH + timedelta(microseconds=self.time_ns // 1000)
        if self.bad:
            lost = ua.StatusCode(ua.StatusCodes.BadNoCommunication)
            return ua.DataValue(StatusCode=lost, SourceTimestamp=stamp, ServerTimestamp=stamp)
        return ua.DataValue(ua.Variant(self.value, self._type), SourceTimestamp=stamp, ServerTimestamp=stamp)


class OpcuaServer:
    """The server of these machines; `async with` listens, `close` and `open` are a power cut and its end."""

    def __init__(
        self,
        settings: ServerSettings,
        machines: Sequence[MachineSettings],
        handed: Handed | None,
        reset_part_counter: Reset,
    ) -> None:
        self._settings = settings
        self._machines = machines
        self._handed = handed
        self._reset = reset_part_counter
        self._server: Server | None = None
        self._nodes: dict[ua.NodeId, Node] = {}
        self._silent: set[str] = set()
        self.host = settings.host
        self.port = settings.port

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def open(self) -> None:
        """Build a fresh address space and listen, on the same port as before if there was one.

        A fresh one, because a server that lost its power has forgotten every session.

        Raises:
            ServerDown: the port cannot be had.
        """
        server = Server()
        await server.init()
        await server.set_application_uri("urn:linewright:simulator")
        server.set_server_name(self._settings.name)
        server.set_identity_tokens([ua.AnonymousIdentityToken])
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        server.set_endpoint(f"opc.tcp://{self.host}:{self.port}{PATH}")
        await self._build(server)
        for event, listener in (
            (CallbackType.ItemSubscriptionCreated, self._subscribed),
            (CallbackType.PostRead, self._read),
        ):
            server.subscribe_server_callback(event, listener)
        try:
            await server.start()
        except OSError as error:
            raise ServerDown(f"{self._settings.name}: cannot listen on {self.host}:{self.port} ({error})") from error
        if server.bserver is None:
            raise ServerDown(f"{self._settings.name}: did not start")
        self.port = server.bserver.port
        self._server = server

    async def close(self) -> None:
        """Drop every connection and stop listening."""
        server, self._server = self._server, None
        if server:
            await server.stop()

    async def show(self, slug: str, values: Mapping[str, Value], time_ns: int) -> None:
        """Show a machine's values of a new tick; changed ones are written and notified."""
        if self._server is None:
            return
        time_ns = time_ns // 1000 * 1000  # OPC UA counts in 100 ns, databases in 1 µs
        reachable = slug not in self._silent
        given = []
        for node in self._nodes.values():
            if node.machine == slug and node.take(values[node.tag] if reachable else None, time_ns):
                if reachable and not node.polled:
                    node.handed_ns = time_ns
                    given.append((node.tag, node.value))
                await self._write(self._server, node)
        if given and self._handed is not None:
            self._handed(slug, time_ns, given)

    async def silence(self, slug: str, *, silent: bool) -> None:
        """The line between server and machine is cut, or mended; the nodes follow with the next `show`."""
        (self._silent.add if silent else self._silent.discard)(slug)

    async def _write(self, server: Server, node: Node) -> None:
        await server.write_attribute_value(node.nodeid, node.shown)
        # Reads and new subscriptions get the present source time also while the value stays the same.
        server.set_attribute_value_callback(node.nodeid, lambda _node, _attribute: node.shown)

    async def _build(self, server: Server) -> None:
        index = await server.register_namespace(NAMESPACE)
        self._nodes = {}
        for machine in self._machines:
            folder = await server.nodes.objects.add_object(
                ua.NodeId(machine.slug, index), ua.QualifiedName(machine.slug, index)
            )
            for spec in machine.tags:
                nodeid = ua.NodeId(f"{machine.slug}.{spec.slug}", index)
                node = Node(machine.slug, spec, nodeid, polled=spec.slug in machine.polled)
                await _add_variable(folder, node, spec)
                server.set_attribute_value_callback(node.nodeid, lambda _node, _attribute, shown=node: shown.shown)
                self._nodes[node.nodeid] = node
            if any(spec.slug == "part_count" for spec in machine.tags):
                name = ua.QualifiedName("ResetPartCounter", index)
                method = ua.NodeId(f"{machine.slug}.{name.Name}", index)
                await folder.add_method(method, name, self._resetter(machine.slug))

    def _resetter(self, slug: str) -> Callable[..., Any]:
        async def reset(_parent: ua.NodeId) -> list[ua.Variant]:
            self._reset(slug)
            return []

        return reset

    def _subscribed(self, event: ServerItemCallback, _service: Any) -> None:
        """A new subscription is sent the present value at once."""
        for item, result in zip(event.request_params.ItemsToCreate, event.response_params, strict=True):
            node = self._nodes.get(item.ItemToMonitor.NodeId)
            monitored = item.ItemToMonitor.AttributeId == ua.AttributeIds.Value and result.StatusCode.is_good()
            if node and monitored and self._handed is not None and node.may_be_handed():
                node.handed_ns = node.time_ns
                self._handed(node.machine, node.time_ns, [(node.tag, node.value)])

    def _read(self, event: ServerItemCallback, _service: Any) -> None:
        """A client has read; what it got of polled tags is on its way."""
        if not event.is_external or self._handed is None:
            return
        for item, result in zip(event.request_params.NodesToRead, event.response_params, strict=True):
            node = self._nodes.get(item.NodeId)
            if node and node.polled and item.AttributeId == ua.AttributeIds.Value and result.StatusCode.is_good():
                self._handed(node.machine, time.time_ns(), [(node.tag, result.Value.Value)])


async def _add_variable(folder: Any, node: Node, spec: TagSpec) -> None:
    name = ua.QualifiedName(spec.slug, node.nodeid.NamespaceIndex)
    variable = await folder.add_variable(node.nodeid, name, ua.Variant(node.value, _TYPES[spec.type]))
    await variable.write_attribute(ua.AttributeIds.DisplayName, _named(spec.zh, "zh-CN"))
    await variable.write_attribute(ua.AttributeIds.Description, _named(spec.en, "en"))
    if spec.unit:
        unit = ua.EUInformation(DisplayName=ua.LocalizedText(spec.unit), Description=ua.LocalizedText(spec.quantity))
        await variable.add_property(ua.NodeId(), ua.QualifiedName("EngineeringUnits", 0), unit)
    if spec.span:
        low, high = spec.span
        await variable.add_property(ua.NodeId(), ua.QualifiedName("EURange", 0), ua.Range(Low=low, High=high))


def _named(text: str, locale: str) -> ua.DataValue:
    return ua.DataValue(ua.Variant(ua.LocalizedText(text, locale), ua.VariantType.LocalizedText))
