"""The files of a card lie in a folder beside the persona's: copied along, changed by hand, never obeyed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path, PurePosixPath

import pytest

from personachat.database.connection import Database
from personachat.personas.assets.places import name_at, place_of
from personachat.personas.assets.sets import AssetSet, AssetsOnTheirWay, digest_of, set_named_by
from personachat.personas.pictures.shelf import PictureShelf
from personachat.personas.store import recorded_files
from personachat.personas.store.assets import PersonaAssets
from personachat.personas.store.base import StoredPersona
from personachat.personas.store.recorded_files import RecordedFiles
from personachat.personas.store.revisions import SqlRevisions
from tests.conftest import persona_text
from tests.pictures.drawn import picture

OGG = b"OggS\x00\x02 a bell"
FILES = {"assets/emotion/happy.png": picture(), "assets/bell \u00e4.ogg": OGG, "module.json": b'{"a": 1}'}
LATER = 10_000_000_000


class Folder:
    """A folder of personas and a database of its own."""

    def __init__(self, path: Path, database: Database) -> None:
        self.path, self.database = path, database
        self.assets = PersonaAssets(database)
        self.store = self.again()
        self.revisions = SqlRevisions(database, place="folder")

    def again(self) -> RecordedFiles:
        return RecordedFiles(self.path, SqlRevisions(self.database, place="folder"), self.database)

    def kept(self, files: dict[str, bytes]) -> str:
        """The digest of a set with these files, which the database has now."""
        shelf = PictureShelf()
        digests = {name: digest_of(content) for name, content in files.items()}
        on_shelf = {
            digest_of(content): shelf.put_file(digest_of(content), content) for content in files.values()
        }
        found = AssetsOnTheirWay(AssetSet.of(digests), on_shelf)
        self.assets.keep(found)
        return found.set.digest

    def look(self, persona_id: str = "ada") -> StoredPersona:
        self.store.all()
        return self.store.get(persona_id)

    def put(self, place: str, content: bytes, *, after_ns: int = LATER) -> None:
        """Put a file there by hand, so much later than the persona was saved."""
        file = self.path / "ada" / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        text = (self.path / "ada.json").stat()
        os.utime(file, ns=(text.st_mtime_ns + after_ns, text.st_mtime_ns + after_ns))

    def of(self, stored: StoredPersona) -> dict[str, bytes]:
        """The files of its card, as an export reads them."""
        readers = self.assets.files(set_named_by(stored.persona.extensions)) or {}
        return {name: read() for name, read in readers.items()}

    @property
    def beside(self) -> dict[str, bytes]:
        """What lies on the disk, by its path below the persona's folder."""
        files = [each for each in sorted((self.path / "ada").rglob("*")) if each.is_file()]
        return {each.relative_to(self.path / "ada").as_posix(): each.read_bytes() for each in files}


def text_of(assets: str = "", persona_id: str = "ada", prompt: str = "You are Ada.") -> str:
    extensions = {"personachat": {"assets": assets}} if assets else {}
    return persona_text(persona_id, systemPrompt=prompt, extensions=extensions)


@pytest.fixture
def folder(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Folder]:
    monkeypatch.setattr(recorded_files, "FOLDERS_SECONDS", 0.0)
    with closing(Database(sqlite_url)) as database:
        yield Folder(tmp_path / "personas", database)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Folder]:
    """Another machine, whose database knows nothing."""
    with closing(Database(f"sqlite:///{tmp_path / 'other.db'}")) as database:
        yield Folder(tmp_path / "copied", database)


def test_the_files_lie_beside_the_persona_and_go_with_it(folder: Folder) -> None:
    folder.store.create(text_of(folder.kept(FILES)))
    assert folder.beside == {
        "assets/bell \u00e4.ogg": OGG,
        "assets/emotion/happy.png": picture(),
        "module.json.asset": b'{"a": 1}',
    }
    folder.store.save(text_of(folder.kept({"assets/bell.ogg": OGG})))
    assert folder.beside == {"assets/bell.ogg": OGG}
    folder.store.rename("ada", "grace")
    assert not (folder.path / "ada").exists()
    assert (folder.path / "grace" / "assets" / "bell.ogg").read_bytes() == OGG
    folder.store.delete("grace")
    assert not (folder.path / "grace").exists()


def test_a_folder_that_is_copied_by_itself_brings_them(folder: Folder, elsewhere: Folder) -> None:
    stored = folder.store.create(text_of(folder.kept(FILES)))
    shutil.copytree(folder.path, elsewhere.path)
    there = elsewhere.look()
    assert there.text == stored.text
    assert elsewhere.of(there) == FILES
    assert [each.action for each in elsewhere.revisions.of("ada")] == ["found"]


def test_what_was_saved_is_not_taken_for_somebodys_edit(folder: Folder) -> None:
    folder.store.create(text_of(folder.kept(FILES)))
    folder.store.save(text_of(folder.kept(FILES), prompt="You are Ada Lovelace."))
    folder.again().all()
    assert [each.action for each in folder.revisions.of("ada")] == ["saved", "created"]


def test_a_file_that_is_put_into_the_folder_or_changed_there_becomes_the_personas(folder: Folder) -> None:
    folder.store.create(text_of(folder.kept(FILES)))
    folder.put("assets/sad.png", picture(size=(8, 8)))
    assert folder.of(folder.look()) == FILES | {"assets/sad.png": picture(size=(8, 8))}
    folder.put("module.json.asset", b'{"a": 2}', after_ns=2 * LATER)
    assert folder.of(folder.look())["module.json"] == b'{"a": 2}'
    assert {each.note for each in folder.revisions.of("ada")} == {"", "Files from ada/"}
    first = folder.revisions.get("ada", 1)
    folder.store.save(first.text)
    assert folder.of(folder.look()) == FILES


def test_files_that_nobody_else_has_are_never_removed(folder: Folder) -> None:
    folder.store.create(text_of(folder.kept(FILES)))
    folder.put("notes/mine.exe", b"MZ\x90\x00" + bytes(60), after_ns=-LATER)
    folder.store.delete("ada")
    assert list(folder.beside) == ["notes/mine.exe"]


def test_a_persona_without_files_has_no_folder_and_one_of_that_name_is_left_alone(folder: Folder) -> None:
    folder.store.create(text_of())
    assert not (folder.path / "ada").exists()
    folder.put("old.txt", b"words", after_ns=-LATER)
    assert set_named_by(folder.look().persona.extensions) == ""
    assert folder.beside == {"old.txt": b"words"}


def test_a_name_in_the_folder_that_no_card_may_have_is_passed_over(folder: Folder) -> None:
    folder.store.create(text_of(folder.kept(FILES)))
    for place in ("%2E%2E/out.png", "card.json.asset", "%2Fetc.png", "a%0Ab.png", ".git/x.png"):
        folder.put(place, OGG)
    folder.put("new.ogg", OGG)
    assert folder.of(folder.look()) == FILES | {"new.ogg": OGG}


def test_of_names_that_differ_in_case_alone_one_is_taken(folder: Folder) -> None:
    folder.store.create(text_of(folder.kept({"bell.ogg": OGG})))
    folder.put("BELL.ogg", OGG)
    folder.put("new.ogg", OGG)
    assert {name.lower() for name in folder.of(folder.look())} == {"bell.ogg", "new.ogg"}
    assert len(folder.of(folder.look())) == 2


def test_links_are_not_followed(folder: Folder, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key.txt").write_bytes(b"secret")
    folder.store.create(text_of(folder.kept(FILES)))
    folder.put("bell.ogg", OGG + b"2")
    (folder.path / "ada" / "out").symlink_to(secret)
    (folder.path / "ada" / "key.txt").symlink_to(secret / "key.txt")
    assert b"secret" not in folder.of(folder.look()).values()
    shutil.rmtree(folder.path / "ada")
    (folder.path / "ada").symlink_to(secret)
    folder.store.save(text_of(folder.kept(FILES), prompt="Again."))
    folder.store.delete("ada")
    assert [each.name for each in secret.iterdir()] == ["key.txt"]


NAMES = [
    *(".git/config", ".envrc", "conftest.py", "Makefile", "CLAUDE.md", "a/.hidden/x.png", "GIF.py"),
    *(
        "CON",
        "nul.png",
        "com1.txt",
        "a:b.png",
        'q"?.ogg',
        "trailing .",
        "dir./x.png",
        "100%.png",
        "%2E%2E/x.png",
    ),
    *("x.asset", "x.png.asset", "x.PNG", "\u00e9.png", "\u202egnp.exe", "deep/" * 20 + "x.png"),
]


@pytest.mark.parametrize("name", NAMES)
def test_no_name_means_anything_to_a_system_and_every_name_comes_back(name: str) -> None:
    place = place_of(name)
    assert name_at(PurePosixPath(place)) == name
    assert not any(part.startswith((".", " ")) or part.endswith((".", " ")) for part in place.parts)
    assert not {"con", "nul", "com1"} & {part.partition(".")[0].lower() for part in place.parts}
    assert place.suffix.lower() in {".asset", ".png", ".ogg"}
    assert not set('<>:"|?*\\') & set(str(place))


def test_a_hostile_cards_names_stay_inside_and_inert(folder: Folder) -> None:
    files = {name: b"words of " + str(number).encode() for number, name in enumerate(NAMES)}
    folder.store.create(text_of(folder.kept(files)))
    assert folder.of(folder.look()) == files
    lying = {each.name for each in folder.path.rglob("*")}
    assert not lying & {".git", ".envrc", "conftest.py", "Makefile", "CLAUDE.md"}
    outside = [each for each in folder.path.parent.rglob("*") if folder.path not in each.parents]
    assert not any(each.suffix in {".png", ".asset", ".ogg"} for each in outside)


def test_a_name_that_is_too_long_for_the_disk_costs_only_the_copy(folder: Folder) -> None:
    files = {"\u00e9" * 200 + ".png": picture(), "bell.ogg": OGG}
    folder.store.create(text_of(folder.kept(files)))
    assert folder.beside == {"bell.ogg": OGG}
    assert folder.of(folder.again().get("ada")) == files


def test_many_personas_without_folders_cost_no_walk(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.store.create(text_of())

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("a folder was walked")

    monkeypatch.setattr("personachat.personas.store.asset_files._marks", fail)
    assert json.loads(folder.look().text)["id"] == "ada"
