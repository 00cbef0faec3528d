"""Threads and processes that save the same folder: a revision for each save, without gaps."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count, pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from personachat.personas.store import recorded_files
from personachat.personas.store.base import BrokenPersona
from tests.conftest import persona_text
from tests.migrated import put_database_in
from tests.personas.store.recorded_desk import ROOT, Desk, Unsteady


@pytest.fixture
def desk(sqlite_url: str, tmp_path: Path) -> Iterator[Desk]:
    with closing(Unsteady(sqlite_url)) as database:
        yield Desk(tmp_path / "personas", database)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try the database again without a pause."""
    monkeypatch.setattr(recorded_files, "RETRY_SECONDS", 0.0)


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
