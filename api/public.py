"""What a scan without login opens: a few published facts of one machine, and the way to report a fault.

    token ──► label ──► its tenant ──► machine, symptoms, open report        unknown 404, revoked 410
    form (text, photo, voice) ──► checked by content ──► maintenance.reports ──► ticket
"""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile

from api import Gone, Invalid, NoSuchThing, uploads
from api.models import labels as models
from api.sessions import caller_address
from api.state import ApiState, state_of
from database.pool import Connection, set_tenant, transaction
from database.queries import load_queries
from device_registry import store as registry
from device_registry.records import FoundLabel, Machine
from maintenance import reports
from maintenance.reports import NewAttachment, NewReport, Report
from maintenance.symptoms import symptoms_of

# Two files and the text fields; the form parser and the body limit of the address enforce it.
FORM_LIMITS = {"max_files": 2, "max_fields": 6, "max_part_size": 32 * 1024}
BODY_BYTES_MOST = 2 * uploads.BYTES_MOST + (256 << 10)

queries = load_queries(__file__)
router = APIRouter(tags=["public"], prefix="/public")

_FILES = {
    "photo": {"type": "string", "contentMediaType": "image/*", "description": "JPEG, PNG or WebP, at most 4 MiB"},
    "voice": {"type": "string", "contentMediaType": "audio/*", "description": "WebM, Ogg, MP4 or AAC, at most 4 MiB"},
}
_FORM_SCHEMA = models.ReportForm.model_json_schema()
_FORM_SCHEMA["properties"] |= _FILES


@router.get("/labels/{token}")
async def read_public_label(token: str, request: Request) -> models.PublicLabel:
    """The page behind a label: what the machine's owner has published, and what can be reported."""
    state = state_of(request)
    state.limits.public_page.take(caller_address(request))
    async with transaction(state.pool) as connection:
        label = await _label(connection, token)
        machine = await registry.find_machine(connection, label.machine_id)
        order = await reports.open_fault_order(connection, label.machine_id)
    assert machine is not None  # the label's foreign key
    told = models.OpenReport(ticket=reports.ticket(order.no), reported_at=order.reported_at) if order else None
    return models.PublicLabel(
        machine=_published(machine), symptoms=list(symptoms_of(machine.machine_class)), open_report=told
    )


@router.post(
    "/labels/{token}/reports",
    status_code=201,
    responses={200: {"model": models.ReportAnswer, "description": "This id was reported before"}},
    openapi_extra={"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _FORM_SCHEMA}}}},
)
async def send_report(token: str, request: Request, response: Response) -> models.ReportAnswer:
    """Report a fault, with or without photo and voice. The same id again gives the same answer, and 200."""
    state = state_of(request)
    state.limits.report.take(caller_address(request))
    async with transaction(state.pool) as connection:
        await _label(connection, token)
    async with request.form(**FORM_LIMITS) as form:  # only now: a wrong token costs no upload
        wanted, attachments = await _read(form)
    report, is_new = await _submit(state, token, wanted, attachments)
    response.status_code = 201 if is_new else 200
    return models.ReportAnswer(
        ticket=report.ticket, merged=report.state == "MERGED", status_url=f"{state.settings.base_url}/r/{report.id}"
    )


@router.get("/reports/{report_id}")
async def read_public_report(report_id: UUID, request: Request) -> models.ReportStatus:
    """What became of a report; its id, which only the reporter's phone knows, is the key."""
    state = state_of(request)
    state.limits.public_page.take(caller_address(request))
    async with transaction(state.pool) as connection:
        row = await (await connection.execute(queries.find_report, {"report_id": report_id})).fetchone()
        if row is None or row[0] is None:
            raise NoSuchThing("there is no such report")
        await set_tenant(connection, row[0])
        report = await reports.load_report(connection, report_id)
    return models.ReportStatus.model_validate(
        {"ticket": report.ticket, "state": report.state, "order_state": report.order_state,
         "reported_at": report.reported_at}
    )  # fmt: skip


async def _label(connection: Connection, token: str) -> FoundLabel:
    """The label, after which the transaction belongs to its tenant."""
    found = await registry.find_label(connection, token) if token.isprintable() and len(token) <= 64 else None
    if found is None:
        raise NoSuchThing("this label is not known")
    if found.revoked:
        raise Gone("this label is no longer valid; ask for the new one on the machine")
    await set_tenant(connection, found.tenant_id)
    return found


def _published(machine: Machine) -> models.PublicMachine:
    """The machine's public list and nothing else."""
    return models.PublicMachine.model_validate({field: getattr(machine, field) for field in machine.public_fields})


async def _read(form: FormData) -> tuple[models.ReportForm, tuple[NewAttachment, ...]]:
    names = [name for name, _ in form.multi_items()]
    if len(names) != len(set(names)):
        raise Invalid({"body": "a field stands twice"})
    texts: dict[str, Any] = {}
    attachments = []
    for name, value in form.items():
        if isinstance(value, UploadFile) and name in _FILES:
            content = await value.read(uploads.BYTES_MOST + 1)
            upload = uploads.photo(content) if name == "photo" else uploads.voice(content)
            attachments.append(NewAttachment(upload.kind, upload.content_type, upload.content))
        elif isinstance(value, str) and name not in _FILES:
            texts[name] = value
        else:
            raise Invalid({f"body.{name}": "is a file where a text belongs, or the reverse"})
    try:
        return models.ReportForm.model_validate(texts), tuple(attachments)
    except ValidationError as error:
        fields = {".".join(["body", *map(str, problem["loc"])]): problem["msg"] for problem in error.errors()}
        raise Invalid(fields) from error


async def _submit(
    state: ApiState, token: str, wanted: models.ReportForm, attachments: tuple[NewAttachment, ...]
) -> tuple[Report, bool]:
    async with transaction(state.pool) as connection:
        label = await _label(connection, token)
        report = NewReport(
            id=wanted.id, machine_id=label.machine_id, symptom=wanted.symptom, label_id=label.label_id,
            text=wanted.text, reporter=wanted.reporter, language=wanted.language, device_time=wanted.device_time,
            attachments=attachments,
        )  # fmt: skip
        return await reports.submit_report(connection, report)
