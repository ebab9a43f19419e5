"""The tables that tell what foreign JSON means. `docs/how-to/foreign-json.md` explains them with examples.

ingest.toml ─┬─ [[mapping]] name, topic, …, [[mapping.values]]
             └─ [[mapping_file]] path = "mappings/neuron.toml", tenant, gateway   its tables, with these changes
"""

from collections.abc import Callable, Mapping
from itertools import combinations, product
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, PrivateAttr, ValidationInfo, model_validator

from ingest_service.mapping import moment, path, template, topic_filter
from ingest_service.mapping.moment import TimeUnit
from runtime.settings import Settings, folder_of, load

MIB = 1 << 20


def _checked(parse: Callable[[str], object]) -> AfterValidator:
    def check(text: str) -> str:
        parse(text)
        return text

    return AfterValidator(check)


Topic = Annotated[str, _checked(topic_filter.parse)]
AnyPath = Annotated[str, _checked(path.parse)]
SinglePath = Annotated[str, _checked(path.parse_single)]
Name = Annotated[str, _checked(template.parse)]
Given = Annotated[str, Field(min_length=1, max_length=path.NAME_MOST)]
Zone = Annotated[str, _checked(moment.zone)]


class ValueSettings(Settings):
    """One place in a record where values stand. An unset name or time is that of the mapping."""

    path: AnyPath = Field(description="values.{key}, tags[], params.{key#}; the record itself is `.`")
    value: SinglePath = Field(".", description="Where the value is in what the path finds.")
    time: SinglePath | None = Field(None, description="Where its own time is in what the path finds.")
    machine: Name | None = Field(None, description="Name of the machine.")
    tag: Name | None = Field(None, description="Name of the tag.")
    quality: SinglePath | None = Field(None, description="Where a quality or an error code is; not there: good.")
    good: tuple[bool | int | float | str, ...] = Field((0, "good"), description="Codes that mean a good value.")
    bad: bool = Field(default=False, description="What stands here are errors: samples without value.")
    null: Literal["bad", "skip"] = Field("bad", description="null: a sample without value, or nothing.")
    numbers_in_text: tuple[str, ...] = Field((), description='Tags whose texts are numbers; "*" means all.')
    words: Mapping[str, bool | float] = Field({}, description="Texts that stand for a value: { ON = true }.")
    only: tuple[str, ...] = Field((), description='Tags to take, "temp*"; unset: all.')
    skip: tuple[str, ...] = Field((), description="Tags to leave out.")


class MappingSettings(Settings):
    """What the messages of one topic mean."""

    name: str = Field(pattern="^[a-z0-9-]{1,64}$", description="Name for logs, metrics and dead letters.")
    topic: Topic = Field(description="MQTT filter; levels may have names: neuron/{app}/{group}, shellies/{rest#}.")
    tenant: Name = Field(description="Whose data it is; may hold levels of the topic.")
    gateway: Name = Field(description="Gateway registered for it; may hold levels of the topic.")
    format: Literal["json", "text"] = Field("json", description="text: the payload is one value, as it stands.")
    payload_bytes_most: int = Field(MIB, ge=1, le=MIB, description="Larger payloads are refused.")
    records: tuple[AnyPath, ...] = Field(
        (".",), min_length=1, description="Where the records are that have a time each; the first that is there counts."
    )
    time: SinglePath | None = Field(None, description="Where the time is; unset: the time of arrival.")
    time_unit: TimeUnit | None = Field(None, description="What counts the time: s, ms, us, ns, or iso for a text.")
    time_zone: Zone = Field("", description="Zone of ISO times without an offset: Europe/Berlin.")
    without_time: Literal["skip", "arrival"] = Field(
        "skip", description="What becomes of a value whose time is missing."
    )
    machine: Name = Field(description="Name of the machine: a word, {level}, or {path} in the JSON.")
    tag: Name = Field("{key}", description="Name of the tag.")
    rename: Mapping[str, Given] = Field({}, description='Names in place of others: { "Halle 3" = "hall-3" }.')
    values: tuple[ValueSettings, ...] = Field(min_length=1, description="Where values stand.")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        levels = topic_filter.parse(self.topic).names
        for field in ("tenant", "gateway"):
            unknown = set(template.parse(getattr(self, field)).fields) - levels
            if unknown:
                # Who may publish on a topic is the broker's to say; what stands in the payload is anybody's.
                raise ValueError(f"{field} may hold levels of the topic only; {{{unknown.pop()}}} is none of them")
        if self.time is None and any(value.time is None for value in self.values) and self.time_unit:
            raise ValueError("time_unit without time; say where the time is")
        if self.time_unit is None and (self.time or any(value.time for value in self.values)):
            raise ValueError("time_unit is missing: s, ms, us, ns or iso")
        return self


class MappingFile(Settings):
    """A file of mappings."""

    mapping: tuple[MappingSettings, ...] = Field(min_length=1, description="The tables.")


class MappingReference(Settings):
    """A file of mappings, and what is different here."""

    path: str = Field(description="A file with [[mapping]] tables, relative to this one.")
    topic: Topic | None = Field(None, description="Instead of the topic in the file.")
    tenant: Name | None = Field(None, description="Instead of the tenant in the file.")
    gateway: Name | None = Field(None, description="Instead of the gateway in the file.")
    _tables: tuple[MappingSettings, ...] = PrivateAttr(())

    @property
    def tables(self) -> tuple[MappingSettings, ...]:
        """The mappings of the file, changed."""
        return self._tables

    @model_validator(mode="after")
    def _read(self, info: ValidationInfo) -> Self:
        changes = self.model_dump(exclude={"path"}, exclude_none=True)
        file = load(MappingFile, folder_of(info) / self.path, environ={})
        self._tables = tuple(
            MappingSettings.model_validate(one.model_dump(exclude_unset=True) | changes) for one in file.mapping
        )
        return self


class ForeignSettings(Settings):
    """What an ingest process is told of foreign messages."""

    mapping: tuple[MappingSettings, ...] = Field((), description="Foreign JSON, and what it means.")
    mapping_file: tuple[MappingReference, ...] = Field((), description="The same in files of their own.")

    @property
    def mappings(self) -> tuple[MappingSettings, ...]:
        """All of them."""
        return self.mapping + tuple(table for file in self.mapping_file for table in file.tables)

    @model_validator(mode="after")
    def _apart(self) -> Self:
        """What two subscriptions match would be delivered, and without a time of its own stored, twice."""
        ours = [(f"mapping {one.name}", topic_filter.parse(one.topic).subscription) for one in self.mappings]
        reserved = [("Linewright's own topics", subscription) for subscription in topic_filter.RESERVED]
        for (who, one), (other_who, other) in [*combinations(ours, 2), *product(ours, reserved)]:
            if topic_filter.overlap(one, other):
                raise ValueError(f"{who} ({one}) and {other_who} ({other}) would take the same messages")
        if len({who for who, _ in ours}) < len(ours):
            raise ValueError("two mappings have the same name")
        return self


class MappingsOnly(ForeignSettings):
    """The mappings of any TOML file; what else is in it is not looked at."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)
