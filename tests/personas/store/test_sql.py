"""What only the store in a database promises: few questions to it, whole changes, no update lost."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select, update

from personachat.database.connection import Database
from personachat.errors import PersonaNotFound, StoreUnavailable
from personachat.personas.store import sql
from personachat.personas.store.base import StoredPersona
from personachat.personas.store.persona_file import Signature, read_persona
from personachat.personas.store.revisions import SqlRevisions
from personachat.personas.store.sql import SqlPersonaStore
from personachat.personas.store.tables import persona_changes, personas
from tests.conftest import persona_text
from tests.personas.store.counting import statements

ROOT = Path(__file__).parents[3]

COUNTER = """
import json, sys
from personachat.database.connection import Database
from personachat.errors import PersonaChanged
from personachat.personas.store.persona_file import Signature, read_persona
from personachat.personas.store.revisions import SqlRevisions
from personachat.personas.store.sql import SqlPersonaStore

database = Database(sys.argv[1])
store = SqlPersonaStore(database, SqlRevisions(database, place="", most=None))
for _ in range(int(sys.argv[2])):
    while True:
        stored = store.get("counter")
        value = json.loads(stored.text)
        value["extensions"]["count"] += 1
        try:
            store.save(json.dumps(value), etag=stored.etag)
            break
        except PersonaChanged:
            continue
database.close()
"""


def store_in(database: Database) -> SqlPersonaStore:
    return SqlPersonaStore(database, SqlRevisions(database, place="", most=None))


@pytest.fixture
def store(database: Database) -> SqlPersonaStore:
    return store_in(database)


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of whatever is read out of its text."""
    names: list[str] = []

    def noted(name: str, content: bytes, *, digest: str, signature: Signature) -> object:
        names.append(name)
        return read_persona(name, content, digest=digest, signature=signature)

    monkeypatch.setattr(sql, "read_persona", noted)
    return names


# --- how much is asked ----------------------------------------------------------------------------


def test_an_unchanged_list_costs_one_question_and_no_text(store: SqlPersonaStore) -> None:
    for number in range(20):
        store.save(persona_text(f"p{number}"))
    listed = store.all()
    with statements() as asked:
        assert store.all() == listed
    assert len(asked) == 1
    assert "text" not in asked[0]


def test_only_what_another_server_changed_is_read_again(
    store: SqlPersonaStore, database_url: str, parsed: list[str]
) -> None:
    for number in range(20):
        store.save(persona_text(f"p{number}"))
    store.all()
    with closing(Database(database_url)) as database:
        elsewhere = store_in(database)
        elsewhere.save(persona_text("p3", name="New"))
        elsewhere.delete("p4")
    parsed.clear()
    names = {stored.id: stored.persona.name for stored in store.all() if isinstance(stored, StoredPersona)}
    assert parsed == ["p3.json"]
    assert names["p3"] == "New"
    assert "p4" not in names
    assert len(names) == 19


def test_opening_one_costs_one_question_and_one_that_is_known_is_not_read_again(
    store: SqlPersonaStore, parsed: list[str]
) -> None:
    saved = store.save(persona_text("a"))
    with statements() as asked:
        assert store.get("a") == saved
    assert len(asked) == 1
    store.all()
    parsed.clear()
    with statements() as asked:
        assert store.get("a") == saved
        with pytest.raises(PersonaNotFound):
            store.get("b")
    assert len(asked) == 3  # of one that is not there also whether it was renamed
    assert parsed == []


def test_an_unchanged_save_is_no_change_for_others(store: SqlPersonaStore, database: Database) -> None:
    saved = store.save(persona_text("a"))
    before = _last_change(database)
    store.save(saved.text)
    assert _last_change(database) == before


# --- whole changes --------------------------------------------------------------------------------


def test_a_save_without_its_revision_is_no_save(
    store: SqlPersonaStore, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = store.save(persona_text("a"))
    before = _last_change(database)

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    changes: list[Callable[[], object]] = [
        lambda: store.save(persona_text("a", name="New")),
        lambda: store.create(persona_text("b")),
        lambda: store.delete("a"),
    ]
    with monkeypatch.context() as patch:
        patch.setattr(SqlRevisions, "record_many", die)
        for change in changes:
            with pytest.raises(KeyboardInterrupt):
                change()
    assert store.all() == [saved]
    assert store_in(database).all() == [saved]
    assert _last_change(database) == before
    store.save(persona_text("a", name="New"))


def test_a_deleted_persona_leaves_its_row_behind(store: SqlPersonaStore, database: Database) -> None:
    saved = store.save(persona_text("a"))
    store.delete("a")
    with database.read() as connection:
        row = connection.execute(select(personas)).one()
    assert (row.id, row.text, row.deleted, row.change) == ("a", saved.text, True, 2)


def test_a_database_put_back_from_a_backup_is_read_anew(store: SqlPersonaStore, database: Database) -> None:
    for name in ("First", "Second"):
        store.save(persona_text("a", name=name))
    store.save(persona_text("b"))
    assert len(store.all()) == 2
    with database.write() as connection:  # as it would be had only the first of the saves been made
        connection.execute(personas.delete().where(personas.c.id == "b"))
        connection.execute(update(personas).values(text=persona_text("a"), etag="first", change=1))
        connection.execute(update(persona_changes).values(number=1))
    (stored,) = store.all()
    assert (stored.id, stored.etag) == ("a", "first")


def _last_change(database: Database) -> int:
    with database.read() as connection:
        number: int = connection.execute(select(persona_changes.c.number)).scalar_one()
    return number


# --- several processes ----------------------------------------------------------------------------


def test_no_update_of_several_processes_is_lost(store: SqlPersonaStore, database_url: str) -> None:
    value = {"id": "counter", "name": "Counter", "systemPrompt": "Count.", "extensions": {"count": 0}}
    store.save(json.dumps(value))
    command = [sys.executable, "-c", COUNTER, database_url, "15"]
    running = [subprocess.Popen(command, cwd=ROOT) for _ in range(3)]
    try:
        assert [process.wait(timeout=100) for process in running] == [0, 0, 0]
    finally:
        for process in running:
            process.kill()
    assert store.get("counter").persona.extensions == {"count": 45}


# --- a database that cannot be used ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "can't be used right now"), (b"no database " * 1000, "is damaged")]
)
def test_a_database_that_cannot_be_used_makes_the_store_unavailable(
    content: bytes | None, reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "personachat.sqlite3"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    with closing(Database(f"sqlite:///{path}")) as database:
        store = store_in(database)
        uses: list[Callable[[], object]] = [
            store.all,
            lambda: store.get("a"),
            lambda: store.save(persona_text("a")),
            lambda: store.delete("a"),
        ]
        for use in uses:
            with pytest.raises(StoreUnavailable, match=reason) as caught:
                use()
            assert caught.value.hint
