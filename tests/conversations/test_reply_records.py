"""What a process writes of its replies, and how the replies of dead ones are recognised."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import event, insert, select, update

from personachat.conversations.model import Reply
from personachat.conversations.reply_records import SqlReplies
from personachat.conversations.sql import SqlConversations
from personachat.conversations.tables import turns
from personachat.database.connection import Database
from personachat.database.processes import DEAD_AFTER_SECONDS, processes
from personachat.messages import Failed, Usage
from personachat.stamps import new_id, now
from tests.killed_writers import PROCESSES, hold, kill, start
from tests.spoken import OWNER, replied, said

ME, OTHER = "a" * 32, "b" * 32


def begun(conversations: SqlConversations, *, by: str | None = ME, state: str = "running") -> str:
    """A reply that has begun; the id of its turn."""
    conversation = conversations.create(OWNER)
    turn = replied("Half", after=None, state=state)
    assert conversations.append(OWNER, conversation.id, [turn], only_after=None, process_id=by)
    return turn.id


def grow_old(database: Database, process_id: str) -> None:
    """Let a process's last beat be too long ago; with nothing but the beat to tell, as on another machine."""
    database.presence.leave(process_id)
    with database.write() as connection:
        long_ago = database.moment(connection) - timedelta(seconds=DEAD_AFTER_SECONDS + 1)
        connection.execute(update(processes).where(processes.c.id == process_id).values(beat_at=long_ago))


def beat_at(database: Database, moved: timedelta) -> datetime:
    """Move this process's beat to a time from now; returns it as it is read."""
    with database.write() as connection:
        moment = database.moment(connection) + moved
        connection.execute(update(processes).where(processes.c.id == ME).values(beat_at=moment))
    return beat(database)


def beat(database: Database) -> datetime:
    with database.read() as connection:
        found: datetime = connection.execute(
            select(processes.c.beat_at).where(processes.c.id == ME)
        ).scalar_one()
    return found


def state_of(records: SqlReplies, turn_id: str) -> str:
    found = records.look(turn_id)
    assert found is not None
    return found[0].state


def test_a_reply_is_read_as_it_was_last_written(conversations: SqlConversations, records: SqlReplies) -> None:
    turn_id = begun(conversations)
    error = Failed("rate_limited", "Too many.", "Wait.", 3)
    reply = Reply(state="failed", text="Half an answer", usage=Usage(1, 2), error=error, notices=("n",))
    assert records.save({turn_id: (reply, "t4 t10")}, process_id=ME) == {turn_id}
    assert records.look(turn_id) == (reply, "t4 t10")
    assert conversations.turn(OWNER, turn_id)[1].reply == reply


def test_replies_that_begin_say_that_the_process_lives_where_that_is_not_fresh(
    database: Database, conversations: SqlConversations
) -> None:
    begun(conversations)
    fresh = beat_at(database, timedelta(minutes=1))
    begun(conversations)
    assert beat(database) == fresh
    stale = beat_at(database, timedelta(seconds=-5))
    begun(conversations)
    assert beat(database) > stale


def test_nothing_is_known_of_what_is_no_reply(conversations: SqlConversations, records: SqlReplies) -> None:
    conversation = conversations.create(OWNER)
    question = said("Why?")
    conversations.append(OWNER, conversation.id, [question], only_after=None)
    for turn_id in (question.id, new_id()):
        assert records.look(turn_id) is None
        assert not records.claim(turn_id, process_id=ME)
        assert records.save({turn_id: (Reply(), "")}, process_id=ME) == frozenset()
        records.want(turn_id, "stop")
    assert conversations.turn(OWNER, question.id)[1].text == "Why?"


def test_many_replies_are_saved_in_one_transaction(
    database: Database, conversations: SqlConversations, records: SqlReplies
) -> None:
    ids = [begun(conversations) for _ in range(20)]
    foreign = begun(conversations, by=OTHER)
    commits: list[object] = []
    event.listen(database._opened(), "commit", commits.append)
    replies = {turn_id: (Reply(text=f"text of {turn_id}"), "j") for turn_id in [*ids, foreign]}
    assert records.save(replies, process_id=ME) == set(ids)
    assert len(commits) == 1
    for turn_id in ids:
        assert records.look(turn_id) == (Reply(text=f"text of {turn_id}"), "j")
    assert records.look(foreign) == (Reply(text="Half"), "")


def test_a_discarded_reply_is_left_alone(conversations: SqlConversations, records: SqlReplies) -> None:
    turn_id = begun(conversations)
    conversations.discard(OWNER, conversations.turn(OWNER, turn_id)[0])
    assert records.save({turn_id: (Reply(), "")}, process_id=ME) == frozenset()


def test_a_reply_that_ended_is_claimed_by_who_continues_it(
    conversations: SqlConversations, records: SqlReplies
) -> None:
    turn_id = begun(conversations, state="stopped")
    assert records.claim(turn_id, process_id=OTHER)
    assert state_of(records, turn_id) == "running"
    assert not records.claim(turn_id, process_id=ME)
    assert records.claim(turn_id, process_id=OTHER)
    assert records.save({turn_id: (Reply(text="lost"), "")}, process_id=ME) == frozenset()
    assert records.save({turn_id: (Reply(text="more"), "")}, process_id=OTHER) == {turn_id}


def test_of_many_who_claim_a_reply_one_gets_it(conversations: SqlConversations, records: SqlReplies) -> None:
    for _ in range(5):
        turn_id = begun(conversations, state="stopped")
        names = [new_id() for _ in range(6)]
        with ThreadPoolExecutor(6) as pool:
            claims = list(pool.map(lambda name: records.claim(turn_id, process_id=name), names))  # noqa: B023  # over before the next round
        assert claims.count(True) == 1


def test_the_reply_of_a_dead_process_may_be_claimed(
    database: Database, conversations: SqlConversations, records: SqlReplies
) -> None:
    turn_id = begun(conversations, by=OTHER)
    grow_old(database, OTHER)
    assert records.claim(turn_id, process_id=ME)


def test_what_others_want_comes_with_the_next_beat_once(
    conversations: SqlConversations, records: SqlReplies
) -> None:
    paused, stopped, ended = (
        begun(conversations),
        begun(conversations),
        begun(conversations, state="finished"),
    )
    records.beat(ME)
    records.want(paused, "pause")
    records.want(stopped, "resume")
    records.want(stopped, "stop")
    records.want(ended, "stop")
    assert records.beat(OTHER) == {}
    assert records.beat(ME) == {paused: "pause", stopped: "stop"}
    assert records.beat(ME) == {}


def test_a_beat_with_nothing_to_say_writes_nothing(
    database: Database, conversations: SqlConversations, records: SqlReplies
) -> None:
    begun(conversations)
    commits: list[object] = []
    event.listen(database._opened(), "commit", commits.append)
    for _ in range(5):
        assert records.beat(ME) == {}
    assert commits == []


def test_a_living_process_is_left_alone(conversations: SqlConversations, records: SqlReplies) -> None:
    turn_id, paused = begun(conversations), begun(conversations, state="paused")
    assert records.interrupt() == frozenset()
    assert (state_of(records, turn_id), state_of(records, paused)) == ("running", "paused")


def test_the_replies_of_a_process_without_a_beat_are_interrupted(
    database: Database, conversations: SqlConversations, records: SqlReplies
) -> None:
    running, paused = begun(conversations, by=OTHER), begun(conversations, by=OTHER, state="paused")
    finished, mine = begun(conversations, by=OTHER, state="finished"), begun(conversations)
    grow_old(database, OTHER)
    assert records.interrupt() == {running, paused}
    found = records.look(running)
    assert found is not None
    assert (found[0].state, found[0].text, found[0].continuable) == ("interrupted", "Half", True)
    assert (state_of(records, finished), state_of(records, mine)) == ("finished", "running")
    assert records.interrupt() == frozenset()


def test_one_that_only_slept_can_write_again_what_nobody_claimed(
    database: Database, conversations: SqlConversations, records: SqlReplies
) -> None:
    turn_id = begun(conversations)
    grow_old(database, ME)
    records.interrupt()
    records.beat(ME)
    assert records.save({turn_id: (Reply(state="finished", text="Whole"), "")}, process_id=ME) == {turn_id}


def test_a_reply_that_nobody_ever_claimed_is_interrupted(
    database: Database, conversations: SqlConversations, records: SqlReplies
) -> None:
    recent, old = begun(conversations, by=None), begun(conversations, by=None)
    with database.write() as connection:
        long_ago = now() - timedelta(seconds=DEAD_AFTER_SECONDS + 1)
        connection.execute(update(turns).where(turns.c.id == old).values(created_at=long_ago))
    assert records.interrupt() == {old}
    assert state_of(records, recent) == "running"


def test_a_process_that_ends_leaves_no_live_reply(
    database: Database, conversations: SqlConversations, records: SqlReplies
) -> None:
    mine, others = begun(conversations), begun(conversations, by=OTHER)
    records.retire(ME)
    assert (state_of(records, mine), state_of(records, others)) == ("interrupted", "running")
    if database.path:
        left = [lock.stem for lock in (database.path.parent / "processes").iterdir()]
        assert left == [OTHER]


def test_a_killed_process_is_seen_at_once(sqlite_database: Database) -> None:
    conversations, records = SqlConversations(sqlite_database), SqlReplies(sqlite_database)
    reader, writer = PROCESSES.Pipe(duplex=False)
    conversation = conversations.create(OWNER)
    process = start(hold, f"sqlite:///{sqlite_database.path}", conversation.id, OTHER, writer)
    turn_id = reader.recv()
    assert records.interrupt() == frozenset()
    with sqlite_database.write() as connection:  # even where it is too busy to beat
        long_ago = now() - timedelta(hours=1)
        connection.execute(update(processes).where(processes.c.id == OTHER).values(beat_at=long_ago))
    assert records.interrupt() == frozenset()
    kill(process)
    assert records.interrupt() == {turn_id}
    reader.close()
    writer.close()


def test_a_killed_process_is_seen_by_its_beat_in_postgresql(postgres_database: Database) -> None:
    conversations, records = SqlConversations(postgres_database), SqlReplies(postgres_database)
    reader, writer = PROCESSES.Pipe(duplex=False)
    conversation = conversations.create(OWNER)
    assert postgres_database._url is not None
    url = postgres_database._url.render_as_string(hide_password=False)
    process = start(hold, url, conversation.id, OTHER, writer)
    turn_id = reader.recv()
    assert records.interrupt() == frozenset()
    kill(process)
    assert records.interrupt() == frozenset()
    grow_old(postgres_database, OTHER)
    assert records.interrupt() == {turn_id}
    reader.close()
    writer.close()


@pytest.mark.parametrize("seconds", [DEAD_AFTER_SECONDS - 2, DEAD_AFTER_SECONDS + 1])
def test_a_process_elsewhere_is_dead_after_ten_seconds(
    database: Database, conversations: SqlConversations, records: SqlReplies, seconds: int
) -> None:
    turn_id = begun(conversations, by=None)
    with database.write() as connection:
        beat_at = database.moment(connection) - timedelta(seconds=seconds)
        connection.execute(insert(processes).values(id=OTHER, beat_at=beat_at))
        connection.execute(update(turns).where(turns.c.id == turn_id).values(process_id=OTHER))
    assert (turn_id in records.interrupt()) is (seconds > DEAD_AFTER_SECONDS)


def test_a_process_gives_up_only_what_is_its_own_and_live(
    conversations: SqlConversations, records: SqlReplies
) -> None:
    mine, theirs = begun(conversations), begun(conversations, by=OTHER)
    ended = begun(conversations, state="finished")
    assert records.abandon(mine, process_id=ME)
    assert [state_of(records, turn) for turn in (mine, theirs, ended)] == [
        "interrupted",
        "running",
        "finished",
    ]
    assert not any(records.abandon(turn, process_id=ME) for turn in (mine, theirs, ended, new_id()))


def test_after_an_outage_everybody_may_first_say_that_they_live(postgres_database: Database) -> None:
    records = SqlReplies(postgres_database)
    turn_id = begun(SqlConversations(postgres_database), by=OTHER)
    grow_old(postgres_database, OTHER)
    postgres_database._outage.note(OSError("silent"), took=0)
    postgres_database.check()
    assert not records.interrupt()
    postgres_database._outage._ended -= DEAD_AFTER_SECONDS
    assert records.interrupt() == {turn_id}
