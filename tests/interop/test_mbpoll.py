"""Debian's mbpoll reads our simulators: every tag as words, and in the types that mbpoll decodes by itself."""

import re
import shutil

import pytest

from protocols.modbus.point import Order, Table
from simulators.plant import RegisterSettings
from tests.interop.programs import run
from tests.interop.simulated import MACHINES, Simulated, simulated

pytestmark = pytest.mark.skipif(not shutil.which("mbpoll"), reason="needs mbpoll (Debian: apt-get install mbpoll)")
TABLES = {Table.COIL: "0", Table.DISCRETE: "1", Table.INPUT: "3", Table.HOLDING: "4"}


async def polled(seen: Simulated, register: RegisterSettings, type_: str = "", count: int = 1) -> list[str]:
    """The values of one answer as mbpoll prints them."""
    point = register.point
    order = ["-B"] if seen.machine.word_order is Order.BIG else []
    what = ["-t", TABLES[point.table] + type_, "-r", point.address, "-c", count, *order]
    out, err, status = await run("mbpoll", "-1", "-0", "-a", seen.machine.unit, *what, "-p", seen.port, "127.0.0.1")
    assert status == 0, out + err
    return re.findall(r"^\[\d+\]:\s+(\S+)", out, re.MULTILINE)


@pytest.mark.parametrize("slug", MACHINES)
async def test_every_tag_is_what_was_handed_out(slug: str) -> None:
    found = {}
    async with simulated(slug) as seen:
        for register in seen.machine.registers:
            of_registers = register.point.table.of_registers
            words = await polled(seen, register, ":hex" if of_registers else "", register.point.count)
            found[register.tag] = seen.meaning(register, [int(word, 16) for word in words])
        assert found == seen.told
        assert len(found) > 10


@pytest.mark.parametrize("slug", MACHINES)
async def test_what_mbpoll_decodes_by_itself(slug: str) -> None:
    """Its own 32-bit integers and floats, in the order of words that the machine has."""
    async with simulated(slug) as seen:
        decoded = [register for register in seen.machine.registers if register.type in ("float32", "uint32")]
        assert {"compressor-1": 4, "pump-1": 3}[slug] <= len(decoded)
        for register in decoded:
            (shown,) = await polled(seen, register, ":float" if register.type == "float32" else ":int")
            value = float(shown) * register.scale + register.offset
            assert value == pytest.approx(seen.told[register.tag], rel=1e-5), register.tag  # it prints six digits
