"""People an order can be given to."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from api.access import Tx
from api.models import session as models
from api.models.base import Role
from device_registry import store as registry

router = APIRouter(tags=["people"])


class PeopleQuery(BaseModel):
    """Which people."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: Role | None = None


@router.get("/people")
async def list_people(query: Annotated[PeopleQuery, Query()], tx: Tx) -> models.People:
    """Everybody who may log in, by name; with `role` those who have it."""
    found = await registry.list_people(tx, query.role)
    return models.People(items=[models.Person.model_validate(person) for person in found])
