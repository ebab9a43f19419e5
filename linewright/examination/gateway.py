"""One gateway.toml: does it fit, does its gateway run, and does everything around it answer."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from edge_gateway.catalog import number
from edge_gateway.settings import GatewaySettings
from linewright.examination import broker, devices, running, serial_ports, spool
from linewright.examination.finding import Check, Finding, Findings, Section, blocking
from linewright.examination.running import Running
from protocols.modbus.settings import ModbusDevice
from protocols.opcua.settings import OpcuaDevice
from runtime.settings import SettingsError, load


def section(config: Path) -> Section:
    """All checks of this configuration; only one where it does not fit."""
    try:
        settings = load(GatewaySettings, config)
    except SettingsError as error:
        return Section(str(config), [_told(_misfit(config, str(error)))])
    found = running.ask(settings)
    checks = [
        _told(_fits(settings)),
        blocking("running", partial(running.findings, settings, found)),
        Check("broker", partial(broker.look, settings.broker)),
        blocking("spool", partial(spool.findings, settings.spool, found)),
    ]
    return Section(
        str(config), [*checks, *_certificates(settings), *_ports(settings, found), *_devices(settings, found)]
    )


def _told(finding: Finding) -> Check:
    async def look() -> Findings:
        return [finding]

    return Check(finding.what, look)


def _misfit(config: Path, told: str) -> Finding:
    if config.exists() and "\n[[devices]]" not in f"\n{config.read_text(encoding='utf-8', errors='replace')}":
        return Finding("configuration", "warn", "no device yet", f"add a [[devices]] to {config}")
    short = told.replace(f"{config}:", "line ")
    return Finding("configuration", "fail", short, f"mend it, then `linewright gateway --check -c {config}`")


def _fits(settings: GatewaySettings) -> Finding:
    tags = sum(len(device.tags) for device in settings.devices)
    derived = f", {len(settings.derived)} derived" if settings.derived else ""
    return Finding("configuration", "ok", f"{len(settings.devices)} devices, {tags} tags{derived}")


def _certificates(settings: GatewaySettings) -> Iterator[Check]:
    folders = {device.opcua.pki for device in settings.devices if isinstance(device, OpcuaDevice)}
    for folder in sorted(folder for folder in folders if folder.exists()):
        yield blocking("OPC UA trust", partial(_of_folder, folder))


def _of_folder(folder: Path) -> Iterator[Finding]:
    from protocols.opcua.expiry import findings  # noqa: PLC0415  # asyncua takes a second; most boxes have no OPC UA

    for finding in findings(folder, datetime.now(UTC)):
        yield Finding(*finding)


def _ports(settings: GatewaySettings, found: Running) -> Iterator[Check]:
    ports = {Path(device.modbus.serial) for device in settings.devices if isinstance(device, ModbusDevice)} - {Path()}
    for port in sorted(ports):
        yield blocking(f"port {port.name}", partial(serial_ports.findings, port, found.process))


def _devices(settings: GatewaySettings, found: Running) -> Iterator[Check]:
    for endpoint, numbered in number(settings.devices).endpoints.items():
        first = numbered[0].device
        if isinstance(first, ModbusDevice) and first.modbus.serial and not Path(first.modbus.serial).exists():
            continue  # the check of the port tells it
        yield Check(endpoint, partial(devices.look, numbered, found), devices.within_s(numbered))
