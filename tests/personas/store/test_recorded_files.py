"""Files with a history: what the product saves and what people, git and accidents do to them."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count, pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from personachat.database.connection import Database
from personachat.errors import DatabaseUnavailable, PersonaNotFound
from personachat.personas.store import recorded_files
from personachat.personas.store.base import BrokenPersona, Saving
from personachat.personas.store.recorded_files import RecordedFiles
from personachat.personas.store.revisions import SqlRevisions
from tests.conftest import persona_text
from tests.migrated import put_database_in
from tests.personas.store.counting import statements

ROOT = Path(__file__).parents[3]
SECRET = "postgresql://me:secret-word@host/name"


class Unsteady(Database):
    """A database that can be made to fail; it counts how often it was wanted while it did."""

    is_down = False
    failures = 0

    @contextmanager
    def read(self) -> Iterator[Connection]:
        self._answer()
        with super().read() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        self._answer()
        with super().write() as connection:
            yield connection

    def _answer(self) -> None:
        if self.is_down:
            self.failures += 1
            raise DatabaseUnavailable("The database cannot be used now.")


class Desk:
    """A folder of personas with its history, and the hands of somebody who edits it without asking."""

    def __init__(self, folder: Path, database: Unsteady) -> None:
        self.folder = folder
        self.database = database
        self.revisions = SqlRevisions(database, place="here")
        self.store = RecordedFiles(folder, self.revisions, database)

    def restarted(self) -> Desk:
        """The same as another process, or a later start, sees it."""
        return Desk(self.folder, self.database)

    def path(self, persona_id: str) -> Path:
        return self.folder / f"{persona_id}.json"

    def write(self, persona_id: str, text: str) -> None:
        self.folder.mkdir(exist_ok=True)
        self.path(persona_id).write_bytes(text.encode())

    def history(self, persona_id: str) -> list[tuple[int, str]]:
        """Numbers and actions, oldest first."""
        return [(each.number, each.action) for each in reversed(self.revisions.of(persona_id))]

    def text(self, persona_id: str) -> str:
        """What the newest revision holds."""
        return self.revisions.get(persona_id, self.revisions.of(persona_id)[0].number).text


@pytest.fixture
def desk(sqlite_url: str, tmp_path: Path) -> Iterator[Desk]:
    with closing(Unsteady(sqlite_url)) as database:
        yield Desk(tmp_path / "personas", database)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try the database again without a pause."""
    monkeypatch.setattr(recorded_files, "RETRY_SECONDS", 0.0)


# --- what others do to the files ------------------------------------------------------------------


@pytest.mark.parametrize("look", [lambda desk: desk.store.all(), lambda desk: desk.store.get("a")])
def test_the_first_look_records_what_is_there(look: Callable[[Desk], object], desk: Desk) -> None:
    desk.write("a", persona_text("a"))
    look(desk)
    (found,) = desk.revisions.of("a")
    assert (found.number, found.action, found.author, found.note) == (1, "found", "", "")
    assert desk.text("a") == persona_text("a")


def test_an_edit_by_hand_is_found_with_its_text(desk: Desk) -> None:
    desk.store.save(persona_text("a"), saving=Saving("Ada"))
    desk.store.all()
    looks: list[Callable[[], object]] = [desk.store.all, lambda: desk.store.get("a")]
    for number, look in enumerate(looks, 1):
        desk.write("a", persona_text("a", name=f"By hand {number}"))
        look()
        assert desk.history("a")[-1] == (1 + number, "found")
        assert desk.text("a") == persona_text("a", name=f"By hand {number}")


def test_an_edit_of_the_same_size_and_time_is_found(desk: Desk) -> None:
    desk.store.save(persona_text("a", name="One"))
    desk.store.all()
    status = desk.path("a").stat()
    desk.write("a", persona_text("a", name="Two"))
    os.utime(desk.path("a"), ns=(status.st_atime_ns, status.st_mtime_ns))
    desk.store.all()
    assert desk.history("a") == [(1, "created"), (2, "found")]


def test_a_checkout_that_brings_old_files_back_is_found(desk: Desk) -> None:
    first = desk.store.save(persona_text("a"))
    desk.store.save(persona_text("a", name="Second"))
    desk.store.save(persona_text("b"))
    desk.store.all()
    desk.path("a").unlink()  # git puts a new file in the place of the old one
    desk.write("a", first.text)
    os.utime(desk.path("a"), (1_000_000_000, 1_000_000_000))
    desk.path("b").unlink()
    desk.write("c", persona_text("c"))
    desk.store.all()
    assert desk.history("a") == [(1, "created"), (2, "saved"), (3, "found")]
    assert desk.history("b") == [(1, "created"), (2, "deleted")]
    assert desk.history("c") == [(1, "found")]
    assert desk.revisions.numbers(frozenset({("a", first.etag)})) == {("a", first.etag): 3}


def test_a_file_that_was_deleted_by_hand_can_be_brought_back(desk: Desk) -> None:
    saved = desk.store.save(persona_text("a"))
    desk.store.all()
    desk.path("a").unlink()
    with pytest.raises(PersonaNotFound):
        desk.store.get("a")
    assert desk.store.all() == []
    (gone,) = desk.revisions.deleted()
    assert desk.revisions.get("a", gone.number).text == saved.text
    desk.store.create(saved.text)
    assert desk.history("a") == [(1, "created"), (2, "deleted"), (3, "created")]


def test_what_happened_while_nobody_looked_is_found_at_the_next_start(desk: Desk) -> None:
    for persona_id in ("a", "b", "c"):
        desk.store.save(persona_text(persona_id))
    desk.path("a").unlink()
    desk.write("b", persona_text("b", name="New"))
    desk.restarted().store.all()
    assert desk.history("a")[-1] == (2, "deleted")
    assert desk.history("b")[-1] == (2, "found")
    assert desk.history("c") == [(1, "created")]


def test_an_edit_that_nobody_saw_comes_before_the_save_over_it(desk: Desk) -> None:
    desk.store.save(persona_text("a"))
    desk.write("a", persona_text("a", name="By hand"))
    desk.store.save(persona_text("a", name="Saved"))
    desk.write("a", persona_text("a", name="By hand again"))
    desk.store.delete("a")
    actions = ["created", "found", "saved", "found", "deleted"]
    assert desk.history("a") == list(enumerate(actions, 1))
    names = ["A", "By hand", "Saved", "By hand again", "By hand again"]
    assert [each.name for each in reversed(desk.revisions.of("a"))] == names


def test_a_broken_file_is_no_revision_and_no_deletion(desk: Desk) -> None:
    desk.store.save(persona_text("a"))
    desk.write("never-whole", "{")
    for _ in range(2):
        desk.write("a", "{")
        assert any(isinstance(stored, BrokenPersona) for stored in desk.store.all())
        desk.restarted().store.all()
    assert desk.history("a") == [(1, "created")]
    assert desk.history("never-whole") == []
    desk.write("a", persona_text("a", name="Mended"))
    desk.store.all()
    assert desk.history("a") == [(1, "created"), (2, "found")]


def test_a_folder_that_nobody_can_write_in_is_recorded_and_left_alone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorded_files, "_is_writable", lambda _: False)
    desk.write("a", persona_text("a"))
    desk.store.all()
    assert desk.history("a") == [(1, "found")]
    assert [path.name for path in desk.folder.iterdir()] == ["a.json"]


def test_looking_at_a_missing_folder_makes_none(desk: Desk) -> None:
    assert desk.store.all() == []
    assert not desk.folder.exists()


# --- what it costs --------------------------------------------------------------------------------


def test_with_nothing_changed_looking_asks_the_database_nothing(desk: Desk) -> None:
    for persona_id in ("a", "b"):
        desk.write(persona_id, persona_text(persona_id))
    desk.store.all()
    desk.store.save(persona_text("a", name="New"))
    with statements() as asked:
        for _ in range(3):
            desk.store.all()
            desk.store.get("a")
            desk.store.get("b")
    assert asked == []


def test_a_second_start_asks_once(desk: Desk) -> None:
    for number in range(30):
        desk.write(f"p-{number}", persona_text(f"p-{number}"))
    desk.store.all()
    later = desk.restarted()
    with statements() as asked:
        later.store.all()
        later.store.all()
    assert len(asked) == 1


def test_an_edit_found_by_another_process_is_not_recorded_twice(desk: Desk) -> None:
    desk.store.save(persona_text("a"))
    others = [desk, desk.restarted(), desk.restarted()]
    for other in others:
        other.store.all()
    desk.write("a", persona_text("a", name="By hand"))
    for other in others:
        other.store.all()
        other.store.get("a")
    assert desk.history("a") == [(1, "created"), (2, "found")]
    desk.path("a").unlink()
    for other in others:
        other.store.all()
    assert desk.history("a") == [(1, "created"), (2, "found"), (3, "deleted")]


# --- when something fails -------------------------------------------------------------------------


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


# --- several at once ------------------------------------------------------------------------------


def _run_until_saved(
    readers: list[threading.Thread], savers: list[threading.Thread], saved: threading.Event
) -> None:
    for thread in (*readers, *savers):
        thread.start()
    for thread in savers:
        thread.join()
    saved.set()
    for thread in readers:
        thread.join()


def test_threads_that_save_make_a_revision_each_and_disturb_no_reader(desk: Desk) -> None:
    errors: list[BaseException] = []
    saved = threading.Event()

    def save(number: int) -> None:
        for turn in range(6):
            desk.store.save(persona_text("common", name=f"{number} {turn}"))
            desk.store.save(persona_text(f"own-{number}-{turn}"))
            if turn % 2:
                desk.store.delete(f"own-{number}-{turn}")

    def look() -> None:
        while not saved.is_set():
            desk.store.all()
            desk.store.get("common")

    def guarded(work: Callable[[], None]) -> threading.Thread:
        def run() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001  # looked at below
                errors.append(error)

        return threading.Thread(target=run)

    desk.store.save(persona_text("common"))
    readers = [guarded(look) for _ in range(2)]
    savers = [guarded(lambda number=number: save(number)) for number in range(3)]  # type: ignore[misc]  # looser than the types on purpose
    _run_until_saved(readers, savers, saved)
    assert errors == []
    assert [number for number, _ in desk.history("common")] == list(range(1, 20))
    assert desk.text("common") == desk.store.get("common").text
    for number in range(3):
        assert desk.history(f"own-{number}-0") == [(1, "created")]
        assert desk.history(f"own-{number}-1") == [(1, "created"), (2, "deleted")]


COUNTER = """
import json, sys
from pathlib import Path
from personachat.database.connection import Database
from personachat.errors import PersonaChanged
from personachat.personas.store.base import Saving
from personachat.personas.store.recorded_files import RecordedFiles
from personachat.personas.store.revisions import SqlRevisions

database = Database(sys.argv[2])
store = RecordedFiles(Path(sys.argv[1]), SqlRevisions(database, place="here"), database)
for _ in range(int(sys.argv[3])):
    while True:
        store.all()
        stored = store.get("counter")
        value = json.loads(stored.text)
        value["extensions"]["count"] += 1
        try:
            store.save(json.dumps(value), etag=stored.etag, saving=Saving(sys.argv[4]))
            break
        except PersonaChanged:
            continue
"""


def test_processes_that_save_the_same_folder_make_a_revision_each(desk: Desk, sqlite_url: str) -> None:
    desk.store.save(persona_text("counter", extensions={"count": 0}))
    command = [sys.executable, "-c", COUNTER, str(desk.folder), sqlite_url, "12"]
    running = [subprocess.Popen([*command, name], cwd=ROOT) for name in ("Ada", "Grace")]
    try:
        assert [process.wait(timeout=100) for process in running] == [0, 0]
    finally:
        for process in running:
            process.kill()
    history = list(reversed(desk.revisions.of("counter")))
    assert [each.number for each in history] == list(range(1, 26))
    assert [each.action for each in history] == ["created"] + ["saved"] * 24
    assert sorted(each.author for each in history) == [""] + ["Ada"] * 12 + ["Grace"] * 12
    texts = [desk.revisions.get("counter", number).text for number in range(1, 26)]
    assert [json.loads(text)["extensions"]["count"] for text in texts] == list(range(25))


# --- whatever happens -----------------------------------------------------------------------------

HAPPENINGS = st.lists(
    st.tuples(
        st.sampled_from(
            ["save", "delete", "write", "unlink", "break", "look", "get", "restart", "fail", "recover"]
        ),
        st.sampled_from(["a", "b"]),
    ),
    max_size=14,
)


def _happen(desk: Desk, happening: str, persona_id: str, words: str) -> Desk:
    text = persona_text(persona_id, name=words)
    whole = {stored.id for stored in desk.store.all() if not isinstance(stored, BrokenPersona)}
    is_broken = desk.path(persona_id).exists() and persona_id not in whole
    if happening == "save" and not is_broken:
        desk.store.save(text)
    elif happening == "delete" and persona_id in whole:
        desk.store.delete(persona_id)
    elif happening == "write":
        desk.write(persona_id, text)
    elif happening == "unlink":
        desk.path(persona_id).unlink(missing_ok=True)
    elif happening == "break":
        desk.write(persona_id, "{")
    elif happening == "look":
        desk.store.all()
    elif happening == "get" and persona_id in whole:
        desk.store.get(persona_id)
    elif happening == "restart":
        return desk.restarted()
    elif happening in {"fail", "recover"}:
        desk.database.is_down = happening == "fail"
    return desk


@pytest.mark.usefixtures("at_once")
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(happenings=HAPPENINGS)
def test_whatever_happens_the_history_ends_with_what_is_there_and_has_no_gaps(
    happenings: list[tuple[str, str]],
) -> None:
    words = count()
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(Unsteady(f"sqlite:///{put_database_in(Path(folder))}")) as database,
    ):
        desk = Desk(Path(folder) / "personas", database)
        for happening, persona_id in happenings:
            desk = _happen(desk, happening, persona_id, f"Name {next(words)}")
        database.is_down = False
        there = {stored.id: stored for stored in desk.store.all()}
        for persona_id in ("a", "b"):
            _check(desk, persona_id, there.get(persona_id))


def _check(desk: Desk, persona_id: str, stored: object) -> None:
    history = list(reversed(desk.revisions.of(persona_id)))
    assert [each.number for each in history] == list(range(1, len(history) + 1))
    for before, after in pairwise(history):
        assert before.etag != after.etag or "deleted" in {before.action, after.action}
        assert {before.action, after.action} != {"deleted"}
    if stored is None:
        assert not history or history[-1].action == "deleted"
    elif not isinstance(stored, BrokenPersona):
        assert desk.text(persona_id) == desk.store.get(persona_id).text
        assert history[-1].action != "deleted"
