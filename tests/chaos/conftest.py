"""A plant in the database of the test session; parts that stop the server make one of their own."""

import tempfile
from pathlib import Path

import pytest

from tests.chaos.clocks import KINDS
from tests.chaos.plant import Plant, register


@pytest.fixture
async def plant(open_folder, broker, database) -> Plant:
    """With as many gateways as any part wants."""
    folder = Path(tempfile.mkdtemp(prefix="chaos-", dir=open_folder))
    return Plant(folder, broker, database, await register(database.dsn("owner"), len(KINDS)))
