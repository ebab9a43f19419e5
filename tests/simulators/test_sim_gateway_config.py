"""The gateway.toml that the simulator writes is one that the gateway takes, with every tag in its right kind."""

from edge_gateway.settings import GatewaySettings
from protocols.sample import ValueKind
from runtime.settings import load
from simulators.gateway_config import Endpoint, GatewayTarget, gateway_toml
from simulators.plant import load_plant
from simulators.run import subscribed_series

PLANT = load_plant()
KINDS = {"float64": ValueKind.FLOAT, "int64": ValueKind.INT, "bool": ValueKind.BOOL, "text": ValueKind.TEXT}


def settings(tmp_path) -> GatewaySettings:
    endpoints = {server.name: Endpoint("127.0.0.1", 20_000 + n) for n, server in enumerate(PLANT.servers)}
    target = GatewayTarget("demo", "gw-7", "broker.example", 8883, tmp_path / 'a "quoted" spool')
    path = tmp_path / "gateway.toml"
    path.write_text(gateway_toml(PLANT, endpoints, target), encoding="utf-8")
    return load(GatewaySettings, path, environ={})


def test_the_gateway_takes_it(tmp_path):
    read = settings(tmp_path)
    assert (read.tenant, read.gateway) == ("demo", "gw-7")
    assert (read.broker.host, read.broker.port) == ("broker.example", 8883)
    assert read.spool.path == tmp_path / 'a "quoted" spool'
    assert [device.name for device in read.devices] == [machine.slug for machine in PLANT.machines]
    assert [device.endpoint for device in read.devices] == [
        "modbus://127.0.0.1:20000",
        "modbus://127.0.0.1:20001",
        "opc.tcp://127.0.0.1:20002/plant",
        "opc.tcp://127.0.0.1:20002/plant",
    ]


def test_every_tag_is_read_in_the_kind_that_the_registry_expects(tmp_path):
    for machine, device in zip(PLANT.machines, settings(tmp_path).devices, strict=True):
        assert [(tag.tag, tag.kind, tag.unit) for tag in device.tags] == [
            (spec.slug, KINDS[spec.type], spec.unit) for spec in machine.tags
        ]


def test_what_is_subscribed_is_what_the_audit_takes_for_subscribed(tmp_path):
    subscribed = {
        (device.machine, tag.tag) for device in settings(tmp_path).devices for tag in device.tags if tag.subscribed
    }
    assert subscribed == subscribed_series(PLANT)
    assert ("press-1", "zone_1_temperature") not in subscribed
    assert ("cnc-1", "state") in subscribed
