"""Large imports: others can write meanwhile, memory stays small, and they are there whole or not at all."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from personachat.conversations.tables import conversations, turns
from personachat.database.connection import Database
from personachat.errors import DatabaseUnavailable, ImportRefused
from personachat.history import import_reading, import_writing, importing
from personachat.history.documents import MOST_CONVERSATIONS
from personachat.history.import_reading import MOST_TURNS
from personachat.history.import_writing import BATCH_TURNS
from personachat.history.library import ConversationLibrary
from personachat.history.organizing import KEPT_AFTER_DELETION, purge
from personachat.stamps import now
from tests.history.talk import Talk

MOMENT = "2026-01-02T03:04:05Z"
MANY = 4 * BATCH_TURNS + 1


def export(number: int, *, of: int = 1, words: str = "zebra") -> bytes:
    """An export of some conversations, each a line of so many turns."""
    said: list[dict[str, Any]] = [
        {
            "id": str(at),
            "parentId": str(at - 1) if at else None,
            "role": "user",
            "content": words,
            "personaId": "p",
            "personaName": "P",
            "createdAt": MOMENT,
        }
        for at in range(number)
    ]
    one = {"createdAt": MOMENT, "updatedAt": MOMENT, "leafId": str(number - 1), "turns": said}
    whole = {"format": "personachat.conversations", "version": 1, "conversations": [one] * of}
    return json.dumps(whole).encode()


def rows(database: Database) -> tuple[int, int]:
    """How many conversations and turns are in the tables, seen or not."""
    with database.read() as connection:
        counted = [
            connection.scalar(select(func.count()).select_from(each)) for each in (conversations, turns)
        ]
    return counted[0] or 0, counted[1] or 0


class Other:
    """Another process, which writes and looks whenever the import is between two transactions."""

    def __init__(self, database: Database) -> None:
        self.database = Database(database._url or "")
        self.written: list[str] = []
        self.told: list[tuple[int, int]] = []
        self.seen: set[int] = set()

    def __call__(self, done: int, total: int) -> None:
        self.told.append((done, total))
        library = ConversationLibrary(self.database, owner="local")
        self.seen.add(len(library.list().conversations) + len(library.search("zebra").hits))
        self.written.append(Talk(self.database).new("Meanwhile", owner="other"))


@pytest.fixture
def other(database: Database) -> Any:
    made = Other(database)
    yield made
    made.database.close()


def test_others_write_while_a_large_import_goes_on(library: ConversationLibrary, other: Other) -> None:
    (conversation_id,) = library.import_json(export(MANY), progress=other)
    assert len(other.written) == 6
    assert other.told == [(min(MANY, BATCH_TURNS * step), MANY) for step in range(6)]
    assert library.summary(conversation_id).turns == MANY


def test_nothing_of_an_import_is_seen_before_all_of_it(library: ConversationLibrary, other: Other) -> None:
    made = library.import_json(export(MANY // 2, of=2), progress=other)
    assert other.seen == {0}
    assert {summary.id for summary in library.list().conversations} == set(made)
    assert library.search("zebra").hits


@pytest.mark.parametrize("reason", [DatabaseUnavailable("It is full."), KeyboardInterrupt()])
def test_an_import_that_is_cut_short_keeps_nothing(
    library: ConversationLibrary, database: Database, talk: Talk, reason: BaseException
) -> None:
    talk.new("Mine")
    before = rows(database)

    def end(done: int, _total: int) -> None:
        if done >= 2 * BATCH_TURNS:
            assert rows(database)[1] > before[1]
            raise reason

    with pytest.raises(type(reason)):
        library.import_json(export(MANY, of=2), progress=end)
    assert rows(database) == before
    talk.check_index()


def test_what_a_killed_import_left_is_unseen_and_purged(
    library: ConversationLibrary, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(done: int, _total: int) -> None:
        if done:
            raise KeyboardInterrupt

    monkeypatch.setattr(import_writing, "_take_away", lambda _database, _imported: None)
    with pytest.raises(KeyboardInterrupt):
        library.import_json(export(MANY), progress=die)
    assert rows(database) == (1, BATCH_TURNS)
    assert library.list().conversations == ()
    assert library.search("zebra").hits == ()
    assert json.loads(library.export(None, "json").content)["conversations"] == []
    with database.write() as connection:
        long_ago = now() - KEPT_AFTER_DELETION - timedelta(days=1)
        connection.execute(update(conversations).values(deleted_at=long_ago))
    purge(database)
    assert rows(database) == (0, 0)


@pytest.mark.parametrize("split", [1, 2])
def test_the_messages_of_a_file_are_limited(library: ConversationLibrary, split: int) -> None:
    entries: Sequence[Any] = [{"turns": [{}] * (MOST_TURNS // split + 1)}] * split
    whole = {"format": "personachat.conversations", "version": 1, "conversations": entries}
    with pytest.raises(ImportRefused, match="more than 100,000 messages"):
        library.import_json(json.dumps(whole).encode())


def test_a_file_is_never_in_memory_as_anything_but_its_text() -> None:
    content = export(5_000, words="some words that are said " * 20)
    tracemalloc.start()
    try:
        (one,) = importing.read_document(content)
        most = 0
        for _ in one.turns():
            most = max(most, tracemalloc.get_traced_memory()[0])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2 * len(content)
    assert most < 1.5 * len(content)


def test_the_place_of_a_fault_is_told_wherever_it_stands(library: ConversationLibrary) -> None:
    for at in (0, 700, 999):
        whole = json.loads(export(1_000))
        whole["conversations"][0]["turns"][at]["rating"] = 7
        with pytest.raises(ImportRefused, match=f'"rating" in conversation 1, turn {at + 1}: '):
            library.import_json(json.dumps(whole).encode())


@pytest.mark.parametrize(
    "text",
    [
        '{"conversations": [',
        '{"conversations": [{]}',
        '{"conversations": [{"turns": [}]}',
        '{"conversations": [{"turns": [1 2]}]}',
        '{"conversations": [{"turns": [1,]}]}',
        '{"conversations": [{"turns": [1]},]}',
        '{"conversations": [{"turns": [1],}]}',
        '{"conversations": [{1: 2}]}',
        '{"conversations" [{}]}',
        '{"conversations": [{}]} x',
        '{"conversations": [{"turns": [NaN]}]}',
    ],
)
def test_a_file_that_is_no_json_is_refused_as_such(text: str) -> None:
    with pytest.raises(ImportRefused, match="not valid JSON"):
        importing.read_document(text.encode())


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
entries = values | st.fixed_dictionaries({"title": values, "turns": values | st.lists(values, max_size=3)})
files = values | st.fixed_dictionaries({"format": values, "conversations": st.lists(entries, max_size=3)})


@settings(max_examples=300, deadline=None)
@given(files, st.sampled_from([None, 1]), st.integers(0, 400), st.sampled_from(["", "x", ",", "]", '"']))
def test_a_file_is_read_as_any_other_reader_of_json_does(
    value: Any, indent: int | None, at: int, put: str
) -> None:
    text = json.dumps(value, indent=indent)
    assert rebuilt(text) == (value if isinstance(value, dict) else None)
    spoilt = text[:at] + put + text[at + 1 :]
    try:
        value = json.loads(spoilt)
    except ValueError:
        with pytest.raises(ValueError, match=r"line \d+ column \d+"):
            rebuilt(spoilt)
    else:
        assert rebuilt(spoilt) == (value if isinstance(value, dict) else None)


def rebuilt(text: str) -> Any:
    """What was read, put together again."""
    found = import_reading.read(text)
    if found is None:
        return None
    if found.entries is None:
        return found.values
    return found.values | {"conversations": [with_turns(text, entry) for entry in found.entries]}


def with_turns(text: str, entry: Any) -> Any:
    if not isinstance(entry, import_reading.ConversationEntry):
        return entry
    if entry.places is None:
        return entry.values
    return entry.values | {"turns": [import_reading.value_at(text, place) for place in entry.places]}


@pytest.mark.parametrize("key", ["costUsd", "firstTokenSeconds", "durationSeconds"])
def test_a_number_that_no_float_can_hold_is_refused_with_its_place(key: str) -> None:
    whole = json.loads(export(1))
    whole["conversations"][0]["turns"][0] |= {
        "role": "assistant",
        "reply": {"state": "finished", key: 10**400},
    }

    with pytest.raises(ImportRefused, match="turn 1: the number is too large"):
        importing.read_document(json.dumps(whole).encode())


def test_reading_ends_at_the_first_conversation_too_many() -> None:
    many = b'{"conversations": [' + b"1," * MOST_CONVERSATIONS + b"1, what is no JSON"

    with pytest.raises(ImportRefused, match="more than 10,000 conversations"):
        importing.read_document(many)
