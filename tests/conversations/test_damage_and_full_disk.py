"""A damaged file is named and left as it is; a full disk is told of, and forgotten once there is room."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import event

from personachat.conversations.sql import SqlConversations
from personachat.database.connection import FILE_NAME, Database
from personachat.errors import DatabaseDamaged, DatabaseUnavailable
from personachat.stamps import new_id
from tests.spoken import OWNER, said, spoken


@pytest.fixture
def filled(sqlite_database: Database) -> Path:
    """The file of a closed database with 300 turns in it."""
    store = SqlConversations(sqlite_database)
    spoken(store, store.create(OWNER).id, *(f"marker-{number} " + "x" * 400 for number in range(300)))
    sqlite_database.close()
    assert sqlite_database.path
    return sqlite_database.path


def first_conversation(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        return str(connection.execute("SELECT id FROM conversations").fetchone()[0])


# --- damage -----------------------------------------------------------------------------------------


def garbage(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(os.urandom(200))


def text_file(path: Path) -> None:
    path.write_text("Dear diary, " * 1000)


def truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


@pytest.mark.parametrize("damage", [garbage, text_file, truncated])
def test_a_damaged_file_is_named_and_left_as_it_is(filled: Path, damage: Callable[[Path], None]) -> None:
    damage(filled)
    before = filled.read_bytes()
    with closing(Database(f"sqlite:///{filled}")) as database:
        store = SqlConversations(database)
        for use in (database.prepare, lambda: store.create(OWNER), lambda: store.get(OWNER, new_id())):
            with pytest.raises(DatabaseDamaged) as raised:
                use()
            assert str(filled) in raised.value.advice
    assert filled.read_bytes() == before


def damage_page_with(path: Path, marker: bytes) -> bytes:
    """Overwrite the page that holds a text; returns the file as it is then."""
    content = bytearray(path.read_bytes())
    page = content.index(marker) // 4096
    content[page * 4096 : (page + 1) * 4096] = b"\xff" * 4096
    path.write_bytes(content)
    return bytes(content)


def test_a_damaged_page_is_told_of_when_it_is_read_and_stops_all_writing(filled: Path) -> None:
    conversation_id = first_conversation(filled)
    before = damage_page_with(filled, b"marker-150 ")
    with closing(Database(f"sqlite:///{filled}")) as database:
        store = SqlConversations(database)
        with pytest.raises(DatabaseDamaged) as raised:
            store.get(OWNER, conversation_id)
        assert str(filled) in raised.value.advice
        with pytest.raises(DatabaseDamaged):
            store.create(OWNER)
    assert filled.read_bytes() == before


def test_a_backup_in_its_place_is_used_at_once(filled: Path, tmp_path: Path) -> None:
    conversation_id = first_conversation(filled)
    backup = tmp_path / "backup.sqlite3"
    shutil.copy(filled, backup)
    damage_page_with(filled, b"marker-150 ")
    with closing(Database(f"sqlite:///{filled}")) as database:
        store = SqlConversations(database)
        with pytest.raises(DatabaseDamaged):
            store.get(OWNER, conversation_id)
        backup.replace(filled)
        assert store.get(OWNER, conversation_id).length == 300
        spoken(store, store.create(OWNER).id, "on we go")


# --- a full disk ------------------------------------------------------------------------------------


def fill_up(store: SqlConversations, conversation_id: str) -> tuple[list[str], DatabaseUnavailable]:
    """Append until nothing fits; the texts that went in, and what was told."""
    texts: list[str] = []
    leaf_id: str | None = None
    try:
        while True:
            turn = said(f"{len(texts)} " + "x" * 20_000, after=leaf_id)
            assert store.append(OWNER, conversation_id, [turn], only_after=leaf_id)
            texts.append(turn.text)
            leaf_id = turn.id
    except DatabaseUnavailable as error:
        return texts, error


def test_a_full_disk_is_told_of_and_it_works_again_after_room_was_made(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(2_000_000))
    path = small_disk / "data" / FILE_NAME
    with closing(Database(f"sqlite:///{path}")) as database:
        store = SqlConversations(database)
        conversation = store.create(OWNER)
        texts, told = fill_up(store, conversation.id)
        assert "the disk is full" in str(told)
        found = store.get(OWNER, conversation.id)
        assert [turn.text for turn in found.path] == texts
        ballast.unlink()
        spoken(store, conversation.id, "room again", after=found.leaf_id)
        assert store.get(OWNER, conversation.id).length == len(texts) + 1
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = shutil.which("mount")
    command = [mount or "mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if mount is None or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("a small file system can only be mounted by root, on Linux")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_database_that_may_not_grow_says_that_the_disk_is_full(sqlite_database: Database) -> None:
    store = SqlConversations(sqlite_database)
    conversation = store.create(OWNER)
    engine = sqlite_database._opened()

    def limit(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute("PRAGMA max_page_count=300")

    event.listen(engine, "checkout", limit)
    texts, told = fill_up(store, conversation.id)
    assert "the disk is full" in str(told)
    assert told.hint
    found = store.get(OWNER, conversation.id)
    assert [turn.text for turn in found.path] == texts
    event.remove(engine, "checkout", limit)
    sqlite_database.close()
    spoken(store, conversation.id, "room again", after=found.leaf_id)
    assert store.get(OWNER, conversation.id).length == len(texts) + 1
