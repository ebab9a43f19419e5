"""The commands `linewright simulate …`: a plant behind real protocol servers, and a fleet of gateways for load.

`linewright simulate PLANT.toml` is `linewright simulate plant PLANT.toml`.
"""

import asyncio
import secrets
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from runtime import logs, process


class _PlantByDefault(TyperGroup):
    """What names no command is meant for `plant`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        named = args and (args[0] in self.commands or args[0] == "--help")
        return super().parse_args(ctx, args if named else ["plant", *args])


app = typer.Typer(
    name="simulate",
    cls=_PlantByDefault,
    help="Machines or gateways that do not exist. Without a command: plant.",
    rich_markup_mode=None,
)


@app.command()
def plant(
    plant: Annotated[Path | None, typer.Argument(help="PLANT.toml; without it: the sample plant.")] = None,
    speed: Annotated[float | None, typer.Option(help="Plant seconds in a second; default: the file's.")] = None,
    seed: Annotated[int | None, typer.Option(help="Another seed for noise and demand.")] = None,
    truth: Annotated[Path | None, typer.Option(help="Append every value handed out to this JSONL file.")] = None,
    gateway_config: Annotated[Path | None, typer.Option(help="Write a gateway.toml that reads this plant.")] = None,
    spool: Annotated[Path, typer.Option(help="Spool file that this gateway.toml names.")] = Path("gateway.spool"),
) -> None:
    """Serve simulated machines over real Modbus TCP and OPC UA."""
    from linewright.parts import run_simulators  # noqa: PLC0415
    from simulators.gateway_config import GatewayTarget  # noqa: PLC0415
    from simulators.plant import DEMO, load_plant  # noqa: PLC0415
    from simulators.run import Outputs  # noqa: PLC0415

    logs.configure("simulate")
    wanted = load_plant(plant or DEMO, speed=speed, seed=seed)
    process.run(run_simulators(wanted, Outputs(truth, gateway_config, GatewayTarget(wanted.tenant, spool=spool))))


@app.command()
def fleet(  # noqa: PLR0913, PLR0917
    gateways: Annotated[int, typer.Option(help="How many.")] = 200,
    tags: Annotated[int, typer.Option(help="Tags of each gateway.")] = 50,
    seconds: Annotated[float, typer.Option(help="How long they make batches; then they wait for the receipts.")] = 30,
    speed: Annotated[
        float, typer.Option(help="Seconds of data in a second; inf: as fast as receipts allow.", min=0.01)
    ] = 1,
    scan_ms: Annotated[int, typer.Option(help="From one scan of all tags to the next.", min=10)] = 1000,
    scans_in_batch: Annotated[int, typer.Option(help="Scans that are sent together.", min=1)] = 10,
    connections: Annotated[int, typer.Option(help="MQTT connections they share.", min=1)] = 4,
    restart_every: Annotated[int, typer.Option(help="A gateway restarts once in so many batches; 0: never.")] = 0,
    damage_every: Annotated[int, typer.Option(help="One batch in so many arrives damaged; 0: none.")] = 0,
    seed: Annotated[int, typer.Option(help="Another seed makes other machines.")] = 1,
    tenant: Annotated[str | None, typer.Option(help="Tenant that owns them; default: a new one.")] = None,
    host: Annotated[str, typer.Option(help="The MQTT broker.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Its port for MQTT 3.1.1.")] = 1883,
    dsn: Annotated[
        str | None,
        typer.Option(
            envvar="LINEWRIGHT_DATABASE__DSN",
            help="The schema's owner: registers the gateways before and compares every sample after.",
        ),
    ] = None,
) -> None:
    """Play thousands of gateways against a running broker and ingest, and account for every sample.

    \b
    linewright simulate fleet --gateways 1000 --seconds 60 --dsn postgresql://lw_owner:…@db/linewright
    linewright simulate fleet --speed inf --gateways 4 --tags 500 --scans-in-batch 1 --scan-ms 100

    Prints one JSON object; exit 0 only when every batch has its receipt and, with --dsn, every sample is stored once
    and as it was.
    """
    from linewright.fleet import run_fleet  # noqa: PLC0415
    from protocols.broker import BrokerSettings  # noqa: PLC0415
    from simulators.fleet.plan import FleetPlan  # noqa: PLC0415
    from simulators.fleet.play import Drive  # noqa: PLC0415

    if not (dsn or tenant):
        raise typer.BadParameter(
            "nobody knows these gateways: give --dsn to register them, or the --tenant they are of"
        )
    logs.configure("simulate", level="error")
    plan = FleetPlan(
        tenant=tenant or f"fleet-{secrets.token_hex(3)}",
        gateways=gateways,
        tags=tags,
        scan_ms=scan_ms,
        scans_in_batch=scans_in_batch,
        restart_every=restart_every,
        damage_every=damage_every,
        seed=seed,
    ).lasting(seconds, speed)
    drive = Drive(speed=speed, seconds=seconds, connections=connections)
    report = asyncio.run(run_fleet(plan, drive, BrokerSettings(host=host, port=port), dsn))
    print(report.as_json())
    if not report.clean:
        sys.exit(1)
