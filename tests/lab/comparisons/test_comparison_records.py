"""Comparisons as they are kept, in SQLite and in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, func, select, text, update

from personachat.conversations.sql import SqlConversations
from personachat.conversations.tables import conversations
from personachat.database import schema
from personachat.database.connection import Database
from personachat.errors import ComparisonNotFound, ConversationNotFound
from personachat.lab.comparisons.model import Comparison, Round, Variant, Vote
from personachat.lab.comparisons.store import NAMES_REVEALED, SqlComparisons, purge
from personachat.lab.comparisons.tables import comparison_rounds, comparison_votes, comparisons
from personachat.owners import comparing
from personachat.stamps import new_id, now
from tests.migrated import migrated_postgres, put_database_in
from tests.postgres import fresh_database

OWNER = "user:ada"


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        with closing(Database(f"sqlite:///{put_database_in(tmp_path / 'data')}")) as made:
            yield made
    else:
        with migrated_postgres() as url, closing(Database(url)) as made:
            yield made


def comparison(**values: object) -> Comparison:
    variants = tuple(
        Variant(
            id=new_id(),
            number=number,
            group=number,
            name=f"Ada · {number}",
            persona_id="ada",
            etag="e",
            text="{}",
            model="m",
            setup={"persona_id": "ada", "temperature": 0.5},
        )
        for number in (0, 1)
    )
    moment = now()
    made = Comparison(
        id=new_id(),
        owner=OWNER,
        title="Trams",
        blind=True,
        created_at=moment,
        updated_at=moment,
        variants=variants,
    )
    return replace(made, **values)  # type: ignore[arg-type]  # looser than the types on purpose


def added(to: Comparison, number: int = 1) -> Round:
    shown = tuple(each.id for each in to.variants)
    return Round(new_id(), number, "How do trams brake?", shown, {each: new_id() for each in shown})


def test_what_was_kept_is_read_back(database: Database) -> None:
    store, made = SqlComparisons(database), comparison()
    store.create(made)
    one = added(made)
    assert store.add_round(OWNER, made.id, one)
    cast = Vote("win", made.variants[1].id, counted=True, why_not="", voted_at=now())
    assert store.vote(OWNER, made.id, one.id, cast)
    found = store.get(OWNER, made.id)
    assert found.variants == made.variants
    assert found.rounds == (replace(one, revealed=True, vote=cast),)
    (listed,) = store.newest(OWNER, limit=5)
    assert (listed.rounds, listed.votes, listed.title) == (1, 1, "Trams")
    assert store.newest(OWNER, limit=5, sought="BRAKE")
    assert not store.newest(OWNER, limit=5, sought="ferries")


def test_of_two_who_go_on_at_once_one_is_told(database: Database) -> None:
    store, made = SqlComparisons(database), comparison()
    store.create(made)
    assert store.add_round(OWNER, made.id, added(made))
    assert not store.add_round(OWNER, made.id, added(made))
    assert len(store.get(OWNER, made.id).rounds) == 1


def test_a_second_blind_vote_changes_nothing_and_one_after_the_names_is_not_counted(
    database: Database,
) -> None:
    store, made = SqlComparisons(database), comparison()
    store.create(made)
    first, second = added(made), added(made, 2)
    store.add_round(OWNER, made.id, first)
    store.add_round(OWNER, made.id, second)
    cast = Vote("tie", None, counted=True, why_not="", voted_at=now())
    assert store.vote(OWNER, made.id, first.id, cast)
    assert not store.vote(OWNER, made.id, first.id, replace(cast, verdict="both_bad"))
    store.reveal(OWNER, made.id, second.id)
    assert store.vote(OWNER, made.id, second.id, cast)
    votes = [each.vote for each in store.get(OWNER, made.id).rounds]
    assert votes == [cast, replace(cast, counted=False, why_not=NAMES_REVEALED)]


def test_what_was_deleted_long_ago_goes_with_its_conversations_and_no_others(database: Database) -> None:
    store, kept = SqlComparisons(database), SqlConversations(database)
    old, new = comparison(), comparison()
    own = kept.create(OWNER)
    for made in (old, new):
        store.create(made)
        one = added(made)
        store.add_round(OWNER, made.id, one)
        store.vote(OWNER, made.id, one.id, Vote("tie", None, counted=True, why_not="", voted_at=now()))
        store.keep_conversation(made.variants[0].id, kept.create(comparing(OWNER)).id)
        store.change(OWNER, made.id, deleted_at=now())
    store.keep_conversation(old.variants[1].id, own.id)  # somebody's own, whatever led to that
    long_ago = now() - timedelta(days=31)
    with database.write() as connection:
        connection.execute(update(comparisons).where(comparisons.c.id == old.id).values(deleted_at=long_ago))
    assert purge(database) == 1
    with database.read() as connection:
        left = [
            connection.execute(select(func.count()).select_from(table)).scalar()
            for table in (comparisons, comparison_rounds, comparison_votes, conversations)
        ]
    assert left == [1, 1, 1, 2]
    assert kept.get(OWNER, own.id).id == own.id
    store.restore(OWNER, new.id)
    assert store.get(OWNER, new.id).title == "Trams"
    with pytest.raises(ComparisonNotFound):
        store.restore(OWNER, old.id)
    with pytest.raises(ConversationNotFound):
        kept.get(OWNER, new.variants[0].id)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_database_of_the_version_before_keeps_its_conversations_and_gets_comparisons(
    kind: str, tmp_path: Path
) -> None:
    with fresh_database() if kind == "postgres" else closing(_File(tmp_path)) as url:
        engine = create_engine(str(url))
        schema.migrate(engine, to="0016")
        columns = "id, owner, title, has_own_title, kept, pinned, archived, created_at, updated_at"
        flags = "false, true, false, false, '2026-01-02 03:04:05', '2026-01-02 03:04:05'"
        with engine.begin() as connection:
            connection.execute(
                text(f"INSERT INTO conversations ({columns}) VALUES ('c1', 'user:ada', 'Trams', {flags})")
            )
        engine.dispose()
        with closing(Database(str(url))) as database:
            assert SqlConversations(database).get(OWNER, "c1").title == "Trams"
            made = comparison()
            SqlComparisons(database).create(made)
            assert SqlComparisons(database).get(OWNER, made.id).variants == made.variants


class _File:
    def __init__(self, folder: Path) -> None:
        self._url = f"sqlite:///{folder / 'old.sqlite3'}"

    def __str__(self) -> str:
        return self._url

    def close(self) -> None:
        """It goes with its folder."""
