"""Many who write to one conversation at once: every turn is kept, in order, and one wins each place."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from personachat.conversations.model import QueuedMessage
from personachat.conversations.sql import SqlConversations
from personachat.database.connection import Database
from personachat.stamps import new_id
from tests.killed_writers import PROCESSES, append_many, start
from tests.spoken import OWNER, said


def url_of(database: Database) -> str:
    assert database._url is not None
    return database._url.render_as_string(hide_password=False)


def in_order(texts: list[str], names: str, count: int) -> bool:
    return all(
        [text for text in texts if text.startswith(f"{name} ")]
        == [f"{name} {number}" for number in range(count)]
        for name in names
    )


def test_of_many_threads_exactly_one_appends_at_a_time(conversations: SqlConversations) -> None:
    conversation = conversations.create(OWNER)
    winners: list[bool] = []

    def append(name: str) -> None:
        for number in range(10):
            while True:
                leaf_id = conversations.get(OWNER, conversation.id, last=1).leaf_id
                turn = said(f"{name} {number}", after=leaf_id)
                won = conversations.append(OWNER, conversation.id, [turn], only_after=leaf_id)
                winners.append(won)
                if won:
                    break

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(append, "abcdefgh"))
    path = conversations.get(OWNER, conversation.id).path
    assert Counter(winners)[True] == len(path) == 80
    assert in_order([turn.text for turn in path], "abcdefgh", 10)
    assert [turn.depth for turn in path] == list(range(80))


def test_of_two_in_the_same_place_one_is_told_no(conversations: SqlConversations) -> None:
    for _ in range(10):
        conversation = conversations.create(OWNER)
        barrier = threading.Barrier(6)

        def append(number: int) -> bool:
            barrier.wait()  # noqa: B023  # over before the next round
            return conversations.append(OWNER, conversation.id, [said(f"{number}")], only_after=None)  # noqa: B023  # over before the next round

        with ThreadPoolExecutor(6) as pool:
            outcomes = list(pool.map(append, range(6)))
        assert outcomes.count(True) == 1
        [kept] = conversations.tree(OWNER, conversation.id)
        assert kept.text == str(outcomes.index(True))


def test_several_processes_lose_nothing(database: Database) -> None:
    conversations = SqlConversations(database)
    conversation = conversations.create(OWNER)
    barrier = PROCESSES.Barrier(4)
    url = url_of(database)
    processes = [start(append_many, url, conversation.id, name, 15, barrier) for name in "abcd"]
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    texts = [turn.text for turn in conversations.get(OWNER, conversation.id).path]
    assert len(texts) == 60
    assert in_order(texts, "abcd", 15)


def test_a_queued_message_is_taken_once(conversations: SqlConversations) -> None:
    conversation = conversations.create(OWNER)
    messages = [QueuedMessage(new_id(), f"{number}", "tester") for number in range(20)]
    for message in messages:
        conversations.queue(OWNER, conversation.id, message)
    with ThreadPoolExecutor(6) as pool:
        taken = list(pool.map(lambda _: conversations.unqueue(OWNER, conversation.id), range(30)))
    assert Counter(taken) == Counter([*messages, *[None] * 10])
