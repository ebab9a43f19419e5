"""The devices of one endpoint, asked the way the gateway asks: open the line, then read the first tag of each.

Where a running gateway has the line, it is asked instead, and only of what it cannot reach is the reason looked for:
many devices serve one client, and a serial line bears only one.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

from linewright.examination.finding import ANSWER_WITHIN_S, Finding, Findings, State, failed
from linewright.examination.meaning import meaning
from linewright.examination.running import Running
from protocols import BadPointTable, DeviceUnavailable
from protocols.device import DeviceSettings, NumberedDevice
from protocols.driver import Driver
from protocols.modbus.settings import ModbusDevice
from protocols.opcua.settings import OpcuaDevice
from protocols.registry import make_driver
from protocols.sample import Quality, Sample, quality_of, reason_of, samples

_GRACE_S = 0.3  # so that a driver's own time-out, which knows more, comes first
_OUT_OF_REACH = "disconnected"
_CLOSE_S = 1.0

Endpoint = Sequence[NumberedDevice[Any]]


async def look(devices: Endpoint, running: Running) -> Findings:
    """One finding a device, or one for all when their line cannot be opened."""
    told = {numbered.device.name: _relayed(numbered.device, running) for numbered in devices}
    if running.up and _line_of(devices[0].device).startswith("/"):  # a serial port, which the gateway holds
        return [told[numbered.device.name] or _held(numbered.device) for numbered in devices]
    unknown = [numbered for numbered in devices if told[numbered.device.name] is None]
    return [finding for finding in told.values() if finding] + await _asked(unknown)


def within_s(devices: Endpoint) -> float:
    """How long it may take: the line, and then one device after the other."""
    return (ANSWER_WITHIN_S + _GRACE_S) * (1 + len(devices)) + 2 * _CLOSE_S


def _what(device: DeviceSettings) -> str:
    return f"device {device.name}"


def _line_of(device: DeviceSettings) -> str:
    """Where the device is, as short as a person says it."""
    return device.endpoint.removeprefix("modbus://")


# Told by the running gateway


def _relayed(device: DeviceSettings, running: Running) -> Finding | None:
    """What it says of the device; None when it knows nothing of it, or cannot reach it."""
    states = [running.tags[device.machine, tag.tag] for tag in device.tags if (device.machine, tag.tag) in running.tags]
    bad = Counter(str(state["reason"]) for state in states if state["quality"] == "bad")
    if not states or _OUT_OF_REACH in bad:
        return None
    ages = [float(state["age_s"]) for state in states if state["quality"] != "bad"]
    if not bad:
        told = f"{len(ages)} tags, none older than {max(ages):.0f} s (told by the running gateway)"
        return Finding(_what(device), "ok", told)
    (reason, _) = bad.most_common(1)[0]
    tag = next(str(state["tag"]) for state in states if state["reason"] == reason)
    cause = meaning(device.protocol, reason)
    told = f"{bad.total()} of {len(states)} tags are bad: {tag}: {cause.told} (told by the running gateway)"
    verdict: State = "warn" if ages or reason == "not_read_yet" else "fail"
    return Finding(_what(device), verdict, told, cause.way_out)


def _held(device: DeviceSettings) -> Finding:
    told = "not asked: the running gateway holds its line"
    return Finding(_what(device), "warn", told, "set port in [health], then the gateway tells how it is")


# Asked


async def _asked(devices: Endpoint) -> list[Finding]:
    if not devices:
        return []
    what = _what(devices[0].device) if len(devices) == 1 else f"{len(devices)} devices"
    try:
        driver = make_driver([_brisk(numbered) for numbered in devices])
    except BadPointTable as error:
        return [failed(what, str(error))]
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S + _GRACE_S):
            await driver.open()
        return [await _read(driver, numbered) for numbered in devices]
    except DeviceUnavailable as error:
        return [failed(what, str(error))]
    except TimeoutError:
        told = f"{_line_of(devices[0].device)}: no answer in {ANSWER_WITHIN_S:g} s"
        return [Finding(what, "fail", told, "is it switched on, in this network, and not behind a firewall?")]
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await driver.close()


def _brisk(numbered: NumberedDevice[Any]) -> NumberedDevice[Any]:
    """The device with no more patience than a person at a terminal."""
    device = numbered.device
    if isinstance(device, ModbusDevice):
        section: dict[str, Any] = {"modbus": device.modbus.model_copy(update=_patience(device.modbus.timeout_s))}
    elif isinstance(device, OpcuaDevice):
        section = {"opcua": device.opcua.model_copy(update=_patience(device.opcua.timeout_s))}
    else:
        return numbered
    return NumberedDevice(device.model_copy(update=section), numbered.aliases)


def _patience(timeout_s: float) -> dict[str, float]:
    return {"timeout_s": min(timeout_s, ANSWER_WITHIN_S)}


async def _read(driver: Driver, numbered: NumberedDevice[Any]) -> Finding:
    device, alias, tag = numbered.device, numbered.aliases[0], numbered.device.tags[0]
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S + _GRACE_S):
            columns = await driver.read(driver.plan([alias])[0])
    except TimeoutError:
        return _found(device, Sample(tag.tag, 0, None, 0), "timeout")
    (sample,) = samples(columns, {alias: tag.tag})
    if quality_of(sample.code) is Quality.GOOD:
        unit = f" {tag.unit}" if tag.unit else ""
        return Finding(_what(device), "ok", f"{_whose(device)}: {tag.tag} = {_shown(sample)}{unit}")
    return _found(device, sample, reason_of(sample.code))


def _found(device: DeviceSettings, sample: Sample, reason: str) -> Finding:
    cause = meaning(device.protocol, reason)
    told = f"{_whose(device)}: {sample.tag}: {cause.told}"
    return Finding(_what(device), "fail" if sample.value is None else "warn", told, cause.way_out)


def _whose(device: DeviceSettings) -> str:
    unit = f" unit {device.modbus.unit}" if isinstance(device, ModbusDevice) else ""
    return f"{_line_of(device)}{unit}"


def _shown(sample: Sample) -> str:
    return f"{sample.value:.6g}" if isinstance(sample.value, float) else str(sample.value)
