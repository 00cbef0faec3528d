"""Saved lists of messages: kept by their owner under a name, in SQLite and in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text, update

from personachat.database import schema
from personachat.database.connection import Database
from personachat.errors import MessageInvalid, QuestionSetInvalid, QuestionSetNotFound
from personachat.history.moving import move_all
from personachat.lab.comparisons.question_sets import MOST_SETS, QuestionSets, purge
from personachat.lab.comparisons.store import SqlComparisons
from personachat.lab.comparisons.tables import question_sets
from personachat.stamps import now
from tests.migrated import migrated_postgres, put_database_in
from tests.postgres import fresh_database


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        with closing(Database(f"sqlite:///{put_database_in(tmp_path / 'data')}")) as made:
            yield made
    else:
        with migrated_postgres() as url, closing(Database(url)) as made:
            yield made


def test_a_list_is_saved_chosen_again_changed_deleted_and_brought_back(database: Database) -> None:
    sets = QuestionSets(database, owner="user:ada")
    made = sets.save("  Trams \n daily ", [" How? ", "Two\nlines", "How? \x00"])
    assert (made.name, made.messages) == ("Trams daily", ("How?", "Two\nlines", "How? \ufffd"))
    assert sets.get(made.id) == made
    sets.save("apples", ["Why?"])
    assert [each.name for each in sets.all()] == ["apples", "Trams daily"]
    changed = sets.change(made.id, name="Ferries", messages=["When?"])
    assert (changed.name, changed.messages) == ("Ferries", ("When?",))
    assert sets.change(made.id, name="ferries").name == "ferries"
    sets.delete(made.id)
    for call in (sets.get, sets.delete, lambda each: sets.change(each, name="x")):
        with pytest.raises(QuestionSetNotFound):
            call(made.id)
    sets.save("FERRIES", ["Why?"])
    assert sets.restore(made.id).name == "ferries (2)"
    assert len(sets.all()) == 3


def test_names_are_the_owners_own_and_each_is_given_once(database: Database) -> None:
    mine, theirs = (QuestionSets(database, owner=each) for each in ("user:ada", "user:bob"))
    made = mine.save("Trams", ["How?"])
    theirs.save("Trams", ["How?"])
    with pytest.raises(QuestionSetInvalid):
        mine.save("TRAMS", ["Why?"])
    other = mine.save("Ferries", ["Why?"])
    with pytest.raises(QuestionSetInvalid):
        mine.change(other.id, name="trams")
    for call in (theirs.get, theirs.delete, theirs.restore, lambda each: theirs.change(each, name="x")):
        with pytest.raises(QuestionSetNotFound):
            call(made.id)


@pytest.mark.parametrize("messages", [[], ["x"] * 201, ["How?", " "], ["x" * 1_000_001]])
def test_what_cannot_be_sent_is_not_kept(tmp_path: Path, messages: list[str]) -> None:
    with closing(Database(f"sqlite:///{put_database_in(tmp_path)}")) as database:
        sets = QuestionSets(database, owner="user:ada")
        with pytest.raises((QuestionSetInvalid, MessageInvalid)):
            sets.save("Trams", messages)
        with pytest.raises(MessageInvalid):
            sets.save(" ", ["How?"])
        assert sets.all() == ()


def test_there_is_an_end_to_lists(tmp_path: Path) -> None:
    with closing(Database(f"sqlite:///{put_database_in(tmp_path)}")) as database:
        sets = QuestionSets(database, owner="user:ada")
        made = [sets.save(f"List {number}", ["How?"]) for number in range(MOST_SETS)]
        with pytest.raises(QuestionSetInvalid):
            sets.save("One more", ["How?"])
        sets.delete(made[0].id)
        sets.save("One more", ["How?"])


def test_lists_move_with_their_owner_and_go_for_good_when_deleted_long_ago(database: Database) -> None:
    browser, ada = (QuestionSets(database, owner=each) for each in ("browser:1", "user:ada"))
    old, new = browser.save("Old", ["How?"]), browser.save("New", ["Why?"])
    move_all(database, before="browser:1", now="user:ada")
    assert [each.id for each in ada.all()] == [new.id, old.id]
    ada.delete(old.id)
    with database.write() as connection:
        long_ago = now() - timedelta(days=31)
        connection.execute(update(question_sets).where(_id == old.id).values(deleted_at=long_ago))
    assert purge(database) == 1
    with pytest.raises(QuestionSetNotFound):
        ada.restore(old.id)
    assert ada.get(new.id).messages == ("Why?",)


_id = question_sets.c.id


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_comparisons_of_the_version_before_stay_and_stop_nowhere(kind: str, tmp_path: Path) -> None:
    with fresh_database() if kind == "postgres" else closing(_File(tmp_path)) as url:
        engine = create_engine(str(url))
        schema.migrate(engine, to="0019")
        columns = "id, owner, title, blind, created_at, updated_at"
        values = "'c1', 'user:ada', 'Trams', false, '2026-01-02 03:04:05', '2026-01-02 03:04:05'"
        with engine.begin() as connection:
            connection.execute(text(f"INSERT INTO comparisons ({columns}) VALUES ({values})"))
        engine.dispose()
        with closing(Database(str(url))) as database:
            found = SqlComparisons(database).get("user:ada", "c1")
            assert (found.title, found.most_cost_usd) == ("Trams", None)
            assert QuestionSets(database, owner="user:ada").all() == ()


class _File:
    def __init__(self, folder: Path) -> None:
        self._url = f"sqlite:///{folder / 'old.sqlite3'}"

    def __str__(self) -> str:
        return self._url

    def close(self) -> None:
        """It goes with its folder."""
