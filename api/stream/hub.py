"""Viewers and their queues: one event is encoded once and put before every viewer that may see it.

A viewer that reads too slowly loses its oldest events, counted; a viewer whose session has ended is let go.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from prometheus_client import Counter, Gauge

QUEUE_EVENTS = 1000
STREAMS_A_SESSION = 20  # a browser opens one a tab
HEARTBEAT_S = 10.0
_HEARTBEAT = b": still here\n\n"

DROPPED = Counter("lw_api_live_dropped_total", "Events that a slow viewer never got.")
VIEWERS = Gauge("lw_api_live_viewers", "Open live streams.")


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant under both of its names: topics use the slug, rows the id."""

    id: UUID
    slug: str


@dataclass(frozen=True, slots=True)
class Event:
    """What happened on a machine of a tenant."""

    tenant_id: UUID
    machine_id: UUID | None
    name: str
    data: dict[str, Any] = field(default_factory=dict)

    def encoded(self) -> bytes:
        """One SSE frame; JSON has no line breaks, so one data line is enough."""
        return f"event: {self.name}\ndata: {json.dumps(self.data, ensure_ascii=False)}\n\n".encode()


class Viewer:
    """One open stream."""

    def __init__(self, tenant: Tenant, session: str, machine_id: UUID | None, *, sees_orders: bool = True) -> None:
        self.tenant = tenant
        self.session = session
        self.machine_id = machine_id
        self._sees_orders = sees_orders
        self._frames: deque[bytes] = deque(maxlen=QUEUE_EVENTS)
        self._woken = asyncio.Event()
        self._ended = False

    def wants(self, event: Event) -> bool:
        """Whether this viewer may see the event and has asked for its machine."""
        return (
            self.tenant.id == event.tenant_id
            and self.machine_id in (None, event.machine_id)
            and (self._sees_orders or event.name != "order")
        )

    def put(self, frame: bytes) -> None:
        if len(self._frames) == QUEUE_EVENTS:
            DROPPED.inc()
        self._frames.append(frame)
        self._woken.set()

    def end(self) -> None:
        """The stream stops after what is already queued is thrown away: the viewer may see nothing more."""
        self._ended = True
        self._frames.clear()
        self._woken.set()

    async def frames(self) -> AsyncIterator[bytes]:
        """What to send, until the end; a heartbeat when nothing else was sent for a while."""
        yield b": connected\nretry: 2000\n\n"
        while not self._ended:
            try:
                async with asyncio.timeout(HEARTBEAT_S):
                    await self._woken.wait()
            except TimeoutError:
                yield _HEARTBEAT
                continue
            self._woken.clear()
            if self._frames:
                waiting = b"".join(self._frames)
                self._frames.clear()
                yield waiting


class Hub:
    """All viewers of this process."""

    def __init__(self) -> None:
        self._viewers: set[Viewer] = set()
        self._closed = False
        self.changed = asyncio.Event()  # a viewer came or went

    def join(self, viewer: Viewer) -> None:
        if self._closed:
            viewer.end()
            return
        self._viewers.add(viewer)
        VIEWERS.set(len(self._viewers))
        self.changed.set()

    def has_room(self, session: str) -> bool:
        """Whether this session may open another stream."""
        return sum(viewer.session == session for viewer in self._viewers) < STREAMS_A_SESSION

    def leave(self, viewer: Viewer) -> None:
        self._viewers.discard(viewer)
        VIEWERS.set(len(self._viewers))
        self.changed.set()

    def publish(self, event: Event) -> None:
        frame = None
        for viewer in self._viewers:
            if viewer.wants(event):
                frame = frame or event.encoded()
                viewer.put(frame)

    def tenants(self) -> set[Tenant]:
        """Tenants that somebody looks at."""
        return {viewer.tenant for viewer in self._viewers}

    def sessions(self) -> set[str]:
        """Sessions that hold a stream open."""
        return {viewer.session for viewer in self._viewers}

    def keep_only(self, sessions: Iterable[str]) -> None:
        """End every stream whose session is not among `sessions`."""
        alive = set(sessions)
        for viewer in [viewer for viewer in self._viewers if viewer.session not in alive]:
            viewer.end()

    def end_all(self) -> None:
        """End the open streams: something may have been missed, and a viewer that comes again reads everything."""
        for viewer in list(self._viewers):
            viewer.end()

    def close(self) -> None:
        """End all streams and refuse new ones: the process stops."""
        self._closed = True
        self.end_all()
