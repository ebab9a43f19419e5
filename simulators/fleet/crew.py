"""Some gateways behind one connection: from their plan to the broker and back, through whatever becomes of the line.

pace ──make──► gateway ──take──► payloads ──publish──► broker          receipts ──► gateway, next turn
"""

import asyncio
import contextlib
import json
import math
import time
from collections.abc import Sequence

from protocols import UndecodablePayload
from protocols.broker import BrokerSettings
from protocols.topics import Down, Up
from protocols.wire import receipt
from runtime.retry import backoff_s
from simulators.fleet.gateway import Gateway
from simulators.fleet.mqtt import KEEP_ALIVE_S, Line, LineLost, Will, connect
from simulators.fleet.pace import Pace
from simulators.fleet.payloads import Payloads
from simulators.fleet.plan import FleetPlan

OFFLINE = b'{"online": false}'
_BURST = 16
# Looking at hundreds of gateways for every batch of each would take a core.
_TURN_LEAST_S = 0.02
_TURN_MOST_S = 1.0
_RECONNECT_MOST_S = 5.0


class Fleet:
    """What all crews of a fleet share."""

    def __init__(self, plan: FleetPlan, broker: BrokerSettings, pace: Pace) -> None:
        self.plan = plan
        self.broker = broker
        self.pace = pace
        self.payloads = Payloads(plan)
        self._started_s = time.monotonic()
        self._expected_s = 0.0

    def now_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started_s

    def expect(self, at_s: float) -> None:
        """Something happened at this time, or will."""
        self._expected_s = max(self._expected_s, at_s)

    @property
    def silent_s(self) -> float:
        """How long nothing has happened."""
        return self.now_s() - self._expected_s


class Crew:
    """Gateways that share a connection; done when every batch they made has its receipt."""

    def __init__(self, fleet: Fleet, name: str, gateways: Sequence[Gateway]) -> None:
        self._fleet = fleet
        self._name = name
        self._gateways = gateways
        addresses = {gateway: fleet.plan.address(gateway.index) for gateway in gateways}
        self._by_receipt = {address.down(Down.RECEIPT): gateway for gateway, address in addresses.items()}
        self._data = {gateway: address.up(Up.DATA) for gateway, address in addresses.items()}
        self._addresses = addresses
        self._news = asyncio.Event()
        self._said_s = 0.0
        self.connections = 0

    async def run(self) -> None:
        pause = backoff_s(most_s=_RECONNECT_MOST_S)
        while not self._done:
            try:
                line = await connect(self._fleet.broker, self._name, self._hear, self._news.set, self._will)
            except LineLost:
                await asyncio.sleep(next(pause))
                continue
            self.connections += 1
            pause = backoff_s(most_s=_RECONNECT_MOST_S)
            try:
                await self._session(line)
            except LineLost:
                for gateway in self._gateways:
                    gateway.disconnected()
            finally:
                line.close()

    @property
    def _done(self) -> bool:
        now_s = self._fleet.now_s()
        return all(self._fleet.pace.is_over(gateway, now_s) and not gateway.open for gateway in self._gateways)

    @property
    def _will(self) -> Will | None:
        """A shared connection says nothing of a single gateway."""
        if len(self._gateways) > 1:
            return None
        return self._addresses[self._gateways[0]].up(Up.STATE), OFFLINE

    def _hear(self, topic: str, payload: bytes) -> None:
        gateway = self._by_receipt.get(topic)
        try:
            told = receipt.decode(payload)
        except UndecodablePayload:
            return  # nothing is forgotten for a receipt that nobody can read
        if gateway:
            gateway.receipted(told)
            self._fleet.expect(self._fleet.now_s())
            self._news.set()

    async def _session(self, line: Line) -> None:
        line.subscribe(self._by_receipt)
        for gateway in self._gateways:
            line.publish(
                self._addresses[gateway].up(Up.CATALOG), self._fleet.payloads.catalog(gateway.index), retain=True
            )
            self._tell_state(line, gateway)
            await line.drain()
        while not self._done:
            sent = sum([self._turn(line, gateway) for gateway in self._gateways])
            await line.drain()
            await (asyncio.sleep(0) if sent else self._wait(line))
        for gateway in self._gateways:
            line.publish(self._addresses[gateway].up(Up.STATE), OFFLINE, retain=True)

    def _turn(self, line: Line, gateway: Gateway) -> int:
        """Make what is due, send what may go; how many batches went."""
        now_s, plan = self._fleet.now_s(), self._fleet.plan
        for number in range(gateway.counted.made, self._fleet.pace.wanted(gateway, now_s)):
            if plan.restart_every and number and plan.restarts(gateway.index, number):
                gateway.restart()
                self._tell_state(line, gateway)
            gateway.make()
        going = gateway.take(now_s, _BURST)
        for run, seq, number in going:
            line.publish(self._data[gateway], self._fleet.payloads.batch(gateway.index, number, run, seq))
        return len(going)

    def _tell_state(self, line: Line, gateway: Gateway) -> None:
        state = {"online": True, "runs": [str(gateway.run)], "open_batches": gateway.open, "dropped": []}
        line.publish(self._addresses[gateway].up(Up.STATE), json.dumps(state).encode(), retain=True)

    async def _wait(self, line: Line) -> None:
        """Until a receipt comes or something is due."""
        now_s = self._fleet.now_s()
        if now_s - self._said_s > KEEP_ALIVE_S / 3:
            line.ping()
            self._said_s = now_s
        making_s = min(self._fleet.pace.next_s(gateway) for gateway in self._gateways)
        if math.isfinite(making_s):
            self._fleet.expect(making_s)
        due_s = min(making_s, *(gateway.due_s for gateway in self._gateways), now_s + _TURN_MOST_S)
        patience_s = max(_TURN_LEAST_S, due_s - now_s)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await self._news.wait()
        self._news.clear()
