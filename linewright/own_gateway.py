"""The gateway.toml that a new installation finds waiting: complete but for the first device."""

from linewright.layout import Layout
from linewright.seeding import DEMO_GATEWAY

_TEXT = """\
# Gateway {gateway} of this installation. Add your first device below, check it, start `linewright up` again:
#   linewright probe modbus://192.168.1.10:502/1/40001        shows every plausible decoding
#   linewright gateway --config {path} --check
tenant = "{tenant}"
gateway = "{gateway}"

[spool]
path = "{spool}"

# [[devices]]
# name = "my-pump"
# protocol = "modbus"
#
# [devices.modbus]
# host = "192.168.1.10"
# unit = 1
#
# [[devices.tags]]
# tag = "pressure"
# address = "holding:0"
# type = "float32"
# unit = "bar"
# period_s = 1.0
"""


def write_sample(layout: Layout, tenant: str) -> None:
    """Put it there once; a person's own file is never touched."""
    path = layout.gateways / f"{DEMO_GATEWAY}.toml"
    if not path.exists():
        spool = layout.spools / f"{DEMO_GATEWAY}.spool"
        path.write_text(_TEXT.format(gateway=DEMO_GATEWAY, tenant=tenant, path=path, spool=spool), encoding="utf-8")
