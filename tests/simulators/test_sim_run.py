"""The running plant from outside: where it listens, its faults in time, and an honest reader that passes the audit."""

import asyncio
import struct
import time
from contextlib import asynccontextmanager, suppress

from asyncua import Client, ua
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

from edge_gateway.settings import GatewaySettings
from protocols.modbus.codec import compile_block
from protocols.modbus.field import Field
from protocols.modbus.point import Table
from protocols.modbus.settings import ModbusDevice
from protocols.sample import GOOD, Reason, ValueKind, bad
from runtime.settings import load
from simulators.audit import Rules, StoredRow, audit
from simulators.gateway_config import GatewayTarget
from simulators.opcua_server import NAMESPACE
from simulators.plant import Plant, load_plant
from simulators.run import Outputs, run_plant, subscribed_series
from simulators.truth import read_lines, read_values

DEMO = load_plant()
TIMEOUT_S = 0.3


@asynccontextmanager
async def running(plant: Plant, folder):
    """The plant, the gateway's settings as it wrote them, and its truth."""
    truth, config = folder / "truth.jsonl", folder / "gateway.toml"
    listening: asyncio.Future = asyncio.get_running_loop().create_future()
    outputs = Outputs(truth, config, GatewayTarget(plant.tenant, spool=folder / "gw.spool"))
    task = asyncio.create_task(run_plant(plant, outputs, listening.set_result))
    try:
        await asyncio.wait({listening, task}, return_when=asyncio.FIRST_COMPLETED, timeout=60)
        if task.done():
            await task
        endpoints = listening.result()
        assert set(endpoints) == {server.name for server in plant.servers}
        yield load(GatewaySettings, config, environ={}), truth
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def of(plant: Plant, *machines: str, faults=(), speed: float = 20.0) -> Plant:
    chosen = [machine for machine in plant.model_dump()["machines"] if machine["slug"] in machines]
    servers = [server for server in plant.model_dump()["servers"] if server["name"] in {m["server"] for m in chosen}]
    data = {"machines": chosen, "servers": servers, "faults": list(faults), "speed": speed, "tick_s": 0.05}
    return Plant.model_validate(plant.model_dump() | data)


class Reader:
    """Reads as a gateway would, one tag a request, and keeps rows."""

    def __init__(self, settings: GatewaySettings) -> None:
        self.settings = settings
        self.rows: list[StoredRow] = []
        self.enough = asyncio.Event()  # a cancellation would get lost inside pymodbus now and then

    async def poll(self, device: ModbusDevice, period_s: float) -> None:
        at = device.modbus
        client = AsyncModbusTcpClient(at.host, port=at.port, timeout=TIMEOUT_S, retries=0, reconnect_delay=0)
        reads = {
            Table.COIL: client.read_coils, Table.DISCRETE: client.read_discrete_inputs,
            Table.HOLDING: client.read_holding_registers, Table.INPUT: client.read_input_registers,
        }  # fmt: skip
        try:
            while not self.enough.is_set():
                if not client.connected:
                    client.close()
                    await client.connect()
                for tag in device.tags:
                    try:
                        answer = await reads[tag.point.table](
                            tag.point.address, count=tag.point.count, device_id=at.unit
                        )
                    except ModbusException:
                        self._keep(device, tag.tag, None, bad(Reason.TIMEOUT))
                        break
                    self._keep(device, tag.tag, self._decode(device, tag, answer), GOOD)
                await asyncio.sleep(period_s)
        finally:
            client.close()

    def _keep(self, device, tag, value, code) -> None:
        self.rows.append(StoredRow(device.machine, tag, time.time_ns() // 1000 * 1000, value, code))

    def _decode(self, device, tag, answer):
        words = answer.registers
        data = struct.pack(f">{len(words)}H", *words) if tag.point.table.of_registers else bytes([answer.bits[0]])
        order = device.modbus
        field = Field(0, tag.point, order.word_order, order.byte_order, tag.scale, tag.offset)
        (column,) = compile_block(tag.point.address, [field]).decode(data, 1)
        value = column.value.tolist()[0]
        return float(value) if column.kind is not ValueKind.TEXT else value

    def datachange_notification(self, node, value, data) -> None:
        machine, _, tag = node.nodeid.Identifier.partition(".")
        shown = data.monitored_item.Value
        code = GOOD if shown.StatusCode.is_good() else bad(Reason.DEVICE_REPORTED)
        stamp_ns = round(shown.SourceTimestamp.timestamp() * 1e6) * 1000
        kept = value if isinstance(value, str) or value is None else float(value)
        self.rows.append(StoredRow(machine, tag, stamp_ns, kept, code))

    @asynccontextmanager
    async def subscribed(self):
        devices = [device for device in self.settings.devices if device.protocol == "opcua"]
        async with Client(devices[0].opcua.url) as client:
            index = await client.get_namespace_index(NAMESPACE)
            nodes = [
                client.get_node(ua.NodeId(f"{device.machine}.{tag.tag}", index))
                for device in devices
                for tag in device.tags
                if tag.subscribed
            ]
            subscription = await client.create_subscription(50, self)
            await subscription.subscribe_data_change(nodes, queuesize=50)
            yield


@asynccontextmanager
async def polling(reader: Reader, period_s: float = 0.05):
    tasks = [
        asyncio.create_task(reader.poll(device, period_s))
        for device in reader.settings.devices
        if isinstance(device, ModbusDevice)
    ]
    yield
    reader.enough.set()
    async with asyncio.timeout(20):
        await asyncio.gather(*tasks)


def check(reader: Reader, truth, end_ns: int, plant: Plant):
    polled_opcua = {(machine.slug, tag) for machine in plant.machines for tag in machine.polled}
    values = [value for value in read_values(truth) if (value.machine, value.tag) not in polled_opcua]
    rules = Rules(read_timeout_s=1.0, silence_s=2.0, end_ns=end_ns, subscribed=subscribed_series(plant))
    result = audit(values, reader.rows, rules)
    assert result.clean, result
    dropped = some_row(reader.rows)
    lost = audit(values, [row for row in reader.rows if row is not dropped], rules)
    assert (lost.missing, lost.wrong) == (1, 0), lost
    return result


def some_row(rows: list[StoredRow]) -> StoredRow:
    """A good row in the middle of good rows of its series: nothing around it accounts for its loss."""
    by_series: dict[tuple[str, str], list[StoredRow]] = {}
    for row in rows:
        by_series.setdefault((row.machine, row.tag), []).append(row)
    return next(
        same[n]
        for same in by_series.values()
        for n in range(3, len(same) - 3)
        if all(row.code == GOOD for row in same[n - 2 : n + 3])
    )


async def test_a_reader_of_the_whole_demo_passes_the_audit(tmp_path):
    plant = DEMO.model_copy(update={"tick_s": 0.05})
    async with running(plant, tmp_path) as (settings, truth):
        reader = Reader(settings)
        async with reader.subscribed(), polling(reader):
            await asyncio.sleep(3)
            end_ns = time.time_ns()
            await asyncio.sleep(0.5)
        result = check(reader, truth, end_ns, plant)
    assert result.produced > 1000
    assert result.in_gaps == 0
    started = [line["machine"] for line in read_lines(truth) if line["kind"] == "start"]
    assert started == ["compressor-1", "pump-1", "cnc-1", "press-1"]
    assert sorted(line["machine"] for line in read_lines(truth) if line["kind"] == "stop") == sorted(started)


async def test_a_cut_line_and_a_power_cycle_are_told_and_leave_gaps_but_no_loss(tmp_path):
    faults = [
        {"machine": "compressor-1", "fault": "communication_loss", "start_s": 20, "end_s": 36},
        {"machine": "pump-1", "fault": "power_cycle", "start_s": 24, "end_s": 40},
    ]
    plant = of(DEMO, "compressor-1", "pump-1", faults=faults)
    async with running(plant, tmp_path) as (settings, truth):
        reader = Reader(settings)
        async with polling(reader):
            await asyncio.sleep(4)
            end_ns = time.time_ns()
            await asyncio.sleep(0.5)
        check(reader, truth, end_ns, plant)
    lines = list(read_lines(truth))
    for machine, fault in (("compressor-1", "communication_loss"), ("pump-1", "power_cycle")):
        phases = [line["phase"] for line in lines if line["kind"] == "fault" and line["machine"] == machine]
        assert phases == ["onset", "full", "cleared"], fault
        kinds = [line for line in lines if line["kind"] in ("start", "stop") and line["machine"] == machine]
        assert [line["kind"] for line in kinds] == ["start", "stop", "start", "stop"]
        silent = [line["t_ns"] for line in kinds[1:3]]
        assert 0.6e9 < silent[1] - silent[0] < 3e9  # 16 s of plant time at speed 20
        handed = [line["t_ns"] for line in lines if line["kind"] == "value" and line["machine"] == machine]
        in_hand_ns = silent[0] + 50_000_000  # a request that was being answered when the plug was pulled
        assert not [t_ns for t_ns in handed if in_hand_ns < t_ns < silent[1]]
        assert [t_ns for t_ns in handed if t_ns > silent[1]]
        assert [row for row in reader.rows if row.machine == machine and row.bad]


async def test_an_opcua_machine_out_of_reach_turns_bad_and_comes_back(tmp_path):
    faults = [{"machine": "cnc-1", "fault": "communication_loss", "start_s": 30, "end_s": 44}]
    plant = of(DEMO, "cnc-1", "press-1", faults=faults)
    async with running(plant, tmp_path) as (settings, truth):
        reader = Reader(settings)
        async with reader.subscribed():
            await asyncio.sleep(3.5)
            end_ns = time.time_ns()
            await asyncio.sleep(0.5)
        check(reader, truth, end_ns, plant)
    cnc = [row for row in reader.rows if row.machine == "cnc-1" and row.tag == "spindle_temperature"]
    went = next(n for n, row in enumerate(cnc) if row.bad)
    assert cnc[went + 1].code == GOOD
    assert cnc[went + 1].time_ns - cnc[went].time_ns > 0.5e9
    assert not [row for row in reader.rows if row.machine == "press-1" and row.bad]


async def test_wall_time_runs_at_the_plants_speed(tmp_path):
    faults = [{"machine": "pump-1", "fault": "bearing_wear", "start_s": 50, "ramp_s": 50}]
    plant = of(DEMO, "pump-1", faults=faults, speed=50.0)
    async with running(plant, tmp_path) as (_, truth):
        async with asyncio.timeout(10):
            while len([line for line in read_lines(truth) if line["kind"] == "fault"]) < 2:
                await asyncio.sleep(0.05)
    times = [line["t_ns"] for line in read_lines(truth) if line["kind"] in ("start", "fault")]
    onset_s, full_s = ((t_ns - times[0]) / 1e9 for t_ns in times[1:])
    assert 0.8 < onset_s < 4  # never faster; a busy box makes the plant slower
    assert 0.8 < full_s - onset_s < 4


async def test_without_a_truth_file_nothing_is_kept(tmp_path):
    task = asyncio.create_task(run_plant(of(DEMO, "pump-1"), Outputs(gateway_config=tmp_path / "gw.toml")))
    async with asyncio.timeout(10):
        while not (tmp_path / "gw.toml").exists():
            await asyncio.sleep(0.02)
    device = load(GatewaySettings, tmp_path / "gw.toml", environ={}).devices[0]
    client = AsyncModbusTcpClient(device.modbus.host, port=device.modbus.port, timeout=1)
    await client.connect()
    assert not (await client.read_input_registers(0, count=2, device_id=3)).isError()
    client.close()
    task.cancel()
    await asyncio.wait({task})
    assert [path.name for path in tmp_path.iterdir()] == ["gw.toml"]
