"""Unsaved texts of personas, in the database of their owners."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import update

from personachat.database.connection import Database
from personachat.personas.store.drafts import (
    ASIDE_LIFETIME,
    MOST_ASIDE,
    DraftText,
    PersonaDrafts,
    purge_drafts,
)
from personachat.personas.store.tables import persona_drafts, persona_undos
from personachat.personas.store.undos import OFFERED, PersonaUndos

TEXT = DraftText("ü 漢字 😀\r\n" * 2_000, "before\r\n", "etag")


@pytest.fixture
def drafts(database: Database) -> PersonaDrafts:
    return PersonaDrafts(database, place="here")


@pytest.fixture
def undos(database: Database) -> PersonaUndos:
    return PersonaUndos(database, place="here")


def put(drafts: PersonaDrafts, text: str, *, version: int = 0, writer: str = "one") -> int:
    return drafts.put("me", "a", DraftText(text, "", None), version=version, writer=writer)[0]


def text_of(drafts: PersonaDrafts, persona_id: str = "a", owner: str = "me") -> str | None:
    kept = drafts.get(owner, [persona_id]).get(persona_id)
    return kept.draft.text if kept and kept.draft else None


def test_a_draft_is_kept_to_the_letter(drafts: PersonaDrafts, database: Database) -> None:
    assert drafts.put("me", "a", TEXT, version=0, writer="one") == (1, None)
    again = PersonaDrafts(database, place="here")
    assert again.get("me", ["a", "b"])["a"].draft == TEXT
    assert {key: head.version for key, head in again.heads("me").items()} == {"a": 1}


def test_drafts_are_their_owners_and_of_one_place(drafts: PersonaDrafts, database: Database) -> None:
    put(drafts, "mine")
    drafts.put("you", "a", DraftText("yours", "", None), version=0, writer="one")
    assert text_of(drafts) == "mine"
    assert text_of(drafts, owner="you") == "yours"
    assert PersonaDrafts(database, place="elsewhere").heads("me") == {}


def test_a_change_over_one_that_its_writer_has_not_seen_is_refused_with_what_is_there(
    drafts: PersonaDrafts,
) -> None:
    first = put(drafts, "one")
    put(drafts, "two", version=first, writer="other")
    number, theirs = drafts.put("me", "a", DraftText("mine", "", None), version=first, writer="one")
    assert number == 0
    assert theirs
    assert (theirs.draft and theirs.draft.text, theirs.writer) == ("two", "other")
    assert text_of(drafts) == "two"
    assert put(drafts, "mine", version=theirs.version) == theirs.version + 1


def test_what_was_not_seen_is_not_removed_either(drafts: PersonaDrafts) -> None:
    first = put(drafts, "one")
    put(drafts, "two", version=first, writer="other")
    _, theirs = drafts.put("me", "a", None, version=first, writer="one")
    assert theirs
    assert text_of(drafts) == "two"


def test_a_draft_that_is_gone_goes_on_counting_so_that_others_notice(drafts: PersonaDrafts) -> None:
    first = put(drafts, "one")
    gone, _ = drafts.put("me", "a", None, version=first, writer="one")
    assert text_of(drafts) is None
    assert drafts.heads("me")["a"].version == gone > first
    assert put(drafts, "again", version=first) > gone
    assert text_of(drafts) == "again"


def test_of_many_who_write_at_once_each_change_is_made_over_the_last(drafts: PersonaDrafts) -> None:
    together, done = threading.Barrier(6), []

    def write(number: int) -> None:
        together.wait()
        version = 0
        while True:
            written, theirs = drafts.put(
                "me", "a", DraftText(str(number), "", None), version=version, writer=str(number)
            )
            if theirs is None:
                done.append(written)
                return
            version = theirs.version

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [1, 2, 3, 4, 5, 6]


def test_what_is_discarded_comes_back_once(drafts: PersonaDrafts) -> None:
    aside = drafts.set_aside("me", "a", TEXT, name="Ada")
    assert drafts.get("me", ["a"]) == {}
    assert [(kept.aside, kept.persona_id, kept.name) for kept in drafts.asides("me")] == [(aside, "a", "Ada")]
    assert drafts.take_back("you", aside) is None
    back = drafts.take_back("me", aside)
    assert back
    assert (back.persona_id, back.draft) == ("a", TEXT)
    assert drafts.take_back("me", aside) is None
    assert drafts.asides("me") == ()


def test_of_what_is_discarded_the_latest_are_kept(drafts: PersonaDrafts) -> None:
    put(drafts, "open")
    for number in range(MOST_ASIDE + 2):
        drafts.set_aside("me", str(number), TEXT, name="Ada")
    kept = [each.persona_id for each in drafts.asides("me")]
    assert kept[0] == str(MOST_ASIDE + 1)
    assert len(kept) == MOST_ASIDE
    assert text_of(drafts) == "open"


def test_only_what_was_discarded_long_ago_is_purged(drafts: PersonaDrafts, database: Database) -> None:
    put(drafts, "open")
    drafts.put("me", "gone", None, version=1, writer="one")
    drafts.set_aside("me", "old", TEXT, name="Ada")
    with database.write() as connection:
        moment = database.moment(connection) - ASIDE_LIFETIME - timedelta(days=1)
        connection.execute(update(persona_drafts).values(changed_at=moment))
    drafts.set_aside("me", "new", TEXT, name="Ada")
    assert purge_drafts(database) == 2
    assert text_of(drafts) == "open"
    assert [each.persona_id for each in drafts.asides("me")] == ["new"]


def test_a_change_is_found_by_whoever_looks_from_before_it(drafts: PersonaDrafts, database: Database) -> None:
    put(drafts, "one")
    at = drafts.heads("me")["a"].changed_at
    with database.read() as connection:
        assert drafts.changed_since(connection, at) == (("me", "a", at),)
        assert drafts.changed_since(connection, at + timedelta(seconds=1)) == ()


def test_the_last_thing_done_can_be_undone_until_it_is_forgotten(undos: PersonaUndos) -> None:
    assert undos.of("me") is None
    undos.offer("me", "discarded", name="A" * 400, what=[("x", "1")])
    undos.offer("me", "deleted", name="Ada", what=[("ada", ""), ("bob", "2")])
    undos.offer("you", "deleted", name="Eve", what=[("eve", "")])
    found = undos.of("me")
    assert found
    assert (found.kind, found.name, found.what) == ("deleted", "Ada", (("ada", ""), ("bob", "2")))
    undos.forget("me")
    assert undos.of("me") is None
    assert undos.of("you")


def test_what_was_done_long_ago_is_not_offered(undos: PersonaUndos, database: Database) -> None:
    undos.offer("me", "deleted", name="Ada", what=[("ada", "")])
    with database.write() as connection:
        moment = database.moment(connection) - OFFERED - timedelta(minutes=1)
        connection.execute(update(persona_undos).values(created_at=moment))
    assert undos.of("me") is None
