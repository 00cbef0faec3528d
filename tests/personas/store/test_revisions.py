"""The history itself: its numbers, what is thrown away, and whose history it is."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import pytest

from personachat.database.connection import Database
from personachat.errors import RevisionNotFound
from personachat.personas.store.base import PLAIN_SAVE, Action, Saving
from personachat.personas.store.revisions import Recording, SqlRevisions, place_of
from personachat.settings import load_settings
from tests.personas.store.counting import statements


@pytest.fixture
def revisions(database: Database) -> SqlRevisions:
    return SqlRevisions(database, place="here")


def recording(persona_id: str, words: str, action: Action = "saved") -> Recording:
    return Recording(persona_id, persona_id.title(), f"text {words}", f"etag {words}", action)


def record(database: Database, revisions: SqlRevisions, *recordings: Recording) -> list[int]:
    with database.write() as connection:
        return revisions.record_many(connection, recordings)


def kept_numbers(revisions: SqlRevisions, persona_id: str) -> list[int]:
    return [revision.number for revision in revisions.of(persona_id)]


def test_numbers_count_from_one_in_each_persona(database: Database, revisions: SqlRevisions) -> None:
    assert record(database, revisions, recording("a", "1"), recording("b", "1")) == [1, 1]
    assert record(database, revisions, recording("b", "2"), recording("c", "1")) == [2, 1]
    assert kept_numbers(revisions, "b") == [2, 1]
    assert revisions.get("b", 1).text == "text 1"


def test_one_revision_is_recorded_with_who_saved_it_and_why(
    database: Database, revisions: SqlRevisions
) -> None:
    with database.write() as connection:
        saving = Saving("Grace", "From a card")
        entry = Recording("a", "Ada", "{}", "e", action="imported", saving=saving)
        (number,) = revisions.record_many(connection, [entry])
        moment = database.moment(connection)
    found = revisions.get("a", number)
    assert (found.number, found.name, found.action, found.author, found.note, found.text) == (
        1,
        "Ada",
        "imported",
        "Grace",
        "From a card",
        "{}",
    )
    assert found.saved_at <= moment


def test_a_text_that_is_the_newest_already_is_no_new_revision(
    database: Database, revisions: SqlRevisions
) -> None:
    for _ in range(2):
        assert record(database, revisions, recording("a", "1")) == [1]
    assert record(database, revisions, recording("a", "2"), recording("b", "1")) == [2, 1]
    assert record(database, revisions, recording("a", "1")) == [3]  # an older text again is one


def test_the_same_text_after_a_deletion_is_a_new_revision(
    database: Database, revisions: SqlRevisions
) -> None:
    for action in ("created", "deleted", "created"):
        record(database, revisions, recording("a", "1", action))
    assert [revision.action for revision in revisions.of("a")] == ["created", "deleted", "created"]
    assert kept_numbers(revisions, "a") == [3, 2, 1]


def test_exactly_one_revision_of_each_persona_is_the_newest(
    database: Database, revisions: SqlRevisions
) -> None:
    for words in "12":
        record(database, revisions, *(recording(persona_id, words) for persona_id in "abc"))
    record(database, revisions, recording("b", "2", "deleted"))
    with database.read() as connection:
        latest = revisions.latest(connection)
        assert revisions.latest(connection, ["b", "unknown"]) == {"b": latest["b"]}
    assert {one: (found.number, found.deleted) for one, found in latest.items()} == {
        "a": (2, False),
        "b": (3, True),
        "c": (2, False),
    }
    assert set(revisions.newest()) == {"a", "c"}
    assert [revision.persona_id for revision in revisions.deleted()] == ["b"]


def test_thousands_are_recorded_in_a_few_statements(database: Database, revisions: SqlRevisions) -> None:
    many = [recording(f"p-{number}", "1") for number in range(1_000)]
    record(database, revisions, *many)
    with statements() as asked:
        numbers = record(database, revisions, *(recording(each.persona_id, "2") for each in many))
    assert numbers == [2] * 1_000
    assert len(asked) < 15
    assert len(revisions.newest()) == 1_000


@pytest.mark.parametrize("kept", [1, 3])
def test_only_the_newest_are_kept_and_their_numbers_go_on(database: Database, kept: int) -> None:
    revisions = SqlRevisions(database, place="here", most=kept)
    for number in range(1, 7):
        assert record(database, revisions, recording("a", str(number))) == [number]
    assert record(database, revisions, recording("a", "6", "deleted")) == [7]
    assert kept_numbers(revisions, "a") == list(range(7, 7 - kept, -1))
    assert [revision.number for revision in revisions.deleted()] == [7]
    assert record(database, revisions, recording("a", "6", "restored")) == [8]


def test_what_one_persona_loses_no_other_does(database: Database) -> None:
    revisions = SqlRevisions(database, place="here", most=2)
    elsewhere = SqlRevisions(database, place="there")
    for number in range(1, 4):
        record(database, elsewhere, recording("a", str(number)))
    record(database, revisions, recording("b", "1"))
    for number in range(1, 6):
        record(database, revisions, recording("a", str(number)))
    assert kept_numbers(revisions, "a") == [5, 4]
    assert kept_numbers(revisions, "b") == [1]
    assert kept_numbers(elsewhere, "a") == [3, 2, 1]


def test_places_do_not_know_each_others_history(database: Database, revisions: SqlRevisions) -> None:
    elsewhere = SqlRevisions(database, place="there")
    record(database, revisions, recording("a", "1"), recording("b", "1", "deleted"))
    assert elsewhere.of("a") == elsewhere.deleted() == ()
    assert elsewhere.newest() == {}
    assert elsewhere.numbers(frozenset({("a", "etag 1")})) == {}
    with pytest.raises(RevisionNotFound):
        elsewhere.get("a", 1)
    assert record(database, elsewhere, recording("a", "other")) == [1]
    assert revisions.get("a", 1).text == "text 1"


def test_a_spoken_text_is_found_among_hundreds_and_never_mistaken(
    database: Database, revisions: SqlRevisions
) -> None:
    ids = [f"p-{number}" for number in range(400)]
    record(database, revisions, *(recording(one, f"of {one}") for one in ids))
    record(database, revisions, recording("p-7", "of p-7", "deleted"))
    spoken = {(one, f"etag of {one}") for one in ids}
    found = revisions.numbers(frozenset(spoken | {("p-1", "etag of p-2"), ("nobody", "etag of p-1")}))
    assert found == dict.fromkeys(spoken, 1)


@pytest.mark.parametrize("number", [0, -1, 2, 2**31 - 1])
def test_a_revision_that_is_not_there_is_said_in_a_printable_sentence(
    number: int, database: Database, revisions: SqlRevisions
) -> None:
    record(database, revisions, recording("a", "1"))
    for persona_id in ("a", "b\n" * 3_000):
        with pytest.raises(RevisionNotFound) as caught:
            revisions.get(persona_id, number)
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 300


# --- which place a history is of ------------------------------------------------------------------


def place(**settings: Any) -> str:
    found = place_of(load_settings(**settings))
    assert len(found) <= 64
    return found


def test_a_folder_and_its_database_keep_their_history_when_they_move_together(tmp_path: Path) -> None:
    def in_home(home: str) -> str:
        return place(personas_dir=tmp_path / home / "personas", data_dir=tmp_path / home / "data")

    assert in_home("old") == in_home("new")


def test_a_sqlite_file_named_by_its_url_is_the_same_place(tmp_path: Path) -> None:
    folder = tmp_path / "personas"
    plain = place(personas_dir=folder, data_dir=tmp_path / "data")
    named = place(personas_dir=folder, database_url=f"sqlite:///{tmp_path / 'data' / 'other.sqlite3'}")
    assert named == plain


@pytest.mark.parametrize("server", ["postgresql://me:secret-word@host/name", None])
def test_every_folder_is_a_place_of_its_own(server: str | None, tmp_path: Path) -> None:
    places = [
        place(personas_dir=tmp_path / name, data_dir=tmp_path / "data", database_url=server)
        for name in ("a", "b", "ä\udcff")
    ]
    assert all(one != other for one, other in itertools.combinations(places, 2))
    assert all(re.fullmatch("files:[0-9a-f]+", one) for one in places)


def test_the_database_is_one_place_wherever_the_folder_is(tmp_path: Path) -> None:
    assert place(persona_store="database", personas_dir=tmp_path / "a") == ""


def test_a_plain_save_has_neither_author_nor_note() -> None:
    assert (PLAIN_SAVE.author, PLAIN_SAVE.note, PLAIN_SAVE.action) == ("", "", None)
