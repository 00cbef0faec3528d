"""What sums cannot say: how fast it is, whether it is liked, and which conversations deserve a look."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, text

from personachat.conversations.tables import REPLIES, turns
from personachat.database.connection import Database
from personachat.insights.liking import Save, Thumb, by_save
from personachat.insights.service import Insights
from personachat.owners import LOCAL_OWNER
from personachat.usage.forecast import Medians
from personachat.usage.intervals import Thumbs
from personachat.usage.people import People
from personachat.usage.questions import UsageQuery
from personachat.usage.reading import UsageReader
from personachat.usage.tables import LONG_WAIT_MS, MANY_RETRIES, NOTABLE
from tests.history.talk import Talk
from tests.usage.calls import call, keep

NOON = datetime(2026, 3, 28, 12, tzinfo=UTC)
OTHER = "user:" + "a" * 64
BERLIN = ZoneInfo("Europe/Berlin")
EVER = UsageQuery(zone=BERLIN)


def insights(database: Database, owner: str = LOCAL_OWNER) -> Insights:
    people = People(database)
    return Insights(UsageReader(database, people, owner=owner), people, owner=owner)


def replies(talk: Talk, conversation_id: str) -> list[str]:
    path = talk.store.get(LOCAL_OWNER, conversation_id).path
    return [turn.id for turn in path if turn.role == "assistant"]


# --- how fast -------------------------------------------------------------------------------------


def test_speeds_are_measured_by_model_and_by_the_day_of_who_looks(database: Database) -> None:
    late = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)  # half past midnight in Berlin
    waits = [*range(100, 2_000, 100), 9_000]
    keep(database, *(call(database, NOON, first_token_ms=wait, duration_ms=wait + 2_000) for wait in waits))
    keep(database, call(database, late, model="slow", first_token_ms=3_000, duration_ms=5_000))
    keep(database, call(database, late, model="silent", first_token_ms=None))
    usage = insights(database).usage
    by_model = {each.key: each for each in usage.speeds(EVER, ("model",)) if each.first_token_ms.calls}
    assert set(by_model) == {("gpt-4o",), ("slow",)}
    waits_of = by_model["gpt-4o",].first_token_ms
    assert waits_of.calls == 20
    assert waits_of.p50 == pytest.approx(1_000, rel=0.02)
    assert waits_of.p95 == pytest.approx(1_900, rel=0.02)
    (late_day,) = [each for each in usage.speeds(EVER, ("day",)) if each.key == ("2026-03-29",)]
    assert late_day.first_token_ms.calls == 1
    assert late_day.first_token_ms.p50 == pytest.approx(3_000, rel=0.02)
    assert by_model["slow",].tokens_per_second.p50 == pytest.approx(10, rel=0.02)


def test_the_slow_ones_of_a_speed_are_the_low_ones(database: Database) -> None:
    rows = [
        call(database, NOON, first_token_ms=0, duration_ms=1_000, completion_tokens=tokens + 1)
        for tokens in range(1, 101)
    ]
    keep(database, *rows)
    (found,) = insights(database).usage.speeds(EVER, ("model",))
    assert found.tokens_per_second.p95 == pytest.approx(5, rel=0.02)
    assert found.tokens_per_second.p50 == pytest.approx(50, rel=0.02)


# --- whether it is liked --------------------------------------------------------------------------


def test_thumbs_count_once_whoever_copied_them_and_only_where_they_still_are(database: Database) -> None:
    talk = Talk(database)
    one = talk.new("Why?", "Thus.", "And?", "So.", created_at=NOON)
    first, second = replies(talk, one)
    talk.set_turn(first, rating=1)
    talk.set_turn(second, rating=-1)
    path = talk.store.get(LOCAL_OWNER, one).path
    copies: list[Any] = []
    for turn in path:
        above = copies[-1].id if copies else None
        copies.append(replace(turn, id=f"copy{len(copies)}", parent_id=above))
    talk.store.create(LOCAL_OWNER, turns=copies)
    gone = talk.new("Why?", "Thus.", created_at=NOON + timedelta(hours=1))
    talk.set_turn(replies(talk, gone)[0], rating=1)
    talk.set_head(gone, deleted_at=NOON)
    talk.new("Why?", "Thus.", owner=OTHER, created_at=NOON + timedelta(hours=2), rating=1)
    here = insights(database)
    assert here.thumbs(EVER) == {"analyst": Thumbs(2, 1)}
    assert here.thumbs(replace(EVER, person=here.me)) == {"analyst": Thumbs(1, 1)}
    assert insights(database, OTHER).thumbs(EVER) == {"analyst": Thumbs(1, 0)}
    assert insights(database, OTHER).thumbs(replace(EVER, person=here.me)) == {}
    assert here.thumbs(replace(EVER, until=date(2026, 3, 27))) == {}
    assert here.thumbs(replace(EVER, model="other")) == {}
    assert here.thumbs(replace(EVER, purpose="drafting")) == {}


def test_thumbs_of_a_persona_know_the_revision_that_spoke(database: Database) -> None:
    talk = Talk(database)
    for number, revision in enumerate(["e1", "e2", ""]):
        at = NOON + timedelta(hours=number)
        one = talk.new("Why?", "Thus.", created_at=at, persona_revision=revision)
        talk.set_turn(replies(talk, one)[0], rating=1 if number else -1)
    hours = [NOON + timedelta(hours=number) for number in range(3)]
    found = insights(database).thumbs_of(replace(EVER, since=date(2030, 1, 1)), "analyst")
    assert list(found) == [
        Thumb(hours[0], "e1", False),
        Thumb(hours[1], "e2", True),
        Thumb(hours[2], "", True),
    ]


def test_a_text_that_was_saved_again_has_the_thumbs_from_then_on() -> None:
    saves = [Save(n, etag, NOON + timedelta(days=n)) for n, etag in ((1, "a"), (2, "b"), (3, "a"))]
    thumbs = [
        Thumb(NOON, "a", True),  # its clock is behind
        Thumb(NOON + timedelta(days=1, hours=1), "a", True),
        Thumb(NOON + timedelta(days=2, hours=1), "b", False),
        Thumb(NOON + timedelta(days=9), "a", False),
        Thumb(NOON, "pruned", True),
    ]
    assert by_save(saves, thumbs) == {1: Thumbs(2, 0), 2: Thumbs(0, 1), 3: Thumbs(0, 1)}


# --- which conversations deserve a look -----------------------------------------------------------


def spoken(database: Database, talk: Talk, title: str, *, state: str = "finished", **changes: Any) -> str:
    """A conversation of one exchange, with its call."""
    conversation_id = talk.new("Why?", "Thus.", created_at=NOON)
    talk.set_head(conversation_id, title=title)
    turn_id = replies(talk, conversation_id)[0]
    talk.set_turn(turn_id, state=state, finish_reason=changes.get("finish_reason"))
    keep(database, call(database, NOON, conversation_id=conversation_id, turn_id=turn_id, **changes))
    return turn_id


def test_each_reason_leads_to_its_turn_and_most_reasons_come_first(database: Database) -> None:
    talk = Talk(database)
    spoken(database, talk, "Fine")
    failed = spoken(database, talk, "Failed", state="failed", outcome="failed", error_code="rate_limited")
    cut = spoken(database, talk, "Cut", finish_reason="length", completion_tokens=50)
    both = spoken(database, talk, "Slow", first_token_ms=LONG_WAIT_MS, retries=MANY_RETRIES)
    bad = spoken(database, talk, "Bad", finish_reason="length")
    talk.set_turn(bad, rating=-1, rating_note="No")
    found = {each.title: each for each in insights(database).suggested(EVER)}
    assert list(found) == ["Bad", "Failed", "Cut", "Slow"]
    assert {(each.kind, each.turn_id) for each in found["Bad"].reasons} == {("disliked", bad), ("cut", bad)}
    assert [(each.kind, each.turn_id) for each in found["Failed"].reasons] == [("failed", failed)]
    assert found["Failed"].reasons[0].error_code == "rate_limited"
    assert {each.kind: each.number for each in found["Slow"].reasons} == {"waited": 10.0, "retried": 2}
    assert {each.turn_id for each in found["Slow"].reasons} == {both}
    assert [(each.turn_id, each.number) for each in found["Cut"].reasons] == [(cut, 50)]


def test_what_was_put_right_or_is_somebody_elses_or_gone_is_not_suggested(database: Database) -> None:
    talk = Talk(database)
    spoken(database, talk, "Went on", outcome="failed")
    spoken(database, talk, "Continued", finish_reason="length")
    with database.write() as connection:
        connection.execute(text("UPDATE turns SET finish_reason = 'stop'"))
    hidden = spoken(database, talk, "Hidden", state="failed", outcome="failed")
    talk.set_turn(hidden, deleted_at=NOON)
    theirs = talk.new("Why?", "Thus.", owner=OTHER, created_at=NOON, rating=-1)
    assert insights(database).suggested(EVER) == ()
    assert [each.id for each in insights(database, OTHER).suggested(EVER)] == [theirs]


def test_many_replies_to_one_message_are_a_reason(database: Database) -> None:
    talk = Talk(database)
    one = talk.new("Why?", "Thus.", created_at=NOON)
    asked, reply = talk.store.get(LOCAL_OWNER, one).path
    newest = ""
    for number in range(2):
        newest = talk.add(one, replace(reply, id=f"again{number}", parent_id=asked.id))
    (found,) = insights(database).suggested(EVER)
    assert [(each.kind, each.number, each.turn_id) for each in found.reasons] == [("regenerated", 3, newest)]


def test_messages_with_many_replies_are_found_by_an_index_however_old_they_are(database: Database) -> None:
    talk = Talk(database)
    one = talk.new("Why?", "Thus.", created_at=NOON)
    _, first = talk.store.get(LOCAL_OWNER, one).path[-2:]
    for number in range(2):
        talk.add(one, replace(first, id=f"again{number}"))
    with database.write() as connection:  # as after a million more
        connection.exec_driver_sql(
            "UPDATE sqlite_sequence SET seq = 1000000 WHERE name = 'turns'"
            if database.is_sqlite
            else "SELECT setval(pg_get_serial_sequence('turns', 'number'), 1000000)"
        )
    talk.new("Later")
    assert [each.number for found in insights(database).suggested(EVER) for each in found.reasons] == [3]
    before = replace(EVER, until=date(2020, 1, 1))
    assert insights(database).suggested(before) == ()
    with database.read() as connection:
        many = select(turns.c.parent_id).where(REPLIES).group_by(turns.c.parent_id)
        query = many.having(func.count() >= 3).compile(connection, compile_kwargs={"literal_binds": True})
        if database.is_sqlite:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}").all()
        else:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            plan = connection.exec_driver_sql(f"EXPLAIN {query}").all()
    assert "ix_turns_replies" in str(plan)


def test_the_sentence_of_a_failure_is_the_last_one_that_was_seen(database: Database) -> None:
    talk = Talk(database)
    for words, owner in (("Try later.", LOCAL_OWNER), ("Secret", OTHER)):
        one = talk.new("Why?", "Thus.", owner=owner, created_at=NOON)
        turn_id = talk.store.get(owner, one).path[-1].id
        talk.set_turn(turn_id, state="failed", error_code="rate_limited", error={"message": words})
        row = call(database, NOON, turn_id=turn_id, outcome="failed", error_code="rate_limited", owner=owner)
        keep(database, row, owner=owner)
    found = insights(database).sentences(EVER, ["rate_limited", "idle_timeout"])
    assert found == {"rate_limited": "Try later."}


# --- costs and forecasts --------------------------------------------------------------------------


def test_the_calls_of_a_conversation_add_up_and_null_is_not_zero(database: Database) -> None:
    here = insights(database)
    assert here.calls_of("c1").total["cost_usd"] is None
    later: list[dict[str, Any]] = [
        {},
        {"purpose": "summary", "cost_usd": None},
        {"retries": 2, "prompt_tokens": 5},
    ]
    for n, changes in enumerate(later):
        keep(database, call(database, NOON + timedelta(minutes=n), conversation_id="c1", **changes))
    keep(database, call(database, NOON, conversation_id="c1", owner=OTHER), owner=OTHER)
    keep(database, call(database, NOON, conversation_id="c2"))
    found = here.calls_of("c1")
    assert found.count == len(found.rows) == 3
    assert [row["purpose"] for row in found.rows] == ["chat", "summary", "chat"]
    assert found.total["prompt_tokens"] == sum(row["prompt_tokens"] for row in found.rows) == 205
    assert found.total["cost_usd"] == pytest.approx(0.02)
    assert (found.counts["cost_usd"], found.total["retries"]) == (2, 2)


def test_medians_are_those_of_this_persona_model_and_person(database: Database) -> None:
    for n in range(5):
        keep(database, call(database, NOON, prompt_tokens=100 * n, completion_tokens=n))
        keep(database, call(database, NOON, model="other", prompt_tokens=9_999))
        keep(database, call(database, NOON, persona_id="other", prompt_tokens=9_999))
        keep(database, call(database, NOON, outcome="failed", prompt_tokens=9_999))
        keep(database, call(database, NOON, purpose="summary", prompt_tokens=9_999))
    keep(database, *(call(database, NOON, owner=OTHER, prompt_tokens=9_999) for _ in range(9)), owner=OTHER)
    wanted = {"persona_id": "analyst", "provider": "openai", "model": "gpt-4o"}
    stranger = insights(database, "user:" + "b" * 64)
    assert stranger.medians(**wanted) == Medians()
    assert insights(database, OTHER).medians(**wanted) == Medians(9, 9_999, 21)
    everybody = insights(database).medians(**wanted)
    assert (everybody.calls, everybody.prompt_tokens) == (14, 9_999)


# --- the indexes ----------------------------------------------------------------------------------


def test_what_is_looked_for_has_an_index(sqlite_database: Database) -> None:
    notable = f"SELECT began_at FROM usage_calls WHERE {NOTABLE.text} AND began_at >= '2026'"
    rated = "SELECT persona_id FROM turns WHERE rating IS NOT NULL AND created_at >= '2026'"
    plans = {notable: "ix_usage_calls_notable", rated: "ix_turns_rated"}
    with sqlite_database.read() as connection:
        for query, index in plans.items():
            plan = connection.execute(text(f"EXPLAIN QUERY PLAN {query}")).all()
            assert index in str(plan)
    assert f"first_token_ms >= {LONG_WAIT_MS}" in NOTABLE.text
    assert f"retries >= {MANY_RETRIES}" in NOTABLE.text
