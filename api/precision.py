"""The record of the rules over HTTP: how often each was right, the nights, and decisions that a person may reverse."""

from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from anomaly import UnknownStanding
from anomaly.loop import nightly, standings
from anomaly.loop import precision as figures
from anomaly.loop.records import EvaluatedRule, Evaluation, Rule, Standing
from api import Invalid, cursors
from api.access import SignedIn, Tx
from api.models import precision as models
from api.models.base import PageQuery
from database.pool import Connection

router = APIRouter(tags=["precision"])


@router.get("/precision")
async def read_precision(query: Annotated[models.PrecisionQuery, Query()], tx: Tx) -> models.Precision:
    """How often alarms were right, by rule, model and class of machines; each alarm counts once."""
    since = datetime.now(UTC) - timedelta(days=query.days)
    found = await nightly.tallies(tx, since)
    held = {one.rule: one for one in await standings.list_standings(tx)}
    rules = [
        models.RulePrecision(**asdict(rule), **_figures(precision), **_standing(rule, held.get(rule)))
        for rule, precision in figures.by(found, lambda tally: tally.rule).items()
    ]
    by_model = figures.by(found, lambda tally: (tally.rule.source, tally.rule.model_version))
    by_class = figures.by(found, lambda tally: tally.rule.machine_class)
    return models.Precision(
        since=since,
        rules=rules,
        models=[
            models.ModelPrecision(source=source, model_version=version, **_figures(precision))
            for (source, version), precision in by_model.items()
        ],
        classes=[
            models.ClassPrecision(machine_class=name, **_figures(precision)) for name, precision in by_class.items()
        ],
    )


@router.get("/evaluations")
async def list_evaluations(query: Annotated[PageQuery, Query()], tx: Tx) -> models.EvaluationPage:
    """The evaluation of every night, newest first."""
    found = await nightly.list_evaluations(tx, _day(query.cursor), query.limit + 1)
    page = found[: query.limit]
    rules = await nightly.evaluated_rules(tx, [one.day for one in page])
    following = cursors.encode(page[-1].day.isoformat()) if len(found) > query.limit else None
    items = [
        models.Evaluation(
            day=one.day, at=one.at, worker=one.worker, **_counted(one),
            rules=[
                models.EvaluatedRule(**asdict(rule.rule), standing=_name(rule.standing), **_counted(rule))
                for rule in rules[one.day]
            ],
        )
        for one in page
    ]  # fmt: skip
    return models.EvaluationPage(items=items, next_cursor=following)


@router.get("/standings/{standing_id}")
async def read_standing(standing_id: UUID, tx: Tx) -> models.Standing:
    """How loudly a rule may speak, and why: every decision of its record and of people."""
    return await _one(tx, standing_id)


@router.post("/standings/{standing_id}")
async def settle_standing(standing_id: UUID, wanted: models.Settlement, tx: Tx, caller: SignedIn) -> models.Standing:
    """Promote or demote a rule by hand, or reverse what its record has decided."""
    await standings.settle(tx, standing_id, wanted.standing, wanted.reason, caller.person_id)
    return await _one(tx, standing_id)


async def _one(tx: Connection, standing_id: UUID) -> models.Standing:
    for one in await standings.list_standings(tx):
        if one.id == standing_id:
            events = [models.StandingEvent.model_validate(e) for e in await standings.standing_events(tx, one.id)]
            return models.Standing(
                id=one.id, **asdict(one.rule), standing=_name(one.standing), since=one.since, events=events
            )
    raise UnknownStanding(str(standing_id))


def _figures(precision: figures.Precision) -> dict[str, Any]:
    lower, upper = precision.interval
    return {
        "right": precision.right, "counted": precision.counted, "not_inspected": precision.not_inspected,
        "precision": precision.share, "lower": lower, "upper": upper,
    }  # fmt: skip


def _counted(one: Evaluation | EvaluatedRule) -> dict[str, Any]:
    return _figures(figures.Precision(one.right_ones, one.counted, one.not_inspected))


def _standing(rule: Rule, held: Standing | None) -> dict[str, Any]:
    name = held.standing if held else figures.first_standing(rule.source)
    return {"standing": name, "standing_id": held and held.id}


def _name(standing: str) -> Any:
    return standing


def _day(cursor: str | None) -> date | None:
    try:
        text = cursors.text(cursor)
        return date.fromisoformat(text) if text is not None else None
    except ValueError as error:
        raise Invalid({"query.cursor": "is no cursor of this list; start without one"}) from error
