"""Labels, and what the public sees behind one."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.models.base import Answer, Language, Note, OrderState, Time

Symptom = Literal[
    "noise", "vibration", "leak", "overheating", "smell_smoke", "no_start", "stopped", "low_output",
    "quality_defect", "alarm_code", "other",
]  # fmt: skip
RequestState = Literal["SUBMITTED", "TRIAGED", "CONVERTED", "MERGED", "REJECTED"]


class Label(Answer):
    """A printed QR code: link, code to type, and the picture as SVG."""

    id: UUID
    url: str
    short_code: str
    svg: str
    created_at: Time


class PublicMachine(Answer):
    """Only what the machine's owner has put on its public list."""

    name: str | None = None
    model: str | None = None
    site: str | None = None
    serial: str | None = None
    maker: str | None = None


class OpenReport(Answer):
    """Somebody has told already."""

    ticket: str
    reported_at: Time


class PublicLabel(Answer):
    """What a scan without login shows."""

    machine: PublicMachine
    symptoms: list[Symptom]
    open_report: OpenReport | None


class ReportAnswer(Answer):
    """The reporter's receipt; `status_url` is the page that shows what becomes of it."""

    ticket: str
    merged: bool
    status_url: str


class ReportStatus(Answer):
    """What became of a report."""

    ticket: str
    state: RequestState
    order_state: OrderState | None
    reported_at: Time


class ReportForm(BaseModel):
    """The text fields of a report; photo and voice come beside them as files."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: UUID = Field(description="Made by the phone (UUIDv7); sending the same id twice reports once.")
    symptom: Symptom
    text: Note = ""
    reporter: Annotated[Note, Field(max_length=100)] = ""
    language: Language = "zh-CN"
    device_time: AwareDatetime | None = None
