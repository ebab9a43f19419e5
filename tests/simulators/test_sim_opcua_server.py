"""Behind a real OPC UA server: types, units, times, the method; and every notification is a line of the truth."""

import asyncio
import time
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from asyncua import Client, ua

from simulators.opcua_server import NAMESPACE, OpcuaServer
from simulators.physics import PlantPhysics
from simulators.plant import load_plant

pytestmark = pytest.mark.asyncio(loop_scope="module")

PLANT = load_plant()
MACHINES = PLANT.machines_of("hall-1")
SPINDLE, PRESS = MACHINES
SUBSCRIBED = [(machine, spec.slug) for machine in MACHINES for spec in machine.tags if spec.slug not in machine.polled]


class Hall:
    """The server, its machines, and what it says it handed out."""

    def __init__(self) -> None:
        self.physics = PlantPhysics(PLANT)
        self.told: list[tuple[str, int, object]] = []
        self.server = OpcuaServer(PLANT.server("hall-1"), MACHINES, self._hear, self._reset)

    def _hear(self, machine, time_ns, values) -> None:
        self.told += [(f"{machine}.{tag}", time_ns, value) for tag, value in values]

    def _reset(self, slug) -> None:
        self.physics.machine(slug).reset_part_counter()

    async def tick(self, seconds: float = 2.0) -> None:
        self.physics.advance(seconds)
        await self.show()

    async def show(self) -> None:
        for machine in MACHINES:
            await self.server.show(machine.slug, self.physics.values(machine.slug), time.time_ns())

    @asynccontextmanager
    async def client(self):
        async with Client(f"opc.tcp://127.0.0.1:{self.server.port}/plant") as client:
            index = await client.get_namespace_index(NAMESPACE)
            client.at = lambda name: client.get_node(ua.NodeId(name, index))
            yield client


class Ears:
    """Collects notifications: node, source time in ns, value, quality."""

    def __init__(self) -> None:
        self.got: list[tuple[str, int, object]] = []
        self.statuses: list[ua.StatusCode] = []

    def datachange_notification(self, node, value, data) -> None:
        shown = data.monitored_item.Value
        self.statuses.append(shown.StatusCode)
        self.got.append((node.nodeid.Identifier, round(shown.SourceTimestamp.timestamp() * 1e6) * 1000, value))


@asynccontextmanager
async def listening(client, names):
    ears = Ears()
    subscription = await client.create_subscription(50, ears)
    await subscription.subscribe_data_change([client.at(name) for name in names], queuesize=50)
    yield ears
    await subscription.delete()


async def until(condition, seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hall():
    hall = Hall()
    async with hall.server:
        await hall.tick()
        yield hall


async def test_nodes_have_types_units_ranges_and_names_in_both_languages(hall):
    wanted = {
        "float64": ua.VariantType.Double, "int64": ua.VariantType.Int64, "bool": ua.VariantType.Boolean,
        "text": ua.VariantType.String,
    }  # fmt: skip
    async with hall.client() as client:
        for machine in MACHINES:
            for spec in machine.tags:
                shown = await client.at(f"{machine.slug}.{spec.slug}").read_data_value()
                assert shown.StatusCode.is_good()
                assert shown.Value.VariantType == wanted[spec.type], spec.slug
                assert shown.Value.Value == hall.physics.values(machine.slug)[spec.slug]
        node = client.at("cnc-1.spindle_temperature")
        assert (await (await node.get_child("0:EngineeringUnits")).read_value()).DisplayName.Text == "°C"
        assert (await (await node.get_child("0:EURange")).read_value()).High == 150
        assert (await node.read_display_name()).Text == "主轴温度"
        assert (await node.read_description()).Text == "Spindle temperature"


async def test_a_client_cannot_write(hall):
    async with hall.client() as client:
        with pytest.raises(ua.UaStatusCodeError):
            await client.at("cnc-1.part_count").write_value(ua.Variant(7, ua.VariantType.Int64))


async def test_every_notification_is_a_line_of_the_truth_and_the_other_way_round(hall):
    """Also for tags that stay the same for long, or go away from a value and back between two publications."""
    await hall.tick()
    await hall.show()  # the same values again, later: nothing changes but their time
    hall.told.clear()
    async with hall.client() as client, listening(client, [f"{m.slug}.{tag}" for m, tag in SUBSCRIBED]) as ears:
        assert len(hall.told) == len(SUBSCRIBED)  # the first value of each, unchanged as it is
        for _ in range(30):
            await hall.tick()
        await until(lambda: len(ears.got) >= len(hall.told))
        await asyncio.sleep(0.2)
        assert sorted(ears.got, key=str) == sorted(hall.told, key=str)
        assert all(status.is_good() for status in ears.statuses)
        changes = [name for name, _, _ in hall.told]
        assert changes.count("cnc-1.alarm_code") == 1
        assert changes.count("cnc-1.spindle_temperature") > 10


async def test_a_second_subscription_gets_the_value_with_the_time_of_the_last_tick(hall):
    async with hall.client() as client:
        async with listening(client, ["cnc-1.alarm_code"]) as ears:
            await until(lambda: ears.got)
        for _ in range(3):
            await hall.tick()
        hall.told.clear()
        async with listening(client, ["cnc-1.alarm_code"]) as again:
            await until(lambda: again.got)
    assert again.got == hall.told
    assert again.got[0][1] > ears.got[0][1]


async def test_a_polled_tag_is_handed_out_when_it_is_read(hall):
    hall.told.clear()
    await hall.tick()
    assert not [name for name, _, _ in hall.told if name.endswith("zone_1_temperature")]
    async with hall.client() as client:
        before = time.time_ns()
        hall.told.clear()
        value = await client.at("press-1.zone_1_temperature").read_value()
        [(name, told_ns, told)] = hall.told
        assert (name, told) == ("press-1.zone_1_temperature", value)
        assert before <= told_ns <= time.time_ns()
        await client.at("cnc-1.power").read_value()  # a subscribed tag read by somebody who looks around
        assert len(hall.told) == 1


async def test_the_part_counter_can_be_reset_by_a_client(hall):
    for _ in range(50):
        await hall.tick()
    async with hall.client() as client:
        assert await client.at("cnc-1.part_count").read_value() > 0
        await client.at("cnc-1").call_method(client.at("cnc-1.ResetPartCounter"))
        await hall.tick(0.1)
        assert await client.at("cnc-1.part_count").read_value() == 0


async def test_a_machine_out_of_reach_is_bad_without_a_value_and_nothing_is_handed_out(hall):
    async with hall.client() as client, listening(client, ["cnc-1.power", "press-1.power"]) as ears:
        await until(lambda: len(ears.got) == 2)
        hall.told.clear()
        await hall.server.silence("cnc-1", silent=True)
        await hall.tick()
        await until(lambda: any(not status.is_good() for status in ears.statuses))
        assert not [name for name, _, _ in hall.told if name.startswith("cnc-1")]
        shown = await client.at("cnc-1.power").read_data_value(raise_on_bad_status=False)
        assert shown.StatusCode.value == ua.StatusCodes.BadNoCommunication
        assert shown.Value.Value is None
        await hall.server.silence("cnc-1", silent=False)
        await hall.tick()
        # its value before, the loss of its line, and its value now
        await until(lambda: [name for name, _, _ in ears.got].count("cnc-1.power") == 3)
        assert [value for name, _, value in ears.got if name == "cnc-1.power"][1] is None
        assert len([name for name, _, _ in hall.told if name.startswith("cnc-1")]) == len(SPINDLE.tags)


async def test_a_server_without_power_forgets_its_clients_and_comes_back_on_its_port(hall):
    port = hall.server.port
    async with hall.client() as client:
        await hall.server.close()
        with pytest.raises((ConnectionError, OSError, asyncio.TimeoutError, ua.UaError)):
            await asyncio.wait_for(client.at("cnc-1.power").read_value(), 3)
    await hall.tick()  # nobody to show it to
    await hall.server.open()
    assert hall.server.port == port
    hall.told.clear()
    await hall.tick()
    assert len(hall.told) == len(SUBSCRIBED)
    async with hall.client() as client:
        assert await client.at("cnc-1.power").read_value() == hall.physics.values("cnc-1")["power"]
