"""Labels: the QR code of a machine, made, shown as SVG, followed to its machine, and taken back."""

import io
from uuid import UUID

import segno
from fastapi import APIRouter, Request

from api import Gone, NoSuchThing
from api.access import Tx
from api.models import labels as models
from api.models.base import MachineRef
from api.state import state_of
from device_registry import store as registry
from device_registry.records import Label

router = APIRouter(tags=["labels"])


@router.get("/machines/{machine_id}/label")
async def read_label(machine_id: UUID, tx: Tx, request: Request) -> models.Label:
    """The machine's valid label."""
    label = await registry.find_machine_label(tx, machine_id)
    if label is None:
        raise NoSuchThing("this machine has no valid label; a planner makes one with POST")
    return _shown(label, state_of(request).settings.base_url)


@router.post("/machines/{machine_id}/label", status_code=201)
async def create_label(machine_id: UUID, tx: Tx, request: Request) -> models.Label:
    """A new label; those printed before stay valid until they are revoked."""
    return _shown(await registry.create_label(tx, machine_id), state_of(request).settings.base_url)


@router.get("/labels/{token}")
async def find_labelled_machine(token: str, tx: Tx) -> MachineRef:
    """The machine behind a scanned token or a typed short code, for somebody who has logged in."""
    label = await registry.find_label(tx, token)
    machine = await registry.find_machine(tx, label.machine_id) if label else None
    if label is None or machine is None:
        raise NoSuchThing("no machine of yours carries this label")
    if label.revoked:
        raise Gone("this label is no longer valid; use the new one on the machine")
    return MachineRef(id=machine.id, slug=machine.slug, name=machine.name)


@router.delete("/labels/{label_id}", status_code=204)
async def revoke_label(label_id: UUID, tx: Tx) -> None:
    """Take a label back: whoever scans it is told that it is no longer valid."""
    if not await registry.revoke_label(tx, label_id):
        raise NoSuchThing("there is no such label, or it is revoked already")


def _shown(label: Label, base_url: str) -> models.Label:
    url = f"{base_url}/q/{label.token}"
    return models.Label(id=label.id, url=url, short_code=label.short_code, svg=qr_svg(url), created_at=label.created_at)


def qr_svg(url: str) -> str:
    """The QR code with 25 % error correction: a label lives in oil and dust."""
    picture = io.BytesIO()
    segno.make_qr(url, error="q", boost_error=False).save(
        picture, kind="svg", xmldecl=False, omitsize=True, border=4, svgclass=None, lineclass=None
    )
    return picture.getvalue().decode().strip()
