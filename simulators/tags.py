"""What each kind of machine measures: slug, names, unit, quantity, type, resolution, range and engineering limits.

One line a tag. A plant picks from here; the registry is seeded from here. The delays are those of a control room
(ISA-18.2 and EEMUA 191 give the order of magnitude), in seconds of the wall clock.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["compressor", "pump", "spindle", "press"]
TagType = Literal["float64", "int64", "bool", "text"]
LimitKind = Literal["high_high", "high", "low", "low_low"]
Priority = Literal["critical", "high", "medium", "low", "advisory"]


@dataclass(frozen=True, slots=True)
class LimitSpec:
    """An engineering limit; limits with one cause belong to one failure hypothesis."""

    kind: LimitKind
    threshold: float
    deadband: float
    on_delay_s: float
    off_delay_s: float
    priority: Priority
    cause: str


@dataclass(frozen=True, slots=True)
class TagSpec:
    """One measured value. `digits` after the point is the resolution of the instrument, `span` its range."""

    slug: str
    zh: str
    en: str
    unit: str
    quantity: str
    type: TagType = "float64"
    digits: int = 2
    span: tuple[float, float] | None = None
    limits: tuple[LimitSpec, ...] = ()


def _hot(high: float, high_high: float, cause: str) -> tuple[LimitSpec, ...]:
    return (
        LimitSpec("high", high, 2.0, 10.0, 30.0, "high", cause),
        LimitSpec("high_high", high_high, 2.0, 5.0, 30.0, "critical", cause),
    )


def _shaking(high: float, high_high: float) -> tuple[LimitSpec, ...]:
    return (
        LimitSpec("high", high, 0.2, 3.0, 15.0, "high", "bearing_wear"),
        LimitSpec("high_high", high_high, 0.2, 2.0, 15.0, "critical", "bearing_wear"),
    )


COMPRESSOR = (
    TagSpec("discharge_pressure", "排气压力", "Discharge pressure", "bar", "pressure", "float64", 2, (0, 16),
            (LimitSpec("low", 5.5, 0.2, 15.0, 15.0, "high", "pressure_loss"),)),
    TagSpec("oil_temperature", "润滑油温度", "Oil temperature", "°C", "temperature", "float64", 1, (-40, 200),
            _hot(98.0, 106.0, "lost_cooling")),
    TagSpec("oil_level", "油位", "Oil level", "%", "ratio", "float64", 1, (0, 100),
            (LimitSpec("low", 55.0, 2.0, 10.0, 30.0, "high", "oil_leak"),)),
    TagSpec("filter_pressure_drop", "进气过滤器压差", "Intake filter pressure drop", "mbar", "pressure", "float64", 1,
            (0, 200), (LimitSpec("high", 45.0, 3.0, 15.0, 30.0, "medium", "filter_clog"),)),
    TagSpec("air_flow", "供气流量", "Air flow", "m³/min", "flow", "float64", 2, (0, 10)),
    TagSpec("motor_current", "电机电流", "Motor current", "A", "current", "float64", 1, (0, 150)),
    TagSpec("power", "功率", "Power", "kW", "power", "float64", 2, (0, 80)),
    TagSpec("energy", "电能", "Energy", "kWh", "energy", "float64", 1),
    TagSpec("run_hours", "运行小时", "Run hours", "h", "time", "float64", 2),
    TagSpec("load_cycles", "加载次数", "Load cycles", "", "count", "int64"),
    TagSpec("running", "运行", "Running", "", "state", "bool"),
    TagSpec("loaded", "加载", "Loaded", "", "state", "bool"),
    TagSpec("state", "状态", "State", "", "state", "text"),
    TagSpec("alarm_code", "报警代码", "Alarm code", "", "state", "int64"),
)  # fmt: skip

PUMP = (
    TagSpec("flow", "流量", "Flow", "m³/h", "flow", "float64", 2, (0, 150)),
    TagSpec("suction_pressure", "吸入压力", "Suction pressure", "bar", "pressure", "float64", 3, (-1, 4),
            (LimitSpec("low", 0.1, 0.03, 15.0, 15.0, "medium", "filter_clog"),)),
    TagSpec("discharge_pressure", "出口压力", "Discharge pressure", "bar", "pressure", "float64", 3, (0, 10)),
    TagSpec("bearing_temperature", "轴承温度", "Bearing temperature", "°C", "temperature", "float64", 1, (-40, 200),
            _hot(75.0, 90.0, "bearing_wear")),
    TagSpec("vibration_rms", "振动速度有效值", "Vibration velocity RMS", "mm/s", "vibration", "float64", 3, (0, 50),
            _shaking(4.5, 7.1)),
    TagSpec("speed", "转速", "Speed", "rpm", "speed", "float64", 1, (0, 1800)),
    TagSpec("motor_current", "电机电流", "Motor current", "A", "current", "float64", 2, (0, 60)),
    TagSpec("power", "功率", "Power", "kW", "power", "float64", 3, (0, 25)),
    TagSpec("energy", "电能", "Energy", "kWh", "energy", "float64", 1),
    TagSpec("run_hours", "运行小时", "Run hours", "h", "time", "float64", 2),
    TagSpec("running", "运行", "Running", "", "state", "bool"),
    TagSpec("alarm_code", "报警代码", "Alarm code", "", "state", "int64"),
)  # fmt: skip

SPINDLE = (
    TagSpec("spindle_speed", "主轴转速", "Spindle speed", "rpm", "speed", "float64", 0, (0, 12_000)),
    TagSpec("spindle_load", "主轴负载", "Spindle load", "%", "ratio", "float64", 1, (0, 150)),
    TagSpec("spindle_temperature", "主轴温度", "Spindle temperature", "°C", "temperature", "float64", 1, (-40, 150),
            _hot(62.0, 70.0, "lost_cooling")),
    TagSpec("vibration_rms", "振动速度有效值", "Vibration velocity RMS", "mm/s", "vibration", "float64", 2, (0, 50),
            _shaking(3.5, 5.5)),
    TagSpec("feed_rate", "进给速度", "Feed rate", "mm/min", "speed", "float64", 0, (0, 20_000)),
    TagSpec("power", "功率", "Power", "kW", "power", "float64", 2, (0, 40)),
    TagSpec("energy", "电能", "Energy", "kWh", "energy", "float64", 1),
    TagSpec("state", "状态", "State", "", "state", "text"),
    TagSpec("state_code", "状态代码", "State code", "", "state", "int64"),
    TagSpec("program", "加工程序", "Program", "", "state", "text"),
    TagSpec("part_count", "工件计数", "Part count", "", "count", "int64"),
    TagSpec("alarm_code", "报警代码", "Alarm code", "", "state", "int64"),
    TagSpec("door_closed", "防护门关闭", "Door closed", "", "state", "bool"),
)  # fmt: skip

PRESS = (
    TagSpec("phase", "循环阶段", "Cycle phase", "", "state", "text"),
    TagSpec("cycle_time", "循环时间", "Cycle time", "s", "time", "float64", 2, (0, 600),
            (LimitSpec("high", 38.0, 1.0, 5.0, 30.0, "low", "slow_cycle"),)),
    TagSpec("shot_count", "模次", "Shot count", "", "count", "int64"),
    TagSpec("zone_1_temperature", "料筒一区温度", "Barrel zone 1", "°C", "temperature", "float64", 1, (0, 400)),
    TagSpec("zone_2_temperature", "料筒二区温度", "Barrel zone 2", "°C", "temperature", "float64", 1, (0, 400)),
    TagSpec("zone_3_temperature", "料筒三区温度", "Barrel zone 3", "°C", "temperature", "float64", 1, (0, 400)),
    TagSpec("zone_4_temperature", "喷嘴温度", "Nozzle", "°C", "temperature", "float64", 1, (0, 400)),
    TagSpec("mould_temperature", "模具温度", "Mould temperature", "°C", "temperature", "float64", 1, (0, 200),
            _hot(62.0, 72.0, "lost_cooling")),
    TagSpec("oil_temperature", "液压油温度", "Hydraulic oil temperature", "°C", "temperature", "float64", 1, (-20, 150),
            _hot(58.0, 66.0, "lost_cooling")),
    TagSpec("injection_pressure", "注射压力", "Injection pressure", "bar", "pressure", "float64", 0, (0, 2500)),
    TagSpec("hydraulic_pressure", "系统压力", "Hydraulic pressure", "bar", "pressure", "float64", 1, (0, 250),
            (LimitSpec("low", 112.0, 3.0, 10.0, 15.0, "high", "oil_leak"),)),
    TagSpec("clamp_force", "锁模力", "Clamp force", "kN", "force", "float64", 0, (0, 2000)),
    TagSpec("screw_position", "螺杆位置", "Screw position", "mm", "length", "float64", 1, (0, 200)),
    TagSpec("cushion", "射出残量", "Cushion", "mm", "length", "float64", 2, (0, 50),
            (LimitSpec("high", 7.5, 0.3, 10.0, 30.0, "medium", "oil_leak"),)),
    TagSpec("power", "功率", "Power", "kW", "power", "float64", 2, (0, 80)),
    TagSpec("energy", "电能", "Energy", "kWh", "energy", "float64", 1),
    TagSpec("alarm_code", "报警代码", "Alarm code", "", "state", "int64"),
)  # fmt: skip

TAGS: dict[Kind, tuple[TagSpec, ...]] = {"compressor": COMPRESSOR, "pump": PUMP, "spindle": SPINDLE, "press": PRESS}


def tag_spec(kind: Kind, slug: str) -> TagSpec | None:
    """The tag of that name, None when this kind of machine does not measure it."""
    return next((spec for spec in TAGS[kind] if spec.slug == slug), None)
