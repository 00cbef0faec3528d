from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from personachat.errors import (
    PersonaBroken,
    PersonaChanged,
    PersonaExists,
    PersonaInvalid,
    PersonaNotFound,
    StoreUnavailable,
)
from personachat.jsontext.reader import MAX_TEXT_BYTES
from personachat.personas.persona import DEFAULT_PERSONA_ID
from personachat.personas.store import files, folder
from personachat.personas.store.base import BrokenPersona, PersonaStore, StoredPersona
from personachat.personas.store.files import FilePersonaStore

HOSTILE = [
    "",
    "../x",
    "..",
    "/etc/passwd",
    "a/b",
    "con",
    "nul",
    "A",
    "x" * 10_000,
    "a\x00b",
    "\ud800",
    "a\n",
    ".lock",
]


def text_of(persona_id: str, **keys: Any) -> str:
    return json.dumps({"id": persona_id, "name": persona_id.title(), "systemPrompt": "Be brief.", **keys})


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def store(tmp_path: Path) -> FilePersonaStore:
    return FilePersonaStore(tmp_path / "personas")


@pytest.fixture
def personas_dir(tmp_path: Path) -> Path:
    made = tmp_path / "personas"
    made.mkdir()
    return made


def only_broken(store: PersonaStore) -> BrokenPersona:
    (broken,) = [stored for stored in store.all() if isinstance(stored, BrokenPersona)]
    return broken


# --- saving and reading ---------------------------------------------------------------------------


def test_a_missing_folder_is_empty_and_made_by_the_first_save(
    store: FilePersonaStore, tmp_path: Path
) -> None:
    assert store.all() == []
    with pytest.raises(PersonaNotFound):
        store.get("a")
    with pytest.raises(PersonaNotFound):
        store.delete("a")
    assert not (tmp_path / "personas").exists()
    saved = store.create(text_of("a"))
    assert store.all() == [saved]


def test_a_text_is_kept_to_the_letter(store: FilePersonaStore, personas_dir: Path) -> None:
    text = '\r\n{"id":"a",\r\n\t"name": "Zo\u00eb \U0001f9ed",\n"systemPrompt":"\\u00e9", "topP": 1e0 }\n\n'
    saved = store.save(text)
    assert saved.text == text
    assert (personas_dir / "a.json").read_bytes() == text.encode()
    assert FilePersonaStore(personas_dir).get("a") == saved


def test_the_default_persona_is_first_and_the_others_follow_by_name(store: FilePersonaStore) -> None:
    for persona_id, name in [("a", "zebra"), (DEFAULT_PERSONA_ID, "Zzz"), ("b", "Ant"), ("c", "bee")]:
        store.save(text_of(persona_id, name=name))
    assert [stored.id for stored in store.all()] == [DEFAULT_PERSONA_ID, "b", "c", "a"]


def test_create_refuses_an_id_that_exists(store: FilePersonaStore) -> None:
    store.create(text_of("a", name="First"))
    with pytest.raises(PersonaExists):
        store.create(text_of("a", name="Second"))
    assert store.get("a").persona.name == "First"


def test_an_invalid_text_is_refused_and_changes_nothing(store: FilePersonaStore) -> None:
    saved = store.save(text_of("a"))
    for save in (store.save, store.create):
        with pytest.raises(PersonaInvalid):
            save('{"id": "a"}')
    assert store.all() == [saved]


def test_a_deleted_persona_comes_back_by_creating_its_text(store: FilePersonaStore) -> None:
    saved = store.save(text_of("a"))
    deleted = store.delete("a", etag=saved.etag)
    assert deleted == saved
    assert store.all() == []
    assert store.create(deleted.text) == saved


@pytest.mark.parametrize("persona_id", HOSTILE, ids=lambda text: ascii(text)[:20])
def test_what_cannot_be_an_id_is_not_found(persona_id: str, store: FilePersonaStore, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(text_of("x"))
    store.save(text_of("a"))
    with pytest.raises(PersonaNotFound) as caught:
        store.get(persona_id)
    str(caught.value).encode()
    with pytest.raises(PersonaNotFound):
        store.delete(persona_id)
    assert (tmp_path / "x.json").exists()


# --- etags ----------------------------------------------------------------------------------------


def test_a_stale_etag_is_refused_with_the_stored_version(store: FilePersonaStore) -> None:
    mine = store.save(text_of("a", name="Mine"))
    theirs = store.save(text_of("a", name="Theirs"), etag=mine.etag)
    changes: list[Callable[[], object]] = [
        lambda: store.save(text_of("a", name="Mine again"), etag=mine.etag),
        lambda: store.delete("a", etag=mine.etag),
    ]
    for change in changes:
        with pytest.raises(PersonaChanged) as caught:
            change()
        assert (caught.value.etag, caught.value.text) == (theirs.etag, theirs.text)
    assert store.get("a") == theirs
    assert mine.etag != theirs.etag


def test_an_etag_of_a_deleted_persona_is_refused(store: FilePersonaStore) -> None:
    saved = store.save(text_of("a"))
    store.delete("a")
    with pytest.raises(PersonaChanged) as caught:
        store.save(text_of("a"), etag=saved.etag)
    assert (caught.value.etag, caught.value.text) == (None, None)
    assert store.all() == []


def test_an_edit_by_hand_shows_at_the_next_call_even_with_the_same_size_and_time(
    store: FilePersonaStore, personas_dir: Path
) -> None:
    path = personas_dir / "a.json"
    for name in ("one", "two"):
        path.write_text(text_of("a", name=name))
        os.utime(path, ns=(10**18, 10**18))
        assert store.get("a").persona.name == name
        assert [stored.persona.name for stored in store.all() if isinstance(stored, StoredPersona)] == [name]


def test_unchanged_files_are_not_read_again(
    store: FilePersonaStore, personas_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_GRAIN_NANOSECONDS", -(10**18))
    for number in range(20):
        (personas_dir / f"p{number}.json").write_text(text_of(f"p{number}"))
    listed = store.all()
    reads: list[Path] = []
    monkeypatch.setattr(files, "read_file", lambda path, **_: reads.append(path))
    assert store.all() == listed
    assert reads == []


# --- broken files ---------------------------------------------------------------------------------

BROKEN = {
    "syntax.json": (b'{\n "id": "syntax",\n}', 2, "There is an extra comma"),
    "schema.json": (
        b'{"id": "schema",\n "name": "A", "systemPrompt": "x", "temprature": 1}',
        2,
        "temperature",
    ),
    "other.json": (
        b'{"name": "A", "systemPrompt": "x",\n "id": "another"}',
        2,
        'name the file "another.json"',
    ),
    "latin.json": (b'{"id": "latin",\n "name": "\xe9"}', 2, "not UTF-8"),
    "bom.json": (b'\xef\xbb\xbf{"id": "bom", "name": "A", "systemPrompt": "x"}', 1, "byte order mark"),
    "empty.json": (b"", 1, "The text is empty"),
    "big.json": (b" " * (MAX_TEXT_BYTES + 1), 1, "larger than 1,024 KB"),
    "Not an id.json": (
        b'{"id": "not-an-id", "name": "A", "systemPrompt": "x"}',
        1,
        "doesn't match the name of the file",
    ),
    "con.json": (b'{"id": "con", "name": "A", "systemPrompt": "x"}', 1, "Windows reserves"),
}


@pytest.mark.parametrize("filename", BROKEN)
def test_a_broken_file_is_listed_with_line_and_reason_and_left_alone(
    filename: str, store: FilePersonaStore, personas_dir: Path
) -> None:
    content, line, reason = BROKEN[filename]
    (personas_dir / filename).write_bytes(content)
    good = store.save(text_of("good"))
    broken = only_broken(store)
    assert broken.filename == filename
    assert broken.id == filename.removesuffix(".json")
    assert broken.problems[0].line == line
    assert reason in broken.problems[0].message
    assert content.startswith(broken.text.encode()) or filename == "latin.json"
    assert store.get("good") == good
    with pytest.raises(PersonaBroken) as caught:
        store.get(broken.id)
    assert caught.value.problems == broken.problems
    with pytest.raises(PersonaBroken):
        store.delete(broken.id)
    assert (personas_dir / filename).read_bytes() == content


def test_a_broken_file_is_overwritten_with_its_etag_only(store: FilePersonaStore, personas_dir: Path) -> None:
    (personas_dir / "a.json").write_text("{")
    mended = text_of("a")
    for save in (store.save, store.create):
        with pytest.raises(PersonaBroken):
            save(mended)
    with pytest.raises(PersonaChanged) as caught:
        store.save(mended, etag="0" * 32)
    assert caught.value.text == "{"
    saved = store.save(mended, etag=only_broken(store).etag)
    assert store.all() == [saved]


def test_links_pipes_and_folders_are_broken_and_never_opened(
    store: FilePersonaStore, personas_dir: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text(text_of("link"))
    (personas_dir / "link.json").symlink_to(secret)
    (personas_dir / "nowhere.json").symlink_to(tmp_path / "missing")
    (personas_dir / "loop.json").symlink_to("loop.json")
    (personas_dir / "folder.json").mkdir()
    os.mkfifo(personas_dir / "pipe.json")
    found = {stored.id: stored for stored in store.all()}
    assert set(found) == {"link", "nowhere", "loop", "folder", "pipe"}
    for stored in found.values():
        assert isinstance(stored, BrokenPersona)
        assert stored.text == ""
        assert stored.problems[0].message.startswith(f'"{stored.filename}" ')
        with pytest.raises(PersonaBroken):
            store.save(text_of(stored.id))
    assert "outside" in str(found["link"])
    assert store.save(text_of("link"), etag=found["link"].etag) == store.get("link")
    assert secret.read_text() == text_of("link")


def test_a_link_inside_of_the_folder_is_followed(store: FilePersonaStore, personas_dir: Path) -> None:
    (personas_dir / "..data").mkdir()  # how Kubernetes mounts a config map
    (personas_dir / "..data" / "a.json").write_text(text_of("a"))
    (personas_dir / "a.json").symlink_to("..data/a.json")
    assert store.get("a").persona.name == "A"


def test_a_name_that_is_not_utf_8_is_listed_all_the_same(store: FilePersonaStore, personas_dir: Path) -> None:
    (Path(os.fsdecode(os.fsencode(personas_dir) + b"/\xff.json"))).write_text("{}")
    broken = only_broken(store)
    assert broken.filename == "\ufffd.json"
    with pytest.raises(PersonaBroken):
        store.get(broken.id)


def test_what_is_no_json_file_is_not_listed(store: FilePersonaStore, personas_dir: Path) -> None:
    for name in ("readme.md", ".hidden.json", "a.json.bak", ".writing-1.json"):
        (personas_dir / name).write_text("{}")
    assert store.all() == []


# --- a store that cannot be used ------------------------------------------------------------------


def test_a_file_in_the_place_of_the_folder_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "personas").write_text("")
    store = FilePersonaStore(tmp_path / "personas")
    uses: list[Callable[[], object]] = [
        store.all,
        lambda: store.get("a"),
        lambda: store.save(text_of("a")),
        lambda: store.delete("a"),
    ]
    for use in uses:
        with pytest.raises(StoreUnavailable):
            use()


@pytest.fixture
def foreign_folder() -> Iterator[Path]:
    """A folder that may be read and not written, also where the tests are run by root."""
    made = Path(tempfile.mkdtemp())
    (made / "a.json").write_text(text_of("a"))
    made.chmod(0o555)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield made
    os.seteuid(user)
    made.chmod(0o755)
    shutil.rmtree(made)


def test_a_read_only_folder_can_be_read_and_says_why_it_cannot_be_written(foreign_folder: Path) -> None:
    store = FilePersonaStore(foreign_folder)
    saved = store.get("a")
    changes: list[Callable[[], object]] = [
        lambda: store.save(text_of("a", name="New")),
        lambda: store.create(text_of("b")),
        lambda: store.delete("a"),
    ]
    for change in changes:
        with pytest.raises(StoreUnavailable, match="may not read or write"):
            change()
    assert store.all() == [saved]


def test_a_full_disk_leaves_the_old_text_and_no_litter(
    store: FilePersonaStore, personas_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = store.save(text_of("a"))

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(StoreUnavailable, match="The disk is full"):
            store.save(text_of("a", name="New"))
    assert store.all() == [saved]
    assert names_in(personas_dir) == [".lock", "a.json"]
    store.save(text_of("a", name="New"))


def test_a_lock_that_never_comes_free_is_unavailable(
    store: FilePersonaStore, personas_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "LOCK_TIMEOUT_SECONDS", 0.05)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with FileLock(personas_dir / ".lock"):
            held.set()
            done.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert held.wait(30)
        with pytest.raises(StoreUnavailable, match="locked by another program"):
            store.save(text_of("a"))
        assert store.all() == []
    finally:
        done.set()
        holder.join()
    store.save(text_of("a"))


def test_what_a_killed_writer_left_is_swept_by_the_next(store: FilePersonaStore, personas_dir: Path) -> None:
    (personas_dir / ".writing-0123456789abcdef").write_text('{"id": "a", "na')
    store.save(text_of("a"))
    assert names_in(personas_dir) == [".lock", "a.json"]


def test_saving_keeps_the_permissions_of_the_file(store: FilePersonaStore, personas_dir: Path) -> None:
    store.save(text_of("a"))
    (personas_dir / "a.json").chmod(0o664)
    store.save(text_of("a", name="New"))
    assert (personas_dir / "a.json").stat().st_mode & 0o777 == 0o664
