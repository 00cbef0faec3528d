from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from personachat.errors import StoreUnavailable
from personachat.store import seeding
from personachat.store.files import FilePersonaStore
from personachat.store.seeding import seed_personas

SHIPPED = Path(__file__).parents[2] / "personas"


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
