"""Files with a history: what the product saves and what people, git and accidents do to them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from personachat.errors import PersonaNotFound
from personachat.personas.store import recorded_files
from personachat.personas.store.base import BrokenPersona, Saving
from tests.conftest import persona_text
from tests.personas.store.counting import statements
from tests.personas.store.recorded_desk import Desk, Unsteady


@pytest.fixture
def desk(sqlite_url: str, tmp_path: Path) -> Iterator[Desk]:
    with closing(Unsteady(sqlite_url)) as database:
        yield Desk(tmp_path / "personas", database)


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
