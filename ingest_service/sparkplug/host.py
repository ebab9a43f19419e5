"""The host: what each message of an edge node means for what we know of it, and what is to be stored. Pure.

    NBIRTH ─► new session, node table      DBIRTH ─► device table            ─► their values
    NDATA, DDATA ─► columns by the table; without one, or with a hole before it ─► rebirth wanted
    NDEATH (of this session) ─► all stale  DDEATH ─► the device's tags stale

A message that is not understood as a whole is refused; the hole it leaves is noticed by its sequence number.
"""

from collections.abc import Iterator

import structlog

from ingest_service.delivery import Message
from ingest_service.sparkplug import metrics
from ingest_service.sparkplug.births import Births, Said, bd_seq_of, said
from ingest_service.sparkplug.columns import columns_of
from ingest_service.sparkplug.rebirths import Rebirths, request
from ingest_service.sparkplug.session import NODE, Session
from ingest_service.sparkplug.settings import SparkplugSettings
from ingest_service.sparkplug.table import BD_SEQ
from protocols.naming import id_slug
from protocols.sample import Columns, concatenate
from protocols.sparkplug.datatype import DataType
from protocols.sparkplug.payload import decode, encode, parse
from protocols.sparkplug.records import Metric, Payload
from protocols.sparkplug.sparkplug_b_pb2 import Payload as Wire
from protocols.sparkplug.topics import EdgeNode, Topic, Verb
from protocols.topics import GatewayAddress
from runtime.clock import NS_PER_S, Clock

log = structlog.get_logger()

_NS_PER_MS = 1_000_000
_SESSIONS_MOST = 10_000
_REQUESTS_MOST = 50  # of one round: births of a whole plant at once would fill every queue


class Host:
    """All edge nodes of one broker."""

    def __init__(self, settings: SparkplugSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._reorder_timeout_ns = round(settings.reorder_timeout_s * NS_PER_S)
        self._sessions: dict[EdgeNode, Session] = {}
        self._uneasy: dict[EdgeNode, Session] = {}
        self._orphans: set[EdgeNode] = set()
        self._births = Births(settings)

    def address(self, node: EdgeNode) -> GatewayAddress | None:
        """Tenant and gateway of an edge node; None: its group is not taken."""
        groups = self._settings.groups
        tenant = groups.get(node.group) if groups else id_slug(node.group)
        return GatewayAddress(tenant, id_slug(node.edge)) if tenant else None

    def take(self, topic: Topic, message: Message) -> Said | None:
        """Take in a message; None: nothing is to be stored.

        Raises:
            UndecodablePayload: it is no Sparkplug payload.
        """
        session = None if topic.verb in {Verb.NCMD, Verb.DCMD} else self._session(topic.node)
        if session is None:
            return None
        metrics.MESSAGES.labels(topic.verb).inc()
        told = self._handle(session, topic, message)
        if session.waits or session.rebirths.wanted:
            self._uneasy[topic.node] = session
        return told if told and told.columns else None

    def requests(self) -> Iterator[tuple[str, bytes]]:
        """Topic and payload of the rebirth requests that are due; to be asked for a few times a second."""
        monotonic_ns = self._clock.monotonic_ns()
        left = _REQUESTS_MOST
        for node, session in list(self._uneasy.items()):
            session.check(monotonic_ns, self._reorder_timeout_ns)
            if not (session.waits or session.rebirths.wanted):
                del self._uneasy[node]
            elif left and (ask := session.rebirths.due(monotonic_ns)):
                left -= 1
                metrics.REBIRTHS.labels(ask.reason).inc()
                log.info("rebirth asked for", node=str(node), device=ask.device, reason=ask.reason)
                yield request(node, ask.device, self._clock.now_ns() // _NS_PER_MS)

    def obituaries(self) -> list[Message]:
        """The broker was away, and what was said meanwhile is unknown: the deaths of all who are online.

        To be taken like any other message; each makes the tags stale and asks for a rebirth.
        """
        online = [session for session in self._sessions.values() if session.online]
        self._orphans.update(session.node for session in online)
        return [Message(session.node.topic(Verb.NDEATH), _death(session.bd_seq)) for session in online]

    def _session(self, node: EdgeNode) -> Session | None:
        session = self._sessions.get(node)
        if session is None:
            address = self.address(node)
            if address is None:
                return None
            if len(self._sessions) >= _SESSIONS_MOST:
                self._forget_one()
            session = self._sessions[node] = Session(node, address, Rebirths(self._settings.rebirth_wait_s))
        return session

    def _forget_one(self) -> None:
        """The oldest that is offline, else the oldest: its next message makes it be born again."""
        offline = (node for node, session in self._sessions.items() if not session.online)
        node = next(offline, next(iter(self._sessions)))
        self._bury(self._sessions.pop(node))
        self._uneasy.pop(node, None)

    def _handle(self, session: Session, topic: Topic, message: Message) -> Said | None:
        match topic.verb:
            case Verb.NBIRTH:
                return self._node_birth(session, decode(message.payload))
            case Verb.NDEATH:
                return self._node_death(session, decode(message.payload))
            case Verb.DBIRTH:
                return self._device_birth(session, str(topic.device), decode(message.payload))
            case Verb.DDEATH:
                return self._device_death(session, str(topic.device), decode(message.payload))
            case _:
                return self._data(session, topic.device, message)

    def _node_birth(self, session: Session, payload: Payload) -> Said:
        self._bury(session)
        session.born(bd_seq_of(payload), payload.seq or 0)
        metrics.NODES_ONLINE.inc()
        return self._births.take(session, NODE, payload)

    def _node_death(self, session: Session, payload: Payload) -> Said | None:
        """A will of an earlier session may arrive late: only the one that bears this session's bdSeq counts."""
        if not session.online or (session.bd_seq is not None and bd_seq_of(payload) != session.bd_seq):
            return None
        stale = session.stale(list(session.tables), self._clock.now_ns())
        orphaned = session.node in self._orphans
        self._bury(session)
        if orphaned:
            session.rebirths.want("reconnected")
        return Said(*stale)

    def _device_birth(self, session: Session, device: str, payload: Payload) -> Said | None:
        if not self._in_session(session, payload.seq):
            return None
        session.rebirths.settle_device(device)
        born = self._births.take(session, device, payload)
        late = [
            column
            for message in session.release(device)
            for column in self._understood(session, device, parse(message.payload))
        ]
        return born._replace(columns=concatenate([*born.columns, *late]))

    def _device_death(self, session: Session, device: str, payload: Payload) -> Said | None:
        if not self._in_session(session, payload.seq) or device not in session.tables:
            return None
        told_ns, now_ns = (payload.timestamp_ms or 0) * _NS_PER_MS, self._clock.now_ns()
        stale = session.stale([device], told_ns if 0 < told_ns <= now_ns else now_ns)
        self._births.bury(session, device)
        session.rebirths.settle_device(device)
        return Said(*stale)

    def _data(self, session: Session, device: str | None, message: Message) -> Said | None:
        wire = parse(message.payload)
        if not self._in_session(session, wire.seq if wire.HasField("seq") else None):
            metrics.UNBORN.inc()
            return None
        table = session.tables.get(device)
        if table:
            return said(table, self._understood(session, device, wire))
        if not (session.waits and session.hold(str(device), message)):
            metrics.UNBORN.inc()
            session.rebirths.want("device not born")
        return None

    def _in_session(self, session: Session, seq: int | None) -> bool:
        """Whether the node is born, so that its messages mean something; counts this one."""
        if session.online:
            session.step(seq, self._clock.monotonic_ns())
        else:
            session.rebirths.want("not born")
        return session.online

    def _understood(self, session: Session, device: str | None, wire: Wire) -> Columns:
        table = session.tables[device]
        columns, unknown = columns_of(wire, table)
        if unknown:
            metrics.UNKNOWN.inc(unknown)
            session.rebirths.want("unknown metric", device if table.can_be_born_alone else None)
        return columns

    def _bury(self, session: Session) -> None:
        for device in list(session.tables):
            self._births.bury(session, device)
        if session.online:
            metrics.NODES_ONLINE.dec()
        self._orphans.discard(session.node)
        session.died()


def _death(bd_seq: int | None) -> bytes:
    return encode(Payload(metrics=(Metric(BD_SEQ, DataType.INT64, bd_seq),)))
