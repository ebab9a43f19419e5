"""The desk of tests that look at alarms in the database."""

from collections.abc import AsyncIterator

import pytest

from database.pool import open_pool
from tests.anomaly.desk import Desk


@pytest.fixture
async def desk(database, tenant) -> AsyncIterator[Desk]:
    """Transactions of the worker and of the API, and the machine that is ill."""
    async with open_pool(database.settings("lw_worker")) as worker, open_pool(database.settings("lw_app")) as app:
        yield Desk(worker, app, tenant)
