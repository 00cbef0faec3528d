"""When the database fails or a process is killed, personas stay usable and the history catches up."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from filelock import FileLock

from personachat.personas.store import recorded_files
from personachat.personas.store.base import Saving
from tests.conftest import persona_text
from tests.personas.store.recorded_desk import ROOT, Desk, Unsteady

SECRET = "postgresql://me:secret-word@host/name"


@pytest.fixture
def desk(sqlite_url: str, tmp_path: Path) -> Iterator[Desk]:
    with closing(Unsteady(sqlite_url)) as database:
        yield Desk(tmp_path / "personas", database)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try the database again without a pause."""
    monkeypatch.setattr(recorded_files, "RETRY_SECONDS", 0.0)


def test_the_first_save_of_a_process_opens_the_database(tmp_path: Path) -> None:
    with closing(Unsteady(f"sqlite:///{tmp_path / 'data' / 'new.sqlite3'}")) as database:
        desk = Desk(tmp_path / "personas", database)
        desk.store.create(persona_text("a"), saving=Saving("Ada", "Why"))
        (created,) = desk.revisions.of("a")
    assert (created.action, created.author, created.note) == ("created", "Ada", "Why")


@pytest.mark.usefixtures("at_once")
def test_what_is_done_while_the_database_fails_stands_and_is_found_later(desk: Desk) -> None:
    for persona_id in ("a", "b"):
        desk.store.save(persona_text(persona_id))
    desk.store.all()
    desk.database.is_down = True
    saved = desk.store.save(persona_text("a", name="New"))
    desk.store.create(persona_text("c"))
    desk.store.delete("b")
    assert desk.store.get("a") == saved
    assert [stored.id for stored in desk.store.all()] == ["c", "a"]
    desk.database.is_down = False
    desk.store.all()
    assert desk.history("a") == [(1, "created"), (2, "found")]
    assert desk.history("b") == [(1, "created"), (2, "deleted")]
    assert desk.history("c") == [(1, "found")]
    assert desk.text("a") == saved.text


def test_a_failing_database_is_left_alone_for_a_while_and_reads_go_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000.0
    monkeypatch.setattr(recorded_files, "time", SimpleNamespace(monotonic=lambda: now))
    desk.write("a", persona_text("a"))
    desk.database.is_down = True
    for moment, failures in ((1_000.0, 1), (1_029.0, 1), (1_031.0, 2)):
        now = moment
        for _ in range(3):
            assert [stored.id for stored in desk.store.all()] == ["a"]
            assert desk.store.get("a").id == "a"
        assert desk.database.failures == failures
    desk.database.is_down = False
    desk.store.all()
    assert desk.history("a") == []
    now = 1_062.0
    desk.store.get("a")
    assert desk.history("a") == [(1, "found")]


def test_a_failure_is_warned_of_without_secrets(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with closing(Unsteady(SECRET)) as database:
        database.is_down = True
        with caplog.at_level(logging.DEBUG):
            Desk(tmp_path, database).store.save(persona_text("a", systemPrompt="private-words"))
    assert "The history of personas can't be written" in caplog.text
    assert "secret-word" not in caplog.text
    assert "private-words" not in caplog.text


@pytest.mark.parametrize("content", [b"no database " * 1000, None])
def test_a_database_that_is_none_stops_nobody_from_working(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "personachat.sqlite3"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    with closing(Unsteady(f"sqlite:///{path}")) as database:
        store = Desk(tmp_path / "personas", database).store
        saved = store.create(persona_text("a"))
        assert store.all() == [store.get("a")] == [saved]
        assert store.delete("a") == saved
        assert store.all() == []


def test_looking_does_not_wait_for_a_long_save_of_somebody_else(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorded_files, "LOOKING_SECONDS", 0.0)
    desk.store.save(persona_text("a"))
    desk.write("a", persona_text("a", name="By hand"))
    with FileLock(desk.folder / ".lock"):
        assert desk.store.get("a").persona.name == "By hand"
        assert len(desk.store.all()) == 1
        assert desk.history("a") == [(1, "created")]
    desk.store.all()
    assert desk.history("a") == [(1, "created"), (2, "found")]


KILLED = """
import os, signal, sys
from pathlib import Path
from personachat.database.connection import Database
from personachat.personas.store.recorded_files import RecordedFiles
from personachat.personas.store.revisions import SqlRevisions

def killed(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

SqlRevisions.record_many = killed
database = Database(sys.argv[2])
store = RecordedFiles(Path(sys.argv[1]), SqlRevisions(database, place="here"), database)
store.save(sys.argv[3])
"""


def test_a_save_whose_process_was_killed_before_its_revision_is_found(desk: Desk, sqlite_url: str) -> None:
    desk.store.save(persona_text("a"))
    text = persona_text("a", name="Killed")
    command = [sys.executable, "-c", KILLED, str(desk.folder), sqlite_url, text]
    assert subprocess.run(command, cwd=ROOT, check=False, timeout=100).returncode == -9
    assert desk.store.get("a").text == text
    assert desk.history("a") == [(1, "created"), (2, "found")]
    assert desk.text("a") == text
