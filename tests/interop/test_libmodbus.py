"""Against libmodbus, neither ours nor pymodbus: our driver reads its server, its client reads our simulator."""

import asyncio
import math
import struct
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from protocols.sample import Sample, reason_of
from tests.interop.programs import run
from tests.interop.simulated import MACHINES, simulated
from tests.protocols.contract import read_all
from tests.protocols.modbus_rig import device, make

Program = Callable[[str], Path]
EXACT_23_47 = struct.unpack(">f", struct.pack(">f", -23.47))[0]
DENORMAL = struct.unpack(">f", struct.pack(">f", 1e-40))[0]

# address, type, what else the tag says, value or the reason why there is none
IMAGE: list[tuple[str, str, dict[str, Any], object]] = [
    ("holding:0", "float32", {}, EXACT_23_47),
    ("holding:2", "float32", {"word_order": "little"}, EXACT_23_47),
    ("holding:4", "float32", {"byte_order": "little"}, EXACT_23_47),
    ("holding:6", "float32", {"word_order": "little", "byte_order": "little"}, EXACT_23_47),
    ("holding:8", "float32", {}, DENORMAL),
    ("holding:10", "float32", {}, 3.4028234663852886e38),
    ("holding:12", "float32", {}, "nan"),
    ("holding:20", "int16", {}, -2),
    ("holding:20", "int16", {"scale": 0.1, "offset": 1}, -2 * 0.1 + 1),
    ("holding:20.0", "bool", {}, False),
    ("holding:20.15", "bool", {}, True),
    ("holding:21", "uint16", {}, 65535),
    ("holding:21", "uint16", {"missing": 0xFFFF}, "device_reported"),
    ("holding:22", "int32", {}, -123456),
    ("holding:24", "uint32", {}, 4294967295),
    ("holding:26", "int64", {}, -1234567890123456789),
    ("holding:30", "uint64", {}, 9223372036854775807),
    ("holding:34", "uint64", {}, "out_of_range"),
    ("holding:38", "int48", {}, -140737488355328),
    ("holding:41", "uint48", {}, 281474976710655),
    ("holding:44.high", "int8", {}, -128),
    ("holding:44.low", "uint8", {}, 200),
    ("holding:45", "int64", {"word_order": "little", "byte_order": "little"}, -1234567890123456789),
    ("holding:60", "float64", {}, math.pi),
    ("holding:64", "float16", {}, 20.0),
    ("holding:65", "bcd16", {}, 1234),
    ("holding:66", "bcd32", {}, 420099),
    ("holding:66", "bcd32", {"scale": 0.01}, 420099 * 0.01),
    ("holding:68", "bcd48", {}, 123456789012),
    ("holding:71", "bcd64", {}, 9999999999999999),
    ("holding:75", "mod10_32", {}, 420099),
    ("holding:77", "mod10_48", {}, 123456789012),
    ("holding:80", "mod10_64", {}, 9999999999999999),
    ("holding:84", "bcd16", {}, "undecodable"),
    ("holding:84", "mod10_32", {"word_order": "little"}, "undecodable"),
    ("holding:90", "string:8", {}, "SK 37 油压"),
    ("holding:100", "string:6", {"byte_order": "little"}, "SK 37 油压"),
    ("holding:110", "string:4", {"encoding": "gbk"}, "油压"),
    ("holding:110", "string:4", {}, "undecodable"),
    ("input:70", "int16", {"scale_register": "input:72", "missing": 0x8000}, 23.5),
    ("input:71", "int16", {"scale_register": "input:72", "missing": 0x8000}, "device_reported"),
    ("input:73", "int16", {"scale_register": "input:74"}, "device_reported"),
    ("input:75", "uint16", {"enum": {4: "MPPT", 7: "FAULT"}}, "MPPT"),
    ("input:76", "uint16", {"enum": {4: "MPPT", 7: "FAULT"}}, "undecodable"),
    *((f"coil:{i}", "bool", {}, i in {0, 2, 3, 15, 24, *range(32, 40)}) for i in range(40)),
    *((f"discrete:{i}", "bool", {}, i in {7, 16, *range(24, 32)}) for i in range(32)),
    ("holding:299", "uint16", {}, 0),
    ("holding:300", "uint16", {}, "exception_2"),
]  # fmt: skip


async def read_image(port: int) -> dict[int, Sample]:
    tags = [{"tag": f"t{i}", "address": a, "type": t, **more} for i, (a, t, more, _) in enumerate(IMAGE)]
    driver = make(device(port, tags))
    try:
        await driver.open()
        return await read_all(driver, list(range(len(tags))))
    finally:
        await driver.close()


def wrong(found: dict[int, Sample], image: list[tuple[str, str, dict[str, Any], object]]) -> list[str]:
    """Tags whose value, type or reason is not the expected one."""
    lines = []
    for i, (address, type_, _, wanted) in enumerate(image):
        sample = found[i]
        shown = reason_of(sample.code) if sample.value is None else sample.value
        if shown != wanted or type(shown) is not type(wanted):
            lines.append(f"{address} {type_}: {shown!r} instead of {wanted!r}")
    return lines


@pytest.fixture
async def libmodbus_port(libmodbus_program: Program) -> AsyncIterator[int]:
    process = await asyncio.create_subprocess_exec(
        libmodbus_program("libmodbus_server"), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout
    async with asyncio.timeout(20):
        port = int(await process.stdout.readline())
    yield port
    process.kill()
    await process.communicate()


async def test_our_driver_reads_a_libmodbus_server(libmodbus_port: int) -> None:
    found = await read_image(libmodbus_port)
    assert len(found) == len(IMAGE)
    assert wrong(found, IMAGE) == []
    shifted = [*IMAGE[1:], IMAGE[0]]  # the control: other values at other places are noticed
    assert len(wrong(found, shifted)) > len(IMAGE) // 3


@pytest.mark.parametrize("slug", MACHINES)
async def test_a_libmodbus_client_reads_our_simulator(libmodbus_program: Program, slug: str) -> None:
    client, found = libmodbus_program("libmodbus_client"), {}
    async with simulated(slug) as seen:
        for register in seen.machine.registers:
            point = register.point
            place = point.table.word, point.address, point.count
            out, err, status = await run(client, seen.port, seen.machine.unit, *place)
            assert (err, status) == ("", 0)
            found[register.tag] = seen.meaning(register, [int(word, 16) for word in out.split()])
        assert found == seen.told
        assert len(found) > 10
        hole, _ = seen.machine.holes[0]
        refused = await run(client, seen.port, seen.machine.unit, "holding", hole, 1)
        assert refused == ("", "Illegal data address", 1)
