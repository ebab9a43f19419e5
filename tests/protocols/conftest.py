"""A real OPC UA server for all tests of this folder, and silence from the libraries."""

import logging
from collections.abc import AsyncIterator, Callable

import pytest_asyncio

from tests.protocols.opcua_rig import OpcuaServer, opcua_server

# They shout every frame when a line is lost, which these tests do all the time.
for name in ("pymodbus", "asyncua"):
    logging.getLogger(name).setLevel(logging.CRITICAL)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def opcua_plant(free_port: Callable[[], int]) -> AsyncIterator[OpcuaServer]:
    """Making its address space takes seconds, so there is one; see `opcua`."""
    async with opcua_server(free_port()) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session")
async def opcua(opcua_plant: OpcuaServer) -> AsyncIterator[OpcuaServer]:
    """The server, started for this test, its nodes as they were at first."""
    await opcua_plant.reset()
    await opcua_plant.start()
    yield opcua_plant
    await opcua_plant.stop()
