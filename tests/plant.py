"""The plant that tests seed: the machines, tags, limits and people of a small factory."""

from device_registry.plant import SeedLimit, SeedMachine, SeedModel, SeedPerson, SeedTag, SeedTenant

PASSWORD = "a plant of four machines"

PLANT = SeedTenant(
    slug="demo",
    name="Demo plant",
    site="plant-1",
    site_name="Plant 1",
    models=(
        SeedModel("sa-37", "SA 37", "compressor", "Aeros"),
        SeedModel("cp-80", "CP 80", "pump", "Pumpwerk"),
        SeedModel("vmc-850", "VMC 850", "spindle", "Nanfang"),
        SeedModel("hp-100", "HP 100", "press", "Nanfang"),
    ),
    machines=(
        SeedMachine(
            "compressor-1",
            "Compressor 1",
            "sa-37",
            (SeedTag("oil_temperature", "Oil temperature", "°C"), SeedTag("running", "Running", kind="bool")),
            criticality="A",
            serial="SA37-0001",
        ),
        SeedMachine(
            "pump-1",
            "Pump 1",
            "cp-80",
            (
                SeedTag(
                    "vibration",
                    "Vibration",
                    "mm/s",
                    limits=(SeedLimit("high", 4.5, "bearing_wear", deadband=0.2, on_delay_s=1.0, off_delay_s=5.0),),
                ),
                SeedTag("flow", "Flow", "m³/h"),
            ),
        ),
        SeedMachine("cnc-1", "CNC 1", "vmc-850", (SeedTag("spindle_speed", "Spindle speed", "rpm"),)),
        SeedMachine("press-1", "Press 1", "hp-100", (SeedTag("state", "State", kind="text"),), criticality="C"),
    ),
    gateways=("gw-1",),
    people=(
        SeedPerson("planner", "Li Na", ("planner",), "en", PASSWORD),
        SeedPerson("technician", "Wang Wei", ("technician",), "zh-CN", PASSWORD),
        SeedPerson("technician-2", "Chen Jie", ("technician",), "zh-CN", PASSWORD),
        SeedPerson("operator", "Zhang Min", ("operator",), "zh-CN", PASSWORD),
        SeedPerson("admin", "Zhao Lei", ("admin",), "en", PASSWORD),
    ),
)
