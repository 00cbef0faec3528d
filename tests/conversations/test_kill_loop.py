"""A process that is killed at any moment loses nothing that the database had said it has."""

from __future__ import annotations

import random
import sqlite3
import time

from personachat.conversations.reply_records import SqlReplies
from personachat.conversations.sql import SqlConversations
from personachat.database.connection import Database
from personachat.stamps import new_id
from tests.killed_writers import PROCESSES, chat, kill, start
from tests.spoken import OWNER

KILLS = 100


def test_nothing_acknowledged_is_lost_however_often_it_is_killed(sqlite_database: Database) -> None:
    chance = random.Random(3)
    conversations, records = SqlConversations(sqlite_database), SqlReplies(sqlite_database)
    conversation = conversations.create(OWNER)
    heard: dict[str, str] = {}
    for _ in range(KILLS):
        acknowledged = _killed_in_mid_chat(sqlite_database, conversation.id, chance.uniform(0, 0.06))
        heard |= acknowledged
        records.interrupt()
        conversation = conversations.get(OWNER, conversation.id)
        replies = {turn.id: turn.reply for turn in conversation.path if turn.reply}
        assert set(heard) <= set(replies)
        assert all(reply.text.startswith(heard.get(turn_id, "")) for turn_id, reply in replies.items())
        assert not any(reply.live for reply in replies.values())
        assert [turn.depth for turn in conversation.path] == list(range(conversation.length))
        with sqlite3.connect(str(sqlite_database.path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()
    states = {reply.state for reply in replies.values()}
    assert states == {"finished", "interrupted"}
    assert list(heard) == [turn_id for turn_id in replies if turn_id in heard]


def _killed_in_mid_chat(database: Database, conversation_id: str, after_seconds: float) -> dict[str, str]:
    """What a process acknowledged that is killed so long after its first word: reply -> text."""
    reader, writer = PROCESSES.Pipe(duplex=False)
    process = start(chat, f"sqlite:///{database.path}", conversation_id, new_id(), writer)
    writer.close()
    with reader:
        heard = dict([reader.recv()])
        until = time.monotonic() + after_seconds
        while (left := until - time.monotonic()) > 0:
            if reader.poll(left):
                heard |= dict([reader.recv()])
        kill(process)
        try:
            while True:
                heard |= dict([reader.recv()])
        except EOFError:
            return heard
