"""A persona's calls follow it to its new id: the rows, the sums, and what is written of it later."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from personachat.database.connection import Database
from personachat.owners import LOCAL_OWNER
from personachat.services import Services
from personachat.usage.closing import Closing
from personachat.usage.people import People
from personachat.usage.questions import UsageQuery
from personachat.usage.reading import UsageReader
from personachat.usage.records import SqlUsage
from personachat.usage.renaming import move_persona
from personachat.usage.tables import usage_calls
from tests.conftest import persona_text
from tests.usage.calls import call
from tests.usage.conftest import ledger_of, over

FIRST = datetime(2026, 3, 15, 12, 7, tzinfo=UTC)


@pytest.fixture
def records(database: Database) -> SqlUsage:
    return SqlUsage(database, People(database))


def write(records: SqlUsage, *rows: dict[str, Any]) -> None:
    records.write(rows, owners=set(), process_id="")


def rename(database: Database, old: str, new: str) -> None:
    with database.write() as connection:
        move_persona(connection, old, new)


def tallies(database: Database) -> dict[str, int]:
    """How many calls each persona has, by the sums; the rows say the same."""
    question = UsageQuery(zone=ZoneInfo("UTC"), since=date(2026, 3, 1), until=date(2026, 4, 30))
    usage = UsageReader(database, People(database), owner=LOCAL_OWNER)
    found = {str(each.key[0]): each.calls for each in usage.summed(question, ("persona",))}
    with database.read() as connection:
        query = select(usage_calls.c.persona_id, func.count()).where(usage_calls.c.outcome != "running")
        rows = connection.execute(query.group_by(usage_calls.c.persona_id)).all()
    assert found == {row[0]: row[1] for row in rows}
    return found


def test_rows_and_sums_follow_also_those_of_closed_days(database: Database, records: SqlUsage) -> None:
    rows = [call(database, FIRST + timedelta(hours=7 * at)) for at in range(30)]
    write(records, *rows, call(database, FIRST, persona_id="other"))
    Closing(database).close_some(100)
    rename(database, "analyst", "oracle")
    assert tallies(database) == {"oracle": 30, "other": 1}
    Closing(database).close_some(100)
    assert tallies(database) == {"oracle": 30, "other": 1}


def test_they_join_what_the_new_id_has_already(database: Database, records: SqlUsage) -> None:
    write(records, call(database, FIRST), call(database, FIRST, persona_id="oracle"))
    rename(database, "analyst", "oracle")
    assert tallies(database) == {"oracle": 2}
    rename(database, "oracle", "analyst")
    assert tallies(database) == {"analyst": 2}


def test_whoever_takes_the_old_id_begins_with_nothing(database: Database, records: SqlUsage) -> None:
    """The process that writes has the kinds of before in mind."""
    write(records, call(database, FIRST))
    rename(database, "analyst", "oracle")
    write(records, call(database, FIRST), call(database, FIRST, persona_id="oracle"))
    assert tallies(database) == {"analyst": 1, "oracle": 2}


def test_a_call_that_was_running_ends_under_the_new_id(database: Database, records: SqlUsage) -> None:
    running = call(database, FIRST, outcome="running")
    write(records, running)
    rename(database, "analyst", "oracle")
    write(records, running | {"outcome": "finished"})
    assert tallies(database) == {"oracle": 1}


def test_renaming_a_persona_moves_its_calls(services: Services) -> None:
    services.personas.save(persona_text("clerk"))
    over(services.of("local").chat.begin("Hi", persona_id="clerk"))
    assert [row["persona_id"] for row in ledger_of(services)] == ["clerk"]
    services.of("local").collection.rename("clerk", "porter")
    assert [row["persona_id"] for row in ledger_of(services)] == ["porter"]
