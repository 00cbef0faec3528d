from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TypeAlias

import pytest

from personachat.database.connection import Database
from personachat.errors import StoreUnavailable
from personachat.personas.store import seeding
from personachat.personas.store.base import PersonaStore, Revisions
from personachat.personas.store.files import FilePersonaStore
from personachat.personas.store.seeding import open_store, seed_personas
from personachat.settings import load_settings
from tests.conftest import persona_text

SHIPPED = Path(__file__).parents[3] / "personas"

Opening: TypeAlias = Callable[[], tuple[PersonaStore, Revisions]]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.json"))


def test_a_missing_folder_is_filled_with_the_shipped_personas(tmp_path: Path) -> None:
    seed_personas(tmp_path / "own" / "personas", SHIPPED)
    assert names(tmp_path / "own" / "personas") == names(SHIPPED)
    shipped = {stored.id: stored.text for stored in FilePersonaStore(SHIPPED).all()}
    assert {
        stored.id: stored.text for stored in FilePersonaStore(tmp_path / "own" / "personas").all()
    } == shipped


def test_a_deleted_persona_does_not_come_back(tmp_path: Path) -> None:
    seed_personas(tmp_path, SHIPPED)
    store = FilePersonaStore(tmp_path)
    for stored in store.all():
        store.delete(stored.id)
    seed_personas(tmp_path, SHIPPED)
    assert store.all() == []


def test_a_folder_with_somebodys_own_personas_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text("{")
    seed_personas(tmp_path, SHIPPED)
    assert names(tmp_path) == ["mine.json"]
    (tmp_path / "mine.json").unlink()
    seed_personas(tmp_path, SHIPPED)
    assert names(tmp_path) == []


def test_a_start_that_died_half_way_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Path] = []

    def die_at_the_third(path: Path, content: bytes) -> None:
        written.append(path)
        if len(written) == 3:
            raise KeyboardInterrupt
        path.write_bytes(content)

    with monkeypatch.context() as patch:
        patch.setattr(seeding, "replace_file", die_at_the_third)
        with pytest.raises(KeyboardInterrupt):
            seed_personas(tmp_path, SHIPPED)
    assert len(names(tmp_path)) == 1
    seed_personas(tmp_path, SHIPPED)
    assert names(tmp_path) == names(SHIPPED)


def test_the_shipped_folder_itself_is_never_touched(tmp_path: Path) -> None:
    shutil.copytree(SHIPPED, tmp_path / "shipped", ignore=shutil.ignore_patterns(".*"))
    before = sorted((tmp_path / "shipped").iterdir())
    seed_personas(tmp_path / "shipped", tmp_path / "shipped")
    assert sorted((tmp_path / "shipped").iterdir()) == before


def test_without_shipped_personas_nothing_is_made(tmp_path: Path) -> None:
    seed_personas(tmp_path / "personas", tmp_path / "missing")
    assert not (tmp_path / "personas").exists()


def test_a_place_that_cannot_be_a_folder_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "personas").write_text("")
    with pytest.raises(StoreUnavailable):
        seed_personas(tmp_path / "personas", SHIPPED)


# --- the store in the database --------------------------------------------------------------------


def texts(store: PersonaStore) -> dict[str, str]:
    return {stored.id: stored.text for stored in store.all()}


def shipped_texts() -> dict[str, str]:
    return {path.stem: path.read_bytes().decode() for path in SHIPPED.glob("*.json")}


@pytest.fixture
def open_in(database_url: str, tmp_path: Path) -> Iterator[Opening]:
    """Opens one more server's store in the database, with `tmp_path` / "own" as the folder of personas."""
    with ExitStack() as closers:

        def opened() -> tuple[PersonaStore, Revisions]:
            settings = load_settings(
                persona_store="database", personas_dir=tmp_path / "own", database_url=database_url
            )
            return open_store(settings, closers.enter_context(closing(Database.of(settings))))

        yield opened


def test_a_database_begins_with_the_personas_of_the_folder(open_in: Opening, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "mine.json").write_text(persona_text("mine"))
    (tmp_path / "own" / "broken.json").write_text("{")
    store, revisions = open_in()
    assert texts(store) == {"mine": persona_text("mine")}
    (revision,) = revisions.of("mine")
    assert (revision.number, revision.action, revision.author) == (1, "created", "")
    assert revision.note == "From the personas folder"
    assert revision.etag == store.get("mine").etag
    assert revisions.get("mine", 1).text == persona_text("mine")


def test_a_database_begins_with_the_shipped_personas_where_the_folder_has_none(open_in: Opening) -> None:
    store, revisions = open_in()
    assert texts(store) == shipped_texts()
    assert revisions.newest().keys() == shipped_texts().keys()


@pytest.mark.parametrize("first", ["all", "get", "save", "delete"])
def test_whatever_is_done_first_finds_them_there(first: str, open_in: Opening) -> None:
    store, _ = open_in()
    uses: dict[str, Callable[[], object]] = {
        "all": store.all,
        "get": lambda: store.get("data-analyst"),
        "save": lambda: store.save(persona_text("mine")),
        "delete": lambda: store.delete("data-analyst"),
    }
    uses[first]()
    expected = shipped_texts()
    if first == "save":
        expected["mine"] = persona_text("mine")
    if first == "delete":
        del expected["data-analyst"]
    assert texts(store) == expected


def test_servers_that_start_together_fill_it_once(open_in: Opening) -> None:
    opened = [open_in() for _ in range(4)]
    together = threading.Barrier(len(opened))
    found: list[dict[str, str]] = []

    def start(store: PersonaStore) -> None:
        together.wait()
        found.append(texts(store))

    threads = [threading.Thread(target=start, args=(store,)) for store, _ in opened]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [shipped_texts()] * len(opened)
    assert all(len(opened[0][1].of(persona_id)) == 1 for persona_id in shipped_texts())


def test_what_was_deleted_from_a_database_stays_deleted(open_in: Opening, tmp_path: Path) -> None:
    store, _ = open_in()
    for stored in store.all():
        store.delete(stored.id)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "later.json").write_text(persona_text("later"))
    again, _ = open_in()
    assert again.all() == store.all() == []


def test_a_folder_that_cannot_be_read_is_said_and_tried_again(open_in: Opening, tmp_path: Path) -> None:
    store, _ = open_in()
    (tmp_path / "own").write_text("")
    with pytest.raises(StoreUnavailable):
        store.all()
    (tmp_path / "own").unlink()
    assert texts(store) == shipped_texts()


# --- which store ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["files", "database"])
def test_opening_a_store_touches_nothing(kind: str, tmp_path: Path) -> None:
    settings = load_settings(
        persona_store=kind, personas_dir=tmp_path / "personas", data_dir=tmp_path / "data"
    )
    with closing(Database.of(settings)) as database:
        open_store(settings, database)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["files", "database"])
def test_the_setting_says_where_personas_and_their_history_are_kept(kind: str, tmp_path: Path) -> None:
    settings = load_settings(
        persona_store=kind, personas_dir=tmp_path / "personas", data_dir=tmp_path / "data", kept_revisions=1
    )
    with closing(Database.of(settings)) as database:
        store, revisions = open_store(settings, database)
        store.save(persona_text("mine"))
        store.save(persona_text("mine", name="New"))
        assert [each.number for each in revisions.of("mine")] == [2]
    assert (tmp_path / "personas" / "mine.json").exists() == (kind == "files")
    with closing(Database.of(settings)) as database:
        assert open_store(settings, database)[0].get("mine").persona.name == "New"
