"""A storm of mutated answers against the Modbus driver: not one wrong value may be GOOD, nothing may crash.

    python -m tests.fuzz.modbus --answers 1000000 --seed 1

A third of the answers is Modbus TCP, a third RTU inside TCP, a third RTU on a serial line (which is never hung up).
All of driver, line, breaker, framing and checks is the real code, on an event loop whose time jumps
(tests/fuzz/virtual_time.py); only socket and port are objects. A value is wrong when a GOOD sample differs from what
the device held for that question.

What no client can notice is not tried: a changed data byte in a TCP answer (there is no checksum), damage that the
CRC-16 of RTU lets through (one in 65536 of the arbitrary kind), and on RTU a whole, right-shaped old answer from a unit
that does not answer one question after another.

After each storm the device behaves, and the seconds of protocol time until every tag is GOOD are measured.
Prints one JSON object; exit 0 only when clean.
"""

import argparse
import asyncio
import json
import random
import sys
from collections import Counter
from dataclasses import asdict, dataclass, field
from unittest import mock

import numpy as np

from protocols.device import NumberedDevice
from protocols.modbus.driver import ModbusDriver, ModbusRead
from protocols.modbus.settings import ModbusDevice
from protocols.sample import GOOD, Columns
from tests.fuzz.modbus_device import Framing, RtuFraming, SimulatedDevice
from tests.fuzz.modbus_mutations import MUTATIONS, TIMEOUT_S, nothing
from tests.fuzz.virtual_time import VirtualClock, VirtualLoop

RECOVERY_MOST_S = 5.0
STORM_ANSWERS = 100
SPOILT = 0.7
BLOCKS = {1: ("holding:0", "holding:100", "input:0"), 2: ("holding:0", "holding:300")}  # ten registers each
FRAMINGS: dict[str, type[Framing]] = {"tcp": Framing, "rtu_over_tcp": RtuFraming, "serial": RtuFraming}


@dataclass
class Figures:
    answers: int = 0
    good: int = 0
    wrong: int = 0
    crashed: int = 0
    slowest_recovery_s: float = 0.0
    errors: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not self.wrong and not self.crashed and self.slowest_recovery_s <= RECOVERY_MOST_S and self.good > 0


class Storm:
    """One framing: driver, device, and the comparison of what one says with what the other held."""

    def __init__(self, transport: str, seed: int, loop: VirtualLoop, figures: Figures) -> None:
        self.figures, self._loop = figures, loop
        self._dice = random.Random(f"{transport} {seed}")
        random.seed(self._dice.random())  # back-off and first number
        self.device = SimulatedDevice(loop, self._dice, FRAMINGS[transport]())
        loop.device = self.device
        self.driver = ModbusDriver(_devices(transport), VirtualClock(loop))
        places = [int(block.split(":")[1]) + i for blocks in BLOCKS.values() for block in blocks for i in range(10)]
        self._addresses = np.array(places)  # of each alias
        self._ops = self.driver.plan(range(len(places)))

    async def run(self, answers: int) -> None:
        await self.driver.open()
        await self._meet()
        while self.device.mutated < answers:
            storm_ends = min(answers, self.device.mutated + STORM_ANSWERS)
            self.device.choose = lambda: self._dice.choice(MUTATIONS) if self._dice.random() < SPOILT else None
            self._loop.refuses = lambda: self._dice.random() < 0.2
            while self.device.mutated < storm_ends:
                await self._cycle()
            self.device.choose, self._loop.refuses = lambda: None, lambda: False
            await self._recover()
        self.figures.answers += self.device.mutated
        await self.driver.close()

    async def _meet(self) -> None:
        """One lost answer each, so that the driver learns which unit echoes: what it does is proven only for those."""
        self.device.choose = lambda: nothing
        await self._cycle()
        self.device.choose = lambda: None
        await self._recover()

    async def _recover(self) -> None:
        await asyncio.sleep(self.device.busy_s())
        calm_s = self._loop.time()
        while not await self._cycle():
            await asyncio.sleep(0.05)
            if self._loop.time() - calm_s > 20 * RECOVERY_MOST_S:
                break
        self.figures.slowest_recovery_s = max(self.figures.slowest_recovery_s, self._loop.time() - calm_s)

    async def _cycle(self) -> bool:
        """Every block once. Whether all was good."""
        all_good = True
        for op in self._ops:
            questions = self.device.questions
            all_good &= self._compare(op, await self.driver.read(op))
            if self.device.questions == questions:  # a rest, a back-off: let its time pass
                await asyncio.sleep(0.05)
        return all_good

    def _compare(self, op: ModbusRead, columns: Columns) -> bool:
        all_good = True
        for column in columns:
            good = column.code == GOOD
            all_good &= bool(good.all())
            if good.any():
                addresses = self._addresses[column.alias[good]]
                held = self.device.held(op.request.unit, op.request.table.value, addresses)
                wrong = int(np.count_nonzero(column.value[good] != held))
                self.figures.good += len(held) - wrong
                self.figures.wrong += wrong
        return all_good


def _devices(transport: str) -> list[NumberedDevice[ModbusDevice]]:
    devices, first = [], 0
    for unit, blocks in BLOCKS.items():
        tags = []
        for block in blocks:
            table, start = block.split(":")
            tags += [
                {"tag": f"{table}-{at}", "address": f"{table}:{at}", "type": "uint16"}
                for at in range(int(start), int(start) + 10)
            ]
        line = {"serial": "/dev/device"} if transport == "serial" else {"host": "device", "transport": transport}
        modbus = {**line, "unit": unit, "timeout_s": TIMEOUT_S}
        settings = {"name": f"unit-{unit}", "protocol": "modbus", "modbus": modbus, "tags": tags}
        device = ModbusDevice.model_validate(settings)
        devices.append(NumberedDevice(device, range(first, first + len(tags))))
        first += len(tags)
    return devices


def storm(transport: str, answers: int, seed: int, figures: Figures) -> None:
    """Run one and add to `figures`."""
    loop = VirtualLoop()
    errors: Counter[str] = Counter()
    loop.set_exception_handler(lambda _, context: errors.update([repr(context.get("exception") or context)]))
    try:
        with mock.patch("protocols.modbus.wire.open_serial", lambda _path, _format, line: loop.connect(line)):
            loop.run_until_complete(Storm(transport, seed, loop, figures).run(answers))
    except Exception as error:  # noqa: BLE001 - what this program is there to count
        errors[repr(error)] += 1
    finally:
        loop.close()
    figures.crashed += errors.total()
    figures.errors += errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answers", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    figures = Figures()
    for transport in FRAMINGS:
        storm(transport, -(-arguments.answers // len(FRAMINGS)), arguments.seed, figures)
    print(json.dumps(asdict(figures)))
    sys.exit(0 if figures.clean else 1)


if __name__ == "__main__":
    main()
