"""`linewright opcua …`: what a person does before and beside the gateway: look, trust, browse.

endpoints URL ──► what the server offers        trust list | accept | reject ──► whom we speak to
browse URL ──► points.csv                       certificate show | renew | export ──► who we are
"""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from edge_gateway.settings import GatewaySettings
from linewright import LinewrightError
from protocols.opcua import certificates
from protocols.opcua.address_space import AddressSpace
from protocols.opcua.browse import Survey, Walk, chosen
from protocols.opcua.found import FIELDS, rows
from protocols.opcua.offers import offers
from protocols.opcua.seat import Seat
from protocols.opcua.security import now, our_host, our_identity, our_uri
from protocols.opcua.session import open_session, split_node
from protocols.opcua.settings import OpcuaDevice, OpcuaSettings, Policy, Security
from protocols.opcua.trust import Kept, Pki, Shelf
from protocols.point_table import write_table
from runtime import logs
from runtime.settings import load

app = typer.Typer(
    help="Look at OPC UA servers, trust them, and make point tables of them.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)
trust = typer.Typer(help="Whom the gateway trusts.", no_args_is_help=True)
certificate = typer.Typer(help="The gateway's own certificate.", no_args_is_help=True)
app.add_typer(trust, name="trust")
app.add_typer(certificate, name="certificate")

Url = Annotated[str, typer.Argument(help="opc.tcp://host:4840/path")]
Config = Annotated[Path | None, typer.Option("--config", "-c", help="The gateway.toml that names the PKI folder.")]
Folder = Annotated[Path | None, typer.Option("--pki", help="The PKI folder itself; without both: ./pki.")]
Fingerprint = Annotated[str, typer.Argument(help="SHA-256 fingerprint, or its first 8 digits or more.")]


class Unclear(LinewrightError):
    """The options or the configuration do not say enough, or contradict themselves; the text says what to add."""


def _pki(config: Path | None, folder: Path | None) -> Pki:
    logs.configure("opcua", level="error")
    if folder:
        return Pki(folder)
    folders = (
        {device.opcua.pki for device in _devices(config)} if config else {OpcuaSettings.model_fields["pki"].default}
    )
    if len(folders) != 1:
        named = ", ".join(sorted(map(str, folders))) or "no OPC UA device"
        raise Unclear(f"{config} names {named}; say which folder with --pki")
    return Pki(folders.pop())


def _devices(config: Path | None) -> list[OpcuaDevice]:
    return [device for device in load(GatewaySettings, config).devices if isinstance(device, OpcuaDevice)]


# Trust


@trust.command("list")
def trust_list(config: Config = None, pki: Folder = None) -> None:
    """Certificates of servers: trusted, refused, and the authorities that may vouch for them."""
    folder = _pki(config, pki)
    print(folder.folder.absolute())
    for shelf in Shelf:
        for kept in folder.kept(shelf):
            print(f"\n{shelf}\n{_described(kept)}")
    for path in folder.damaged():
        print(f"\nno certificate: {path}")


def _described(kept: Kept) -> str:
    one = kept.certificate
    late = certificates.out_of_time(one, now())
    return "\n".join(
        (
            f"  name         {certificates.subject(one)}",
            f"  fingerprint  {kept.fingerprint} (SHA-256)",
            f"  thumbprint   {certificates.thumbprint(one)} (SHA-1)",
            f"  application  {certificates.uri_of(one) or '-'}",
            f"  hosts        {', '.join(certificates.hosts_of(one)) or '-'}",
            f"  valid        {one.not_valid_before_utc:%Y-%m-%d} to {one.not_valid_after_utc:%Y-%m-%d}"
            + (f"; {late}" if late else ""),
            f"  file         {kept.path}",
        )
    )


@trust.command("accept")
def trust_accept(fingerprint: Fingerprint, config: Config = None, pki: Folder = None) -> None:
    """Trust a server that was refused. Compare its fingerprint with what the server itself shows first."""
    print(f"trusted from now on\n{_described(_pki(config, pki).accept(fingerprint))}")


@trust.command("reject")
def trust_reject(fingerprint: Fingerprint, config: Config = None, pki: Folder = None) -> None:
    """Trust a server no more, from the next connection on."""
    print(f"refused from now on\n{_described(_pki(config, pki).reject(fingerprint))}")


# Our certificate


@certificate.command("show")
def certificate_show(config: Config = None, pki: Folder = None) -> None:
    """Our certificate; made when there is none."""
    folder = _pki(config, pki)
    print(_described(Kept(Shelf.TRUSTED, folder.certificate_path, our_identity(folder).certificate)))


@certificate.command("renew")
def certificate_renew(config: Config = None, pki: Folder = None) -> None:
    """Make a new key and certificate; the old pair stays as .old. Servers must trust the new one."""
    folder = _pki(config, pki)
    made = folder.renew(our_uri(), our_host(), now())
    print(_described(Kept(Shelf.TRUSTED, folder.certificate_path, made.certificate)))
    print("let every server trust it, then restart the gateway; back: rename the two .old files")


@certificate.command("export")
def certificate_export(
    file: Annotated[Path, typer.Argument(help="Where to write it: .der, or .pem.")],
    config: Config = None,
    pki: Folder = None,
) -> None:
    """Write our certificate, without its key, for the server to trust."""
    ours = our_identity(_pki(config, pki)).certificate
    file.write_bytes(certificates.pem_of(ours) if file.suffix == ".pem" else certificates.der_of(ours))
    print(f"{file}: {certificates.thumbprint(ours)} (SHA-1)")


# Servers


@app.command()
def endpoints(
    url: Url, timeout_s: Annotated[float, typer.Option("--timeout", help="Seconds to wait for an answer.")] = 4.0
) -> None:
    """What a server offers: how lines are protected, how one logs in, and its certificate. Nothing of it is proven."""
    logs.configure("opcua", level="error")
    for offer in asyncio.run(offers(url, timeout_s)):
        print(f"security = {offer.security}, policy = {offer.policy}: login {', '.join(offer.logins) or '-'}")
        print(f"  {offer.url} as {offer.application}")
        if offer.certificate:
            print(_described(Kept(Shelf.REJECTED, Path("-"), offer.certificate)))


@app.command()
def browse(  # noqa: PLR0913, PLR0917  # options of a command
    url: Url,
    start: Annotated[str, typer.Option(help="Node to start from: nsu=<uri>;s=…, i=85 …")] = "i=85",
    filter_: Annotated[str, typer.Option("--filter", help="Only what has this in its path or node.")] = "",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Point table: .csv, .xlsx or .toml.")] = None,
    most: Annotated[int, typer.Option(help="Most nodes to look at.", min=1)] = 100_000,
    security: Annotated[Security, typer.Option(help="How the line is protected.")] = Security.NONE,
    policy: Annotated[Policy, typer.Option(help="With which algorithms.")] = Policy.BASIC256SHA256,
    pki: Annotated[Path, typer.Option("--pki", help="The PKI folder.")] = Path("pki"),
    username: Annotated[
        str | None, typer.Option(help="Name to log in with; the password is in LINEWRIGHT_OPCUA_PASSWORD.")
    ] = None,
) -> None:
    """Find the variables of a server and write them as a point table for `points = "…"` of a device."""
    logs.configure("opcua", level="error")
    wanted = {"url": url, "security": security, "policy": policy, "pki": pki, "username": username}
    survey = asyncio.run(_surveyed(_parsed(wanted), start, most))
    found = list(rows(list(chosen(survey.points, filter_))))
    if output:
        fields = [field for field in FIELDS if output.suffix != ".toml" or not field.startswith("#")]
        write_table(output, found, fields)
    else:
        for row in found:
            print(f"{row['tag']}  {row['type']}  {row['unit'] or '-'}  {row['node']}")
    _sum_up(survey, len(found), output)


def _parsed(wanted: dict[str, object]) -> OpcuaSettings:
    """The options, judged as the same lines in a configuration would be."""
    try:
        return OpcuaSettings.model_validate(wanted)
    except ValidationError as error:
        told = (": ".join([*map(str, problem["loc"]), problem["msg"]]) for problem in error.errors())
        raise Unclear("; ".join(told)) from error


async def _surveyed(settings: OpcuaSettings, start: str, most: int) -> Survey:
    session = await open_session(settings, Seat())
    try:
        space = AddressSpace(session.client, await session.client.get_namespace_array())
        return await Walk(space, most, _progress()).run(space.node(*split_node(start)))
    finally:
        await session.close()


def _progress() -> Callable[[int, int], None]:
    """A line that counts up, for a person at a terminal."""
    if not sys.stderr.isatty():
        return lambda _nodes, _variables: None
    return lambda nodes, variables: print(f"\r{nodes} nodes, {variables} variables", end="", file=sys.stderr)


def _sum_up(survey: Survey, written: int, output: Path | None) -> None:
    where = f" written to {output}" if output else ""
    print(f"{survey.nodes} nodes, {len(survey.points)} variables, {written}{where}", file=sys.stderr)
    for reason, count in sorted(survey.skipped.items()):
        if count:
            print(f"  left out: {count} × {reason}", file=sys.stderr)
    if survey.cut_off:
        print("  not everything was looked at: raise --most, or begin further down with --start", file=sys.stderr)
