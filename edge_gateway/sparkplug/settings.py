"""Section [sparkplug] of gateway.toml: as which edge node the gateway appears, where, and for which host."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from protocols.broker import BrokerSettings
from runtime.settings import Settings

Server = Annotated[str, StringConstraints(pattern=r"^[^:/\s]+:[0-9]{1,5}$")]

_ID = r"^[^+/#\x00-\x1f\x7f]+$"


class SparkplugSettings(Settings):
    """Another SCADA host (Ignition, for one) gets the tags by Sparkplug B 3.0. Without this section nobody does."""

    group: str | None = Field(None, pattern=_ID, max_length=64, description="Group id; default: the tenant.")
    edge_node: str | None = Field(None, pattern=_ID, max_length=64, description="Edge node id; default: the gateway.")
    host: str | None = Field(
        None,
        pattern=_ID,
        max_length=64,
        description="Id of the primary host: while its STATE is offline, samples wait. Default: none is waited for.",
    )
    broker: BrokerSettings | None = Field(None, description="Its MQTT server; default: [broker].")
    more_servers: tuple[Server, ...] = Field(
        (),
        description='Further MQTT servers, "host:port", tried in turn when one, or the primary host on it, is not'
        " there; all else as in `broker`.",
    )
    only: bool = Field(default=False, description="Instead of our own uplink: what was sent here counts as delivered.")
    again_s: float = Field(
        60.0,
        ge=0,
        le=600,
        description="What was sent this long before a line or the host was lost is sent again, as history.",
    )
    history_batches_per_s: float = Field(
        20.0,
        gt=0,
        le=200,
        description="How fast what waited is sent: a host must not be flooded, for it cannot say so.",
    )

    @model_validator(mode="after")
    def _group_is_no_word(self) -> Self:
        if self.group == "STATE":
            raise ValueError("a group STATE would be taken for a host's state; give another name")
        return self

    def servers(self, usual: BrokerSettings) -> list[BrokerSettings]:
        """Where to connect to, in turn; `usual`: [broker].

        Raises:
            ValueError: one of them cannot be reached safely, or at all, with these settings.
        """
        first = self.broker or usual
        places = (server.rsplit(":", 1) for server in self.more_servers)
        more = ({**first.model_dump(), "host": host, "port": int(port)} for host, port in places)
        return [first, *map(BrokerSettings.model_validate, more)]
