"""What other processes do in these tests: write to the database until they are done, or killed.

They are forked from a server that has loaded everything and opened nothing, so that one starts in no time.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Barrier
from types import ModuleType
from typing import Any

from personachat.conversations.model import Reply
from personachat.conversations.reply_records import SqlReplies
from personachat.conversations.sql import SqlConversations
from personachat.database.connection import Database
from tests.spoken import OWNER, replied, said

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(
    ["personachat.conversations.sql", "sqlalchemy.dialects.sqlite", "alembic", "tests.spoken", "pytest"]
)


def start(work: Callable[..., None], *arguments: Any) -> BaseProcess:
    process = PROCESSES.Process(target=work, args=arguments, daemon=True)
    main = sys.modules["__main__"]  # Streamlit's tests leave a page there, which it would run first
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        process.start()
    finally:
        sys.modules["__main__"] = main
    return process


def kill(process: BaseProcess) -> None:
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    process.close()


def chat(url: str, conversation_id: str, process_id: str, acknowledged: Connection) -> None:
    """Ask and answer for ever; each thing is acknowledged once the database has it."""
    database = Database(url)
    conversations, records = SqlConversations(database), SqlReplies(database)
    while True:
        leaf_id = conversations.get(OWNER, conversation_id, last=1).leaf_id
        question = said("Why?", after=leaf_id)
        answer = replied(after=question.id)
        turns = [question, answer]
        conversations.append(OWNER, conversation_id, turns, only_after=leaf_id, process_id=process_id)
        acknowledged.send((answer.id, ""))
        for words in range(1, 4):
            state: Any = "finished" if words == 3 else "running"
            text = "because " * words
            records.save({answer.id: (Reply(state=state, text=text), "")}, process_id=process_id)
            acknowledged.send((answer.id, text))


def append_many(url: str, conversation_id: str, name: str, count: int, barrier: Barrier) -> None:
    """Append one turn after the other, each under whatever is the leaf; until it is in."""
    database = Database(url)
    conversations = SqlConversations(database)
    barrier.wait()
    for number in range(count):
        appended = False
        while not appended:
            leaf_id = conversations.get(OWNER, conversation_id, last=1).leaf_id
            turn = said(f"{name} {number}", after=leaf_id)
            appended = conversations.append(OWNER, conversation_id, [turn], only_after=leaf_id)
    database.close()


def hold(url: str, conversation_id: str, process_id: str, ready: Connection) -> None:
    """Begin a reply, and do nothing more until killed."""
    conversations = SqlConversations(Database(url))
    answer = replied("Half an answer", after=None)
    conversations.append(OWNER, conversation_id, [answer], only_after=None, process_id=process_id)
    ready.send(answer.id)
    signal.pause()


def prepare(url: str, barrier: Barrier, outcome: Connection) -> None:
    """Open the database at the same moment as others."""
    database = Database(url)
    barrier.wait()
    try:
        database.prepare()
        database.close()
        outcome.send("")
    except Exception as error:  # noqa: BLE001  # the test has to see it
        outcome.send(repr(error))
