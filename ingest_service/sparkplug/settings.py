"""What the Sparkplug host may be told."""

from typing import Literal

from pydantic import Field, field_validator

from protocols.sparkplug.topics import check_id
from protocols.topics import BadTopic, GatewayAddress
from runtime.settings import Settings


class SparkplugSettings(Settings):
    """Sparkplug B is sequential for each edge node: exactly one ingest process takes it."""

    host_id: str | None = Field(
        None,
        max_length=128,
        description="Name of this host application in its STATE topic; set it for one ingest process. Unset: none.",
    )
    groups: dict[str, str] = Field(
        default_factory=dict,
        description="Sparkplug group → tenant, others are not taken. Empty: a group is the tenant of its name.",
    )
    machine: Literal["device", "edge/device"] = Field(
        "device",
        description="What names the machine of a device; edge/device where two edge nodes have a device of one name.",
    )
    reorder_timeout_s: float = Field(
        2.0, ge=0, le=60, description="How long a missing message may still arrive before a rebirth is asked for."
    )
    rebirth_wait_s: float = Field(
        5.0, gt=0, le=300, description="Pause between two rebirth requests to one edge node; doubles up to 5 minutes."
    )

    @field_validator("host_id")
    @classmethod
    def _host_id_fits_a_topic(cls, host_id: str | None) -> str | None:
        try:
            return None if host_id is None else check_id(host_id)
        except BadTopic as error:
            raise ValueError(str(error)) from error

    @field_validator("groups")
    @classmethod
    def _groups_and_tenants_fit_a_topic(cls, groups: dict[str, str]) -> dict[str, str]:
        try:
            return {check_id(group): GatewayAddress(tenant, "any").tenant for group, tenant in groups.items()}
        except BadTopic as error:
            raise ValueError(str(error)) from error
