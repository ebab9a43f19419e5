"""The API over a real database with two tenants; most tests need no network, so none is opened."""

from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from api.app import LinewrightApi, create_app
from api.settings import ApiSettings
from tests.api.plants import Plant, build

Client = httpx.AsyncClient


@pytest.fixture
def settings(database, free_port: Callable[[], int], tmp_path) -> ApiSettings:
    return ApiSettings.model_validate(
        {
            "database": {"dsn": database.dsn("lw_app")},
            "broker": {"port": free_port()},
            "public_url": "http://plant.example",
            "web_root": str(tmp_path / "web"),
        }
    )


@pytest.fixture
async def app(settings: ApiSettings) -> AsyncIterator[LinewrightApi]:
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def client(app: LinewrightApi) -> AsyncIterator[Client]:
    # A fault must come back as an answer, as it would over the network.
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=("192.0.2.1", 1))
    async with Client(transport=transport, base_url="http://plant.example") as client:
        yield client


@pytest.fixture
def ours(database) -> Plant:
    return build(database.dsn("owner"), "ours")


@pytest.fixture
def theirs(database) -> Plant:
    return build(database.dsn("owner"), "theirs")
