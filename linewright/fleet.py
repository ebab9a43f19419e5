"""A fleet against running parts: registered, played, and then compared with what is stored.

plan ──► registry ──► play ──► Played ──► check (as owner) ──► Report
"""

import psycopg
from psycopg import AsyncConnection

from linewright import LinewrightError
from protocols.broker import BrokerSettings
from simulators.fleet.check import check
from simulators.fleet.plan import FleetPlan
from simulators.fleet.play import Drive, play
from simulators.fleet.registration import register
from simulators.fleet.report import Report


class FleetRefused(LinewrightError):
    """The database lets us neither register the fleet nor look at all it has stored; the text says what to give."""


async def run_fleet(plan: FleetPlan, drive: Drive, broker: BrokerSettings, dsn: str | None) -> Report:
    """Play a fleet; without the owner's DSN its gateways have to be registered already, and only receipts are counted.

    Raises:
        FleetRefused: the DSN is not the owner's, or leads nowhere.
    """
    if dsn is None:
        return Report(await play(plan, broker, drive), None)
    try:
        async with await AsyncConnection.connect(dsn) as connection:
            await register(connection, plan)
        played = await play(plan, broker, drive)
        async with await AsyncConnection.connect(dsn) as connection:
            return Report(played, await check(connection, plan, played.made))
    except psycopg.Error as error:
        raise FleetRefused(
            f"{error}; --dsn has to be that of the schema's owner, as for `linewright migrate`"
        ) from error
