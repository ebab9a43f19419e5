"""The command `linewright`: one sub-command a process or task. Each imports what it needs only when it is called."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from linewright import __version__
from linewright.diagnose_commands import app as diagnose_app
from linewright.failures import explain
from linewright.mapping_commands import app as mapping_app
from linewright.points_commands import app as points_app
from linewright.rejects_commands import app as rejects_app
from linewright.rul_commands import app as rul_app
from linewright.score_commands import score
from linewright.simulate_commands import app as simulate_app
from linewright.suggest_commands import app as suggest_app
from linewright.wave_commands import score_wave
from runtime import logs, process
from runtime.settings import load

app = typer.Typer(
    name="linewright",
    help="From a PLC register to a closed work order on a phone. Start with: linewright up --simulate",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(diagnose_app)
app.add_typer(points_app)
app.add_typer(mapping_app)
app.add_typer(rejects_app)
app.add_typer(rul_app)
app.add_typer(simulate_app)
app.command()(score)
app.command("score-wave")(score_wave)
app.add_typer(suggest_app)

Config = Annotated[
    Path | None, typer.Option("--config", "-c", help="TOML file; without it: defaults and LINEWRIGHT_… variables.")
]
DataFolder = Annotated[
    Path, typer.Option("--data", envvar="LINEWRIGHT_DATA", help="Where database, spools, logs and secrets live.")
]
DEFAULT_DATA = Path(".linewright")


@app.command()
def up(
    data: DataFolder = DEFAULT_DATA,
    simulate: Annotated[bool, typer.Option("--simulate", help="Add a simulated plant whose pump will fail.")] = False,
    plant: Annotated[Path | None, typer.Option(help="Another plant for --simulate.")] = None,
    lan: Annotated[bool, typer.Option("--lan", help="Serve phones in the same network, over TLS.")] = False,
    port: Annotated[int, typer.Option(help="Port of the web pages.")] = 8080,
    reset: Annotated[bool, typer.Option("--reset", help="Delete all data first; asks.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Answer yes to --reset.")] = False,
) -> None:
    """Run everything on this box: database, broker, ingest, alarms, work orders, web pages, gateways."""
    from linewright import up as up_

    logs.configure("up", level="error")
    wanted = up_.Wanted(data=data, simulate=simulate, plant=plant, lan=lan, port=port)
    if reset:
        if simulate:
            raise typer.BadParameter("a simulated plant begins anew at each start; leave it out", param_hint="--reset")
        up_.reset(data, confirmed=yes)
    process.run(up_.up(wanted))


@app.command("demo-check")
def demo_check(
    seconds: Annotated[float, typer.Option(help="Most seconds to wait for the work order.")] = 120,
    keep: Annotated[Path | None, typer.Option(help="Keep data and logs in this folder.")] = None,
) -> None:
    """Run the simulated plant until its work order is there, stop it, and account for every sample. Prints JSON."""
    from linewright.demo_check import demo_check as check

    logs.configure("demo-check", level="error")
    report = asyncio.run(check(seconds, keep))
    print(report.as_json())
    if not report.clean:
        sys.exit(1)


@app.command()
def gateway(
    config: Config = None,
    check: Annotated[bool, typer.Option("--check", help="Check the configuration and stop.")] = False,
) -> None:
    """Poll PLCs and machines and deliver every sample: the daemon of a floor box."""
    from edge_gateway.daemon import run_gateway
    from edge_gateway.settings import GatewaySettings

    logs.configure("gateway")
    settings = load(GatewaySettings, config)
    if check:
        tags = sum(len(device.tags) for device in settings.devices)
        print(f"ok: {len(settings.devices)} devices, {tags} tags")
        return
    process.run(run_gateway(settings))


@app.command()
def ingest(config: Config = None) -> None:
    """Write what gateways send into the database, effectively once, and send receipts."""
    from ingest_service.settings import IngestSettings
    from ingest_service.worker import run_ingest

    logs.configure("ingest")
    process.run(run_ingest(load(IngestSettings, config)))


@app.command()
def pack(config: Config = None) -> None:
    """Pack stored samples, keep their rollups, merge late data, let go what is older than it shall be kept."""
    from ingest_service.storage.packer import run_pack
    from ingest_service.storage.settings import PackSettings

    logs.configure("pack")
    process.run(run_pack(load(PackSettings, config)))


@app.command()
def anomaly(config: Config = None) -> None:
    """Watch limits and baselines, raise and clear alarms with frozen evidence."""
    from anomaly.settings import AnomalySettings
    from anomaly.worker import run_anomaly

    logs.configure("anomaly")
    process.run(run_anomaly(load(AnomalySettings, config)))


@app.command()
def maintenance(config: Config = None) -> None:
    """Turn alarms into work orders."""
    from maintenance.settings import MaintenanceSettings
    from maintenance.worker import run_maintenance

    logs.configure("maintenance")
    process.run(run_maintenance(load(MaintenanceSettings, config)))


@app.command()
def api(config: Config = None) -> None:
    """Serve the HTTP API and the phone app."""
    from api.server import run_api
    from api.settings import ApiSettings

    logs.configure("api")
    process.run(run_api(load(ApiSettings, config)))


@app.command()
def database(data: DataFolder = DEFAULT_DATA) -> None:
    """Run the embedded PostgreSQL of a data folder (`up` does this for you)."""
    from linewright.layout import Layout
    from linewright.parts import run_database

    logs.configure("database")
    process.run(run_database(Layout(data.resolve())))


@app.command()
def broker(
    data: DataFolder = DEFAULT_DATA,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 1883,
) -> None:
    """Run the embedded MQTT broker, on loopback only (`up` does this for you)."""
    from linewright.layout import Layout
    from linewright.parts import run_broker

    logs.configure("broker")
    process.run(run_broker(Layout(data.resolve()), port))


@app.command()
def migrate(config: Config = None) -> None:
    """Bring the database's schema to this version; safe to run again, in parallel and before every upgrade."""
    from database.migrate import migrate as migrate_
    from linewright.parts import MigrateSettings

    logs.configure("migrate")
    applied = migrate_(load(MigrateSettings, config).database.dsn.get_secret_value())
    print("\n".join(f"applied {name}" for name in applied) or "nothing to do")


@app.command()
def export(
    machine: Annotated[str, typer.Argument(help="Its short name, such as pump-1.")],
    since: Annotated[str, typer.Option("--from", help="2026-03-01 or 2026-03-01T08:00+08:00; else UTC.")],
    until: Annotated[str, typer.Option("--to", help="Likewise; the first moment that is not wanted any more.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write; .parquet makes Parquet.")],
    tag: Annotated[list[str] | None, typer.Option(help="Only this tag; may stand several times.")] = None,
    resolution: Annotated[str, typer.Option(help="raw: every sample; or minute, hour, day: a line for each.")] = "raw",
    excel: Annotated[bool, typer.Option("--excel", help="So that Excel reads it as UTF-8.")] = False,
    tenant: Annotated[str | None, typer.Option(help="Whose machine; not needed where there is only one.")] = None,
    config: Config = None,
    data: DataFolder = DEFAULT_DATA,
) -> None:
    """Write what a machine measured into a CSV or Parquet file, however much it is."""
    from linewright import export as export_

    logs.configure("export", level="error")
    form = "parquet" if output.suffix == ".parquet" else "csv"
    period = export_.time_of(since), export_.time_of(until)
    asked = export_.Asked(machine, tuple(tag or ()), *period, export_.resolution_of(resolution), form, excel, tenant)
    asyncio.run(export_.export(export_.database_of(config, data.resolve()), asked, output))
    print(f"{output}: {output.stat().st_size:,} bytes")


@app.command()
def probe(
    url: Annotated[str, typer.Argument(help="modbus://host:502/UNIT/40001 or modbus://host/1/holding:0")],
    count: Annotated[int, typer.Option(help="Registers to read.", min=1, max=125)] = 10,
    shows: Annotated[str | None, typer.Option(help="What the machine's display shows: find what means that.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Every decoding, for programs.")] = False,
) -> None:
    """Read registers and show every plausible decoding, to find type and word order of a device."""
    from protocols.modbus.probe import probe as probe_

    logs.configure("probe", level="error")
    print(asyncio.run(probe_(url, count, display=shows, as_json=as_json)))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True}, add_help_option=False)
def opcua(context: typer.Context) -> None:
    """Look at OPC UA servers, trust them, browse them into point tables: linewright opcua --help."""
    from linewright.opcua import app as commands

    commands(context.args, prog_name="linewright opcua", standalone_mode=False)


@app.command()
def doctor(
    data: DataFolder = DEFAULT_DATA,
    config: Annotated[Path | None, typer.Option("--config", "-c", help="The gateway.toml to look at.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="All findings, for programs.")] = False,
) -> None:
    """Look for what is wrong on this box, each finding with a way out. Exit 1 when something must be done."""
    from linewright.doctor import diagnose

    logs.configure("doctor", level="critical")
    if not asyncio.run(diagnose(data.resolve(), config, as_json=as_json)):
        sys.exit(1)


@app.command()
def version() -> None:
    """Print the version."""
    print(__version__)


def main() -> None:
    """Entry point; an error that a person can mend is one plain line and exit code 2, never a traceback."""
    try:
        app(standalone_mode=True)
    except Exception as error:
        text = explain(error)
        if text is None:
            raise
        print(f"linewright: {text}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
