"""Login, and who one is."""

from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from api.models.base import Answer, Body, Language, Line, Role, Time


class Login(Body):
    """Login name and password."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"login": "planner", "password": "quiet heron 42"}]})

    login: Line
    password: Annotated[str, Field(min_length=1, max_length=1024)]


class SessionChange(Body):
    """What a person may change about themselves."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"language": "en"}]})

    language: Language


class Me(Answer):
    """The person behind the session."""

    id: UUID
    login: str
    name: str
    roles: list[Role]
    language: Language


class MeAnswer(Answer):
    """After a change."""

    person: Me


class SessionAnswer(Answer):
    """The running session."""

    person: Me
    expires_at: Time


class NewSession(SessionAnswer):
    """The token is shown here once; browsers also get it as an HttpOnly cookie."""

    token: str


class Person(Answer):
    """Somebody an order can be given to."""

    id: UUID
    name: str
    roles: list[Role]


class People(Answer):
    """All people of a role; a plant has dozens, so there are no pages."""

    items: list[Person]
