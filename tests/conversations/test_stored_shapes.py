"""Rows that others left: whatever a column holds is read, and takes nobody's page or list away."""

from __future__ import annotations

import math
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Column, Integer, Table, insert, select, text

from personachat.accounts.tables import budgets
from personachat.conversations.sql import SqlConversations
from personachat.conversations.tables import turns
from personachat.database.columns import (
    EARLIEST,
    LATEST,
    JsonList,
    JsonObject,
    UtcDateTime,
    metadata,
)
from personachat.database.connection import Database
from personachat.messages import Failed
from personachat.services import build_services
from personachat.settings import load_settings
from tests.spoken import OWNER, replied, spoken

ANY_JSON = ["[]", "{}", '"text"', "5", "null", "[null]", '[["user"]]', '{"x": [1]}', '{"message": 5}']
JSON_COLUMNS = [
    (table.name, column.name)
    for table in metadata.sorted_tables
    for column in table.columns
    if isinstance(column.type, (JsonObject, JsonList))
]
EDGES = [
    datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, tzinfo=timezone(timedelta(hours=-14))),
]


@pytest.mark.parametrize("moment", EDGES)
def test_the_first_and_the_last_moment_can_be_kept_and_shown_everywhere(
    database: Database, moment: datetime
) -> None:
    conversation = SqlConversations(database).create(OWNER)
    with database.write() as connection:
        connection.execute(
            text("UPDATE conversations SET deleted_at = NULL, created_at = :at"),
            {"at": "0001-01-01 00:00:00.000000" if moment.year == 1 else "9999-12-31 23:59:59.999999"},
        )
    read = SqlConversations(database).get(OWNER, conversation.id).created_at
    with database.write() as connection:
        written = insert(turns).values(_turn(conversation.id, moment)).returning(turns.c.created_at)
        kept = connection.execute(written).scalar_one()
    for each in (read, kept):
        assert each
        assert EARLIEST <= each <= LATEST
        for zone in ("Pacific/Kiritimati", "Etc/GMT+12"):
            assert each.astimezone(ZoneInfo(zone))


def _turn(conversation_id: str, moment: datetime) -> dict[str, Any]:
    return {
        "id": "a",
        "conversation_id": conversation_id,
        "depth": 0,
        "role": "user",
        "text": "Hi",
        "persona_id": "x",
        "persona_name": "X",
        "created_at": moment,
    }


@pytest.mark.parametrize("value", [*ANY_JSON, '{"half', "", "9" * 5_000, "[" * 50_000])
def test_a_json_column_gives_what_it_is_for_or_nothing(sqlite_database: Database, value: str) -> None:
    kinds = {"object": JsonObject(), "list": JsonList(str)}
    needed = {"all": JsonObject(required=True), "each": JsonList((int, float), required=True)}
    columns: list[Column[Any]] = [Column(name, kind) for name, kind in (kinds | needed).items()]
    scratch = Table("scratch", type(metadata)(), Column("id", Integer, primary_key=True), *columns)
    with sqlite_database.write() as connection:
        scratch.create(connection)
        connection.execute(
            text('INSERT INTO scratch ("object", "list", "all", "each") VALUES (:v, :v, :v, :v)'),
            {"v": value},
        )
        row = connection.execute(select(scratch)).one()
    assert row.object is None or isinstance(row.object, dict)
    assert row.list is None or all(isinstance(each, str) for each in row.list)
    assert isinstance(row.all, dict)
    assert all(isinstance(each, int | float) for each in row.each)


@pytest.mark.parametrize("value", ANY_JSON)
@pytest.mark.parametrize("name", [name for table, name in JSON_COLUMNS if table == "turns"])
def test_a_turn_whose_json_is_of_another_shape_is_read_with_all_the_others(
    database: Database, name: str, value: str
) -> None:
    store = SqlConversations(database)
    conversation = store.create(OWNER)
    (asked,) = spoken(store, conversation.id, "one")
    answer = replied("two", after=asked.id, state="failed")
    assert store.append(OWNER, conversation.id, [answer], only_after=asked.id)
    with database.write() as connection:
        connection.execute(text(f"UPDATE turns SET {name} = :value"), {"value": value})  # our own name
    read = store.get(OWNER, conversation.id)
    assert [turn.text for turn in read.path] == ["one", "two"]
    assert store.request(OWNER, answer.id) is None


def test_what_is_known_of_an_error_is_kept() -> None:
    whole = Failed("rate_limited", "Too many.", "Wait.", 3.0)
    assert Failed.from_record(whole.as_record()) == whole
    odd = Failed.from_record({"message": 5, "retry_after_seconds": float("inf"), "hint": "Wait.", "more": []})
    assert (odd.code, odd.hint, odd.retry_after_seconds) == ("stream_failed", "Wait.", None)


def test_every_json_column_says_its_shape() -> None:
    plain = [
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if type(column.type).__name__ == "JSON"
    ]
    assert plain == ["persona_access.grants"]  # which is judged by whoever reads it: it may forbid something
    assert len(JSON_COLUMNS) > 15
    assert all(
        isinstance(column.type, UtcDateTime)
        for table in metadata.sorted_tables
        for column in table.columns
        if column.name.endswith("_at") and column.name != "login_at"
    )


def test_a_conversation_whose_last_turn_is_gone_shows_the_newest_and_goes_on(
    conversations: SqlConversations, database: Database
) -> None:
    conversation = conversations.create(OWNER)
    spoken(conversations, conversation.id, "one", "two")
    with database.write() as connection:
        connection.execute(text("UPDATE conversations SET leaf_id = 'nothing'"))
    read = conversations.get(OWNER, conversation.id)
    assert [turn.text for turn in read.path] == ["one", "two"]
    spoken(conversations, conversation.id, "three", after=read.leaf_id)
    assert [turn.text for turn in conversations.get(OWNER, conversation.id).path] == ["one", "two", "three"]
    empty = conversations.create(OWNER)
    with database.write() as connection:
        connection.execute(text("UPDATE conversations SET leaf_id = 'nothing'"))
    assert conversations.get(OWNER, empty.id).path == ()
    assert not conversations.append(OWNER, conversations.create(OWNER).id, [], only_after="nothing")


def test_turns_that_stand_below_each_other_are_no_endless_way(
    conversations: SqlConversations, database: Database
) -> None:
    conversation = conversations.create(OWNER)
    first, last = spoken(conversations, conversation.id, "one", "two")
    with database.write() as connection:
        connection.execute(
            text("UPDATE turns SET parent_id = :last WHERE id = :first"), {"last": last.id, "first": first.id}
        )
    assert [turn.text for turn in conversations.get(OWNER, conversation.id).path] == ["one", "two"]
    conversations.show_branch(OWNER, conversation.id, last.id)


@pytest.mark.parametrize(
    ("name", "value", "read_as"),
    [
        ("role", "nobody", "assistant"),
        ("state", "nonsense", "interrupted"),
        ("state", "", "interrupted"),
        ("finish_reason", "nonsense", "stop"),
        ("cost_usd", math.inf, None),
        ("duration_seconds", -math.inf, None),
        ("avatar", "/etc/passwd", None),
        ("rating", 7, None),
    ],
)
def test_a_reply_with_a_value_that_it_cannot_have_is_read(
    database: Database, name: str, value: object, read_as: object
) -> None:
    store = SqlConversations(database)
    conversation = store.create(OWNER)
    (asked,) = spoken(store, conversation.id, "one")
    answer = replied("two", after=asked.id, state="finished", finish_reason="stop")
    assert store.append(OWNER, conversation.id, [answer], only_after=asked.id)
    with database.write() as connection:
        connection.execute(
            text(f"UPDATE turns SET {name} = :value WHERE id = :id"),  # our own name
            {"value": value, "id": answer.id},
        )
    read = store.get(OWNER, conversation.id).path[-1]
    assert read.text == "two"
    assert getattr(read if name in {"role", "avatar", "rating"} else read.reply, name) == read_as


def test_a_budget_that_says_nothing_limits_nobody_and_is_in_the_log(
    sqlite_database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with sqlite_database.write() as connection:
        for number, (scope, unit, most) in enumerate(
            [("all", "usd", 5), ("moon", "usd", 5), ("all", "shells", 5), ("all", "usd", -1)]
        ):
            row = {"id": str(number), "scope": scope, "name": "", "period": "day", "unit": unit, "most": most}
            connection.execute(insert(budgets).values(row | {"created_at": EARLIEST}))
    with closing(build_services(load_settings(data_dir=tmp_path / "data"))) as services:
        services.budgets.refresh()
        services.budgets.refresh()
        assert [(each.id, each.most) for each in services.budgets.all] == [("0", 5.0), ("3", 0.0)]
    assert caplog.text.count("can't be read") == 2
