"""What keeps alarms silent by design, over HTTP: patterns called false, planned stops, machines that need others."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from anomaly.loop import pattern_store
from anomaly.suppression import dependencies, stops
from api import Invalid, cursors
from api.access import SignedIn, Tx
from api.machines import machine_of
from api.models import silence as models
from api.models.alarms import Contribution
from api.models.base import MachineRef, PageQuery

router = APIRouter(tags=["alarms"])


@router.get("/false-patterns")
async def list_false_patterns(query: Annotated[PageQuery, Query()], tx: Tx) -> models.FalsePatternPage:
    """What people have called a false alarm of a statistical detector, newest first."""
    found = await pattern_store.list_patterns(tx, cursors.time_and_id(query.cursor), query.limit + 1)
    page = found[: query.limit]
    following = cursors.encode(page[-1].created_at, page[-1].id) if len(found) > query.limit else None
    return models.FalsePatternPage(items=[_pattern(one) for one in page], next_cursor=following)


@router.post("/false-patterns/{pattern_id}/revoke")
async def revoke_false_pattern(pattern_id: UUID, tx: Tx, caller: SignedIn) -> models.FalsePattern:
    """Hear of it again; an alarm that it keeps silent now is told within a minute."""
    return _pattern(await pattern_store.revoke(tx, pattern_id, caller.person_id))


@router.get("/planned-stops")
async def list_planned_stops(query: Annotated[PageQuery, Query()], tx: Tx) -> models.PlannedStopPage:
    """Planned stops, last begun first."""
    found = await stops.list_stops(tx, cursors.time_and_id(query.cursor), query.limit + 1)
    page = found[: query.limit]
    following = cursors.encode(page[-1].starts_at, page[-1].id) if len(found) > query.limit else None
    return models.PlannedStopPage(items=[_stop(one) for one in page], next_cursor=following)


@router.post("/planned-stops", status_code=201)
async def plan_stop(new: models.NewPlannedStop, tx: Tx, caller: SignedIn) -> models.PlannedStop:
    """Say that a machine will stand: alarms that begin meanwhile, on it or below it, ask nobody, critical ones do."""
    if new.ends_at is not None and new.ends_at < new.starts_at:
        raise Invalid({"body.ends_at": "lies before starts_at"})
    await machine_of(tx, new.machine_id)
    wanted = stops.NewStop(new.id, new.machine_id, new.starts_at, new.ends_at, new.reason)
    return _stop(await stops.plan(tx, wanted, caller.person_id))


@router.post("/planned-stops/{stop_id}/end")
async def end_planned_stop(stop_id: UUID, tx: Tx, caller: SignedIn) -> models.PlannedStop:
    """The machine may run again; what is still wrong with it is told within a minute."""
    return _stop(await stops.end(tx, stop_id, caller.person_id))


@router.get("/dependencies")
async def list_dependencies(tx: Tx) -> models.DependencyList:
    """Which machine needs which."""
    return models.DependencyList(items=[_dependency(one) for one in await dependencies.list_dependencies(tx)])


@router.post("/dependencies", status_code=201)
async def add_dependency(new: models.NewDependency, tx: Tx) -> models.Dependency:
    """A machine needs another: when that one stops, alarms that follow here are explained and ask nobody."""
    for machine_id in (new.machine_id, new.parent_id):
        await machine_of(tx, machine_id)
    wanted = dependencies.NewDependency(new.machine_id, new.parent_id, new.within_s, new.causes, new.note)
    return _dependency(await dependencies.add(tx, wanted))


@router.delete("/dependencies/{dependency_id}", status_code=204)
async def remove_dependency(dependency_id: UUID, tx: Tx) -> None:
    """It needs it no longer."""
    await dependencies.remove(tx, dependency_id)


def _pattern(one: pattern_store.FalsePattern) -> models.FalsePattern:
    return models.FalsePattern(
        id=one.id, alarm_id=one.alarm_id, machine=_machine(one), cause=one.cause, mode=one.mode,
        contributions=[Contribution(tag=tag, share=share) for tag, share in zip(one.tags, one.shares, strict=True)],
        created_at=one.created_at, expires_at=one.expires_at, revoked_at=one.revoked_at, silenced=one.silenced,
    )  # fmt: skip


def _stop(one: stops.PlannedStop) -> models.PlannedStop:
    return models.PlannedStop(
        id=one.id, machine=_machine(one), starts_at=one.starts_at, ends_at=one.ends_at, reason=one.reason,
        by_id=one.by_id, created_at=one.created_at, ended_by=one.ended_by,
    )  # fmt: skip


def _dependency(one: dependencies.Dependency) -> models.Dependency:
    parent = MachineRef(id=one.parent_id, slug=one.parent_slug, name=one.parent_name)
    return models.Dependency(
        id=one.id, machine=_machine(one), parent=parent, within_s=one.within_s, causes=one.causes, note=one.note
    )


def _machine(one: pattern_store.FalsePattern | stops.PlannedStop | dependencies.Dependency) -> MachineRef:
    return MachineRef(id=one.machine_id, slug=one.machine_slug, name=one.machine_name)
