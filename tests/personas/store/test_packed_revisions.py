"""A persona of nearly a megabyte that is saved again and again: small in the database, the same when read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import MetaData, create_engine, func, insert, select

from personachat.database import schema
from personachat.database.connection import Database
from personachat.errors import RevisionNotFound
from personachat.personas.store.base import PLAIN_SAVE
from personachat.personas.store.persona_file import etag_of
from personachat.personas.store.revisions import LANDMARK, PACKED_FROM, Recording, SqlRevisions
from personachat.personas.store.tables import persona_revisions
from tests.conversations.conftest import database, postgres_database, sqlite_database  # noqa: F401  # fixtures
from tests.personas.store.test_packing import long_text
from tests.postgres import fresh_database

_r = persona_revisions.c


def record(database: Database, revisions: SqlRevisions, text: str, *, persona_id: str = "tester") -> int:  # noqa: F811  # a fixture
    with database.write() as connection:
        recording = Recording(persona_id, "Tester", text, etag_of(text.encode()), "saved", PLAIN_SAVE)
        return revisions.record_many(connection, [recording])[0]


def stored_bytes(database: Database) -> int:  # noqa: F811  # a fixture
    size = func.coalesce(func.length(_r.packed), 0) + func.length(_r.text)
    with database.read() as connection:
        return int(connection.execute(select(func.sum(size))).scalar_one())


def versions(count: int) -> list[str]:
    """Texts that differ in one place each, and now and then in all."""
    text, found = long_text(0) * 4, []
    for number in range(count):
        at = (number * 104_729) % len(text)
        text = f"{text[:at]} edit {number} \u2028 é {text[at:]}"
        found.append(text)
    return found


def test_a_hundred_saves_of_a_large_persona_take_little_room_and_are_read_byte_for_byte(
    database: Database,  # noqa: F811  # a fixture
) -> None:
    revisions = SqlRevisions(database, place="here")
    texts = versions(100)
    for text in texts:
        record(database, revisions, text)
    whole = sum(map(len, texts))
    assert whole > 75_000_000
    assert stored_bytes(database) < whole / 20
    for number in (1, 2, 31, 32, 33, 63, 64, 65, 99, 100):
        found = revisions.get("tester", number)
        assert found.text == texts[number - 1]
        assert etag_of(found.text.encode()) == found.etag


def test_pruning_leaves_the_newest_readable(database: Database) -> None:  # noqa: F811  # a fixture
    revisions = SqlRevisions(database, place="here", most=5)
    texts = versions(LANDMARK + 8)
    for text in texts:
        record(database, revisions, text)
    kept = range(len(texts) - 4, len(texts) + 1)
    assert [revisions.get("tester", number).text for number in kept] == texts[-5:]
    with pytest.raises(RevisionNotFound):
        revisions.get("tester", kept.start - 1)


def test_short_texts_are_left_as_they_are(database: Database) -> None:  # noqa: F811  # a fixture
    revisions = SqlRevisions(database, place="here")
    for text in ("one", "two", "x" * (PACKED_FROM - 1), "four"):
        record(database, revisions, text)
    with database.read() as connection:
        assert set(connection.execute(select(_r.packing)).scalars()) == {""}


def test_texts_that_have_nothing_in_common_and_empty_ones_are_kept_too(database: Database) -> None:  # noqa: F811  # a fixture
    revisions = SqlRevisions(database, place="here")
    texts = [long_text(1), long_text(500_000)[::-1], "", long_text(1), "\ufffd" * PACKED_FROM, "end"]
    for text in texts:
        record(database, revisions, text)
    assert [revisions.get("tester", number + 1).text for number in range(len(texts))] == texts


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/old.sqlite3"
    else:
        with fresh_database() as url:
            yield url


def test_revisions_of_the_version_before_are_read_as_they_were_and_new_ones_follow(empty_url: str) -> None:
    texts = versions(5)
    engine = create_engine(empty_url)
    schema.migrate(engine, to="0003")
    tables = MetaData()
    tables.reflect(engine)
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    if engine.dialect.name == "sqlite":
        moment = moment.replace(tzinfo=None)
    rows = [
        {
            "place": "here",
            "persona_id": "tester",
            "number": number,
            "etag": etag_of(text.encode()),
            "name": "Tester",
            "text": text,
            "action": "saved",
            "author": "",
            "note": "",
            "newest": number == len(texts),
            "saved_at": moment,
        }
        for number, text in enumerate(texts, 1)
    ]
    with engine.begin() as connection:
        connection.execute(insert(tables.tables["persona_revisions"]), rows)
    engine.dispose()
    with closing(Database(empty_url)) as database:  # noqa: F811  # a fixture
        revisions = SqlRevisions(database, place="here")
        assert [revisions.get("tester", number).text for number in range(1, 6)] == texts
        assert record(database, revisions, texts[-1] + " more") == 6
        assert [revisions.get("tester", number).text for number in range(1, 7)] == [
            *texts,
            texts[-1] + " more",
        ]
        with database.read() as connection:
            packings = connection.execute(select(_r.packing).order_by(_r.number)).scalars().all()
        assert packings == ["", *["older"] * 4, ""]  # a few at each save
