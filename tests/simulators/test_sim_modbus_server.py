"""Behind a real socket: a plain pymodbus client gets what the truth says was handed out, an exception, or silence."""

import asyncio
import shutil
import struct
import time

import pytest
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

from simulators import ServerDown
from simulators.modbus_server import ModbusServer
from simulators.physics import PlantPhysics
from simulators.plant import load_plant

PLANT = load_plant()


class Heard(list):
    """Collects what was handed out."""

    def __call__(self, machine, time_ns, values) -> None:
        self.append((machine, time_ns, dict(values)))


@pytest.fixture
async def physics():
    physics = PlantPhysics(PLANT)
    physics.advance(30.0)
    return physics


@pytest.fixture
def heard():
    return Heard()


@pytest.fixture
async def pump(physics, heard):
    settings = PLANT.server("pump-1")
    async with ModbusServer(settings, PLANT.machines_of("pump-1"), heard) as server:
        await server.show("pump-1", physics.values("pump-1"), time.time_ns())
        yield server


@pytest.fixture
async def client(pump):
    client = AsyncModbusTcpClient("127.0.0.1", port=pump.port, timeout=0.3, retries=0)
    assert await client.connect()
    yield client
    client.close()


async def test_a_read_brings_exactly_what_the_truth_says(pump, client, heard, physics):
    before = time.time_ns()
    answer = await client.read_input_registers(0, count=8, device_id=3)
    machine, handed_ns, told = heard[-1]
    assert machine == "pump-1"
    assert before <= handed_ns <= time.time_ns()
    words = answer.registers
    assert told == {
        "vibration_rms": struct.unpack(">f", struct.pack(">HH", words[1], words[0]))[0],  # low word first
        "bearing_temperature": words[2] * 0.1 - 40.0,
        "flow": struct.unpack(">f", struct.pack(">HH", words[4], words[3]))[0],
        "suction_pressure": words[5] * 0.001,
        "discharge_pressure": words[6] * 0.001,
        "speed": words[7] * 0.1,
    }
    shown = physics.values("pump-1")
    for tag, value in told.items():
        assert value == pytest.approx(shown[tag], abs=0.06), tag


async def test_half_a_value_is_not_handed_out(client, heard):
    await client.read_input_registers(1, count=3, device_id=3)
    assert set(heard[-1][2]) == {"bearing_temperature"}


async def test_a_bit_of_a_status_word(client, heard):
    answer = await client.read_holding_registers(10, count=1, device_id=3)
    assert answer.registers == [1]
    assert heard[-1][2] == {"running": True}


async def test_holes_and_unknown_tables_answer_exception_2_and_hand_nothing_out(client, heard):
    for read, address, count in (
        (client.read_input_registers, 15, 10),
        (client.read_input_registers, 50, 1),
        (client.read_holding_registers, 119, 2),
        (client.read_coils, 0, 1),
    ):
        answer = await read(address, count=count, device_id=3)
        assert answer.isError()
        assert answer.exception_code == 2
    assert heard == []


async def test_writing_is_refused(client):
    answer = await client.write_register(10, 0, device_id=3)
    assert answer.isError()


async def test_coils_and_discrete_inputs_are_counted_in_bits(physics, heard):
    async with ModbusServer(PLANT.server("compressor-1"), PLANT.machines_of("compressor-1"), heard) as server:
        await server.show("compressor-1", physics.values("compressor-1") | {"loaded": True}, time.time_ns())
        client = AsyncModbusTcpClient("127.0.0.1", port=server.port, timeout=1)
        await client.connect()
        assert (await client.read_discrete_inputs(0, count=3, device_id=1)).bits[:3] == [False] * 3
        assert heard[-1][2] == {}
        assert (await client.read_discrete_inputs(0, count=4, device_id=1)).bits[:4] == [False] * 3 + [True]
        assert heard[-1][2] == {"loaded": True}
        assert (await client.read_coils(0, count=1, device_id=1)).bits[0] is True
        client.close()


async def test_a_block_is_of_one_tick(pump, client, physics):
    """All registers of an answer change together, however many ticks pass while a client reads."""
    shown = [physics.values("pump-1") | {"suction_pressure": n / 1000, "discharge_pressure": n / 1000} for n in (1, 2)]

    async def tick() -> None:
        while True:
            for values in shown:
                await pump.show("pump-1", values, 0)
                await asyncio.sleep(0)

    ticking = asyncio.create_task(tick())
    seen = set()
    for _ in range(200):
        low, high = (await client.read_input_registers(5, count=2, device_id=3)).registers
        assert low == high
        seen.add(low)
    ticking.cancel()
    assert seen == {1, 2}


async def test_a_silent_unit_lets_its_client_wait_and_hands_nothing_out(pump, client, heard):
    await pump.silence("pump-1", silent=True)
    with pytest.raises(ModbusException):
        await client.read_input_registers(0, count=8, device_id=3)
    assert heard == []
    await pump.silence("pump-1", silent=False)
    assert not (await client.read_input_registers(0, count=8, device_id=3)).isError()


async def test_a_unit_that_is_not_there_does_not_answer(client):
    with pytest.raises(ModbusException):
        await client.read_input_registers(0, count=8, device_id=9)


async def test_a_closed_server_drops_its_clients_and_comes_back_on_its_port(pump, client):
    port = pump.port
    await pump.close()
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", port)
    with pytest.raises(ModbusException):
        await client.read_input_registers(0, count=8, device_id=3)
    await pump.open()
    assert pump.port == port
    again = AsyncModbusTcpClient("127.0.0.1", port=port, timeout=1)
    await again.connect()
    assert not (await again.read_input_registers(0, count=8, device_id=3)).isError()
    again.close()


async def test_a_taken_port_is_said(pump):
    taken = PLANT.server("pump-1").model_copy(update={"port": pump.port})
    with pytest.raises(ServerDown, match=str(pump.port)):
        await ModbusServer(taken, PLANT.machines_of("pump-1"), None).open()


async def test_several_units_share_a_line():
    line = PLANT.server("pump-1")
    machines = tuple(machine.model_copy(update={"server": line.name}) for machine in PLANT.machines[:2])
    heard = Heard()
    physics = PlantPhysics(PLANT)
    physics.advance(2.0)
    async with ModbusServer(line, machines, heard) as server:
        for machine in machines:
            await server.show(machine.slug, physics.values(machine.slug), 0)
        client = AsyncModbusTcpClient("127.0.0.1", port=server.port, timeout=1)
        await client.connect()
        await client.read_holding_registers(10, count=1, device_id=1)
        await client.read_holding_registers(10, count=1, device_id=3)
        client.close()
    assert [(machine, set(values)) for machine, _, values in heard] == [
        ("compressor-1", {"discharge_pressure"}),
        ("pump-1", {"running"}),
    ]


@pytest.mark.skipif(not shutil.which("mbpoll"), reason="mbpoll is not installed (Debian: apt-get install mbpoll)")
async def test_mbpoll_reads_it_too(pump, heard):
    """A client that shares no line of code with us or with pymodbus; its addresses count from 1."""
    process = await asyncio.create_subprocess_exec(
        "mbpoll", "-1", "-a", "3", "-t", "3", "-r", "6", "-c", "3", "-p", str(pump.port), "127.0.0.1",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await asyncio.wait_for(process.communicate(), 10)
    assert process.returncode == 0, out
    read = [int(line.split(b"]:")[1].split()[0]) for line in out.splitlines() if line.startswith(b"[")]
    told = heard[-1][2]
    assert read == [round(told[tag] / scale) for tag, scale in
                    (("suction_pressure", 0.001), ("discharge_pressure", 0.001), ("speed", 0.1))]  # fmt: skip
