"""Templates: the tags of a machine model and what its devices need to be read well, written once for all of them.

protocols/templates/<name>.toml or ./my-machine.toml ──► Template: device settings, rows

title = "…"    source = "where the register map is published"    protocol = "modbus"
base_address = 40070         # the addresses of its tags count from here, unless a device says otherwise
[modbus]                     # defaults of [devices.modbus]
[[tags]]
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, ValidationError

from protocols.point_table import toml_file
from protocols.point_table.file import content
from protocols.point_table.rows import BadPointFile, PointTable
from runtime.settings import Settings

SHIPPED = Path(__file__).parent / "templates"


class TemplateHead(Settings):
    """What a template says besides its tags."""

    title: str = Field(min_length=1, description="Machine model, as people call it.")
    source: str = Field(min_length=1, description="Where the map is published, so that it can be compared.")
    protocol: str = Field(description="Protocol of the devices.")
    base_address: int = Field(0, ge=0, le=65535, description="Address that the tags count from.")
    device: Mapping[str, object] = Field({}, description="Defaults of the protocol's section of the device.")


@dataclass(frozen=True, slots=True)
class Template:
    """One machine model."""

    head: TemplateHead
    table: PointTable


def read_template(name: str, folder: Path) -> Template:
    """A shipped template by its name, or a file by its path, which is relative to `folder`.

    Raises:
        BadPointFile: unknown, or not usable.
    """
    own = name.endswith(".toml") or "/" in name
    path = folder / name if own else SHIPPED / f"{name}.toml"
    if not own and name not in shipped():
        raise BadPointFile(f"no template {name!r}; shipped: {', '.join(shipped())}; or give a file like ./machine.toml")
    text = content(path).decode("utf-8", "replace")
    data = toml_file.parse(path.name, text)
    return Template(_head(path.name, data), toml_file.table_of(path.name, text, data))


def _head(name: str, data: Mapping[str, object]) -> TemplateHead:
    fields = {key: value for key, value in data.items() if key != "tags"}
    protocol = fields.get("protocol")
    # The section of device settings is named after the protocol, as in gateway.toml.
    section = fields.pop(protocol, {}) if isinstance(protocol, str) else {}
    try:
        return TemplateHead.model_validate({**fields, "device": section})
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, found['loc']))}: {found['msg']}" for found in error.errors())
        raise BadPointFile(f"{name}: {told}; a template has title, source, protocol and [[tags]]") from error


def shipped() -> list[str]:
    """Names of the templates that come with Linewright."""
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def shipped_templates() -> Iterator[tuple[str, Template]]:
    """All of them, read."""
    for name in shipped():
        yield name, read_template(name, SHIPPED)
