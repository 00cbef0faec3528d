"""Giving a persona another id: all that is kept of it goes along, at once, whatever kills the process."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from personachat.database.connection import Database
from personachat.errors import (
    DatabaseUnavailable,
    PersonaBroken,
    PersonaChanged,
    PersonaExists,
    PersonaInvalid,
    PersonaMoved,
    PersonaNotFound,
    StoreUnavailable,
)
from personachat.personas.fields import RESERVED_IDS
from personachat.personas.store import files, folder_renaming
from personachat.personas.store.base import Saving, StoredPersona
from personachat.personas.store.drafts import DraftText, PersonaDrafts
from personachat.personas.store.favourites import Favourites
from personachat.personas.store.labels import Labels
from personachat.personas.store.recorded_files import RecordedFiles
from personachat.personas.store.revisions import SqlRevisions
from personachat.personas.store.shares import PersonaShares
from personachat.personas.store.undos import PersonaUndos
from tests.conftest import persona_text
from tests.killed_writers import start
from tests.personas.store.conftest import Replicas


def ids(found: Sequence[Any]) -> list[str]:
    return [each.id for each in found]


def test_the_persona_has_its_new_id_everywhere_and_the_old_one_leads_there(replicas: Replicas) -> None:
    store, revisions = replicas.open()
    other, _ = replicas.open()
    store.create(persona_text("tutor", temperature=0.1))
    store.save(persona_text("tutor", temperature=0.2))
    other.all()

    renamed = store.rename("tutor", "coach", saving=Saving("Ada"))

    assert renamed.text == persona_text("tutor", temperature=0.2).replace('"tutor"', '"coach"', 1)
    for each in (store, other):
        assert ids(each.all()) == ["coach"]
        assert each.get("coach") == renamed
        with pytest.raises(PersonaMoved) as moved:
            each.get("tutor")
        assert moved.value.new_id == "coach"
    told = [(each.number, each.action, each.author) for each in revisions.of("coach")]
    assert told == [(3, "renamed", "Ada"), (2, "saved", ""), (1, "created", "")]
    assert json.loads(revisions.get("coach", 1).text)["temperature"] == 0.1
    assert revisions.of("tutor") == ()
    assert revisions.deleted() == ()


def test_what_people_keep_of_it_goes_along(replicas: Replicas) -> None:
    store, revisions = replicas.open()
    database, place = replicas.database(), revisions.place
    stored = store.create(persona_text("tutor"))
    favourites, shares = Favourites(database), PersonaShares(database)
    drafts, labels = PersonaDrafts(database, place=place), Labels(database, place=place)
    undos = PersonaUndos(database, place=place)
    for owner in ("ada", "bob"):
        favourites.set(owner, "tutor", favourite=True)
    favourites.set("bob", "coach", favourite=True)
    token = shares.share("ada", "tutor", stored.text)
    mine = DraftText(persona_text("tutor", temperature=1), stored.text, stored.etag)
    version, _ = drafts.put("ada", "tutor", mine, version=0, writer="w")
    aside = drafts.set_aside("ada", "tutor", mine, name="Tutor")
    undos.offer("ada", "discarded", name="Tutor", what=[("tutor", aside)])
    labels.put("tutor", "production", 1, author="Ada")

    renamed = store.rename("tutor", "coach")
    mine_renamed = mine.text.replace('"tutor"', '"coach"', 1)

    assert favourites.of("ada") == favourites.of("bob") == {"coach"}
    share = shares.of("ada", "coach")
    assert share
    assert (share.token, shares.read(token)) == (token, stored.text)
    kept = drafts.get("ada", ["tutor", "coach"])
    assert kept["tutor"].draft is None
    assert kept["tutor"].version > version
    assert kept["coach"].draft == DraftText(mine_renamed, renamed.text, renamed.etag)
    taken = drafts.take_back("ada", aside)
    assert taken
    assert taken.persona_id == "coach"
    undo = undos.of("ada")
    assert undo
    assert undo.what == (("coach", aside),)
    assert [(each.label, each.number) for each in labels.of("coach")] == [("production", 1)]


def test_a_draft_of_a_new_persona_that_had_the_id_first_is_set_aside(replicas: Replicas) -> None:
    store, revisions = replicas.open()
    drafts = PersonaDrafts(replicas.database(), place=revisions.place)
    stored = store.create(persona_text("tutor"))
    drafts.put("ada", "tutor", DraftText("{", stored.text, stored.etag), version=0, writer="w")
    drafts.put("ada", "coach", DraftText("new", "", None), version=0, writer="w")

    store.rename("tutor", "coach")

    kept = drafts.get("ada", ["coach"])["coach"].draft
    assert kept
    assert kept.text == "{"
    assert [each.persona_id for each in drafts.asides("ada")] == ["coach"]


def test_redirects_lead_straight_to_the_persona_until_an_id_is_taken(replicas: Replicas) -> None:
    store, revisions = replicas.open()
    store.create(persona_text("a"))
    store.rename("a", "b")
    store.rename("b", "c")
    for old in ("a", "b"):
        with pytest.raises(PersonaMoved) as moved:
            store.get(old)
        assert moved.value.new_id == "c"

    store.create(persona_text("a", name="Another"))
    store.delete("a")

    with pytest.raises(PersonaNotFound) as gone:
        store.get("a")
    assert not isinstance(gone.value, PersonaMoved)
    assert [each.number for each in revisions.of("a")] == [2, 1]
    store.rename("c", "b")
    assert store.get("b").id == "b"
    with pytest.raises(PersonaMoved):
        store.get("c")


def test_the_history_of_a_deleted_persona_of_that_id_is_not_lost(replicas: Replicas) -> None:
    store, revisions = replicas.open()
    for persona_id in ("coach", "tutor"):
        for number in range(3):
            store.save(persona_text(persona_id, systemPrompt=f"{persona_id} {number} " + "long " * 900))
    store.delete("coach")

    store.rename("tutor", "coach")
    store.save(persona_text("coach", systemPrompt="Now."))

    told = [
        json.loads(revisions.get("coach", each.number).text)["systemPrompt"][:7]
        for each in revisions.of("coach")
    ]
    assert told == [
        "Now.",
        "tutor 2",
        "tutor 2",
        "tutor 1",
        "tutor 0",
        *["coach 2"] * 2,
        "coach 1",
        "coach 0",
    ]
    assert revisions.deleted() == ()


@pytest.mark.parametrize("taken", ["there", "cracked"])
def test_an_id_that_is_taken_is_refused(replicas: Replicas, taken: str) -> None:
    store, _ = replicas.open()
    store.create(persona_text("tutor"))
    store.create(persona_text("there"))
    store.create(persona_text("cracked"))
    replicas.spoil("cracked", "{")

    with pytest.raises(PersonaExists):
        store.rename("tutor", taken)
    with pytest.raises(PersonaExists):
        store.rename("tutor", "tutor")
    with pytest.raises(PersonaBroken):
        store.rename("cracked", "fresh")
    with pytest.raises(PersonaNotFound):
        store.rename("nobody", "fresh")
    with pytest.raises(PersonaChanged):
        store.rename("tutor", "fresh", etag="older")
    assert set(ids(store.all())) == {"tutor", "there", "cracked"}


def test_what_cannot_be_an_id_is_refused(replicas: Replicas) -> None:
    store, _ = replicas.open()
    store.create(persona_text("tutor"))

    for new_id in ["", "A", "../x", "con", "x" * 65, "a\n", *RESERVED_IDS]:
        with pytest.raises(PersonaInvalid):
            store.rename("tutor", new_id)
    for reserved in RESERVED_IDS:
        for save in (store.create, store.save):
            with pytest.raises(PersonaInvalid, match="reserved"):
                save(persona_text(reserved))
    assert ids(store.all()) == ["tutor"]


# --- files ------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "personas"


def opened(folder: Path, url: str) -> tuple[RecordedFiles, SqlRevisions, Database]:
    database = Database(url)
    revisions = SqlRevisions(database, place="folder")
    return RecordedFiles(folder, revisions, database), revisions, database


def test_a_persona_that_has_a_reserved_id_already_is_read_changed_and_renamed(
    folder: Path, sqlite_url: str
) -> None:
    folder.mkdir()
    (folder / "schema.json").write_text(persona_text("schema"))
    store, _, database = opened(folder, sqlite_url)
    with closing(database):
        assert store.get("schema").id == "schema"
        changed = store.save(persona_text("schema", temperature=1))
        store.delete("schema")
        store.create(changed.text, saving=Saving(action="restored"))
        assert store.rename("schema", "plan").persona.temperature == 1


def test_what_lies_beside_the_file_goes_along(folder: Path, sqlite_url: str) -> None:
    store, _, database = opened(folder, sqlite_url)
    with closing(database):
        store.create(persona_text("tutor"))
        store.create(persona_text("tutor-2"))
        (folder / "tutor.tests.yaml").write_text("cases: []")
        (folder / "tutor-2.tests.yaml").write_text("of another")
        (folder / "tutor.json~").write_text("an editor's")
        store.rename("tutor", "coach")

    names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    assert names == ["coach.json", "coach.tests.yaml", "tutor-2.json", "tutor-2.tests.yaml", "tutor.json~"]


def test_a_file_that_somebody_puts_there_takes_the_id(folder: Path, sqlite_url: str) -> None:
    store, _, database = opened(folder, sqlite_url)
    with closing(database):
        store.create(persona_text("tutor"))
        store.rename("tutor", "coach")
        (folder / "tutor.json").write_text(persona_text("tutor", name="By hand"))
        assert store.get("tutor").persona.name == "By hand"
        (folder / "tutor.json").unlink()
        store.all()
        with pytest.raises(PersonaNotFound) as gone:
            store.get("tutor")
        assert not isinstance(gone.value, PersonaMoved)


def die_at(step: int, folder: Path, url: str) -> None:
    """Rename, and die before the step of that number that changes something."""
    left = step

    def dies_before(module: Any, name: str) -> None:
        real = getattr(module, name)

        def dying(*arguments: Any, **keywords: Any) -> Any:
            nonlocal left
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1
            return real(*arguments, **keywords)

        setattr(module, name, dying)

    store, _, _ = opened(folder, url)
    store.all()
    for name in ("replace_file", "remove_file", "move_file"):
        dies_before(folder_renaming, name)
    dies_before(RecordedFiles, "_rename_rows")
    dies_before(files, "finish")
    dies_before(SqlRevisions, "record_many")
    store.rename("tutor", "coach")
    os._exit(0)


def test_whenever_it_is_killed_the_persona_is_whole_under_one_of_its_ids(
    folder: Path, sqlite_url: str
) -> None:
    text, step, seen = persona_text("tutor"), 0, []
    while True:
        for path in folder.glob("*"):
            path.unlink()
        store, revisions, database = opened(folder, sqlite_url)
        with closing(database):
            current = store.save(text.replace("}", f', "topP": {step / 100}}}') if step else text)
            (folder / "tutor.tests.yaml").write_text("cases: []")
            before = len(revisions.of("tutor", limit=500)) + len(revisions.of("coach", limit=500))
        process = start(die_at, step, folder, sqlite_url)
        process.join()
        assert process.exitcode in {0, -signal.SIGKILL}
        store, revisions, database = opened(folder, sqlite_url)
        with closing(database):
            there = store.all()
            assert len(there) == 1, step
            found = there[0]
            assert isinstance(found, StoredPersona)
            assert found.persona.top_p == current.persona.top_p
            history = revisions.of(found.id, limit=500)
            assert history[0].etag == found.etag
            assert (folder / f"{found.id}.tests.yaml").exists()
            assert not (folder / ".renaming").exists()
            if found.id == "coach":
                assert history[0].action == "renamed"
                assert isinstance(_refused(store, "tutor"), PersonaMoved)
                assert len(history) >= before
            seen.append(found.id)
            if process.exitcode == 0:
                break
            store.delete(found.id)
        step += 1
    assert seen[0] == "tutor"
    assert seen[-1] == "coach"
    assert len(set(seen[:-1])) == 2


def _refused(store: RecordedFiles, persona_id: str) -> Exception:
    with pytest.raises(PersonaNotFound) as refused:
        store.get(persona_id)
    return refused.value


def test_where_the_database_fails_nothing_is_renamed(
    folder: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, revisions, database = opened(folder, sqlite_url)

    def fail(*_: Any, **__: Any) -> None:
        raise DatabaseUnavailable("It is away.")

    with closing(database):
        store.create(persona_text("tutor"))
        monkeypatch.setattr(revisions, "rename", fail)
        with pytest.raises(StoreUnavailable):
            store.rename("tutor", "coach")

        assert ids(store.all()) == ["tutor"]
        assert not (folder / ".renaming").exists()
