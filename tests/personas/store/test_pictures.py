"""Pictures of personas in the stores: kept once, with every version, and beside the files of a folder."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from personachat.database.connection import Database
from personachat.personas.persona import Persona, dump_persona
from personachat.personas.pictures.reading import read_picture
from personachat.personas.store.base import StoredPersona
from personachat.personas.store.pictures import PersonaPictures
from personachat.personas.store.recorded_files import RecordedFiles
from personachat.personas.store.revisions import SqlRevisions
from personachat.personas.store.seeding import open_store
from personachat.settings import load_settings
from tests.personas.store.conftest import Replicas
from tests.pictures.drawn import BLUE, RED, noise, opened, picture, saved

LATER = 5_000_000_000


def text_of(persona_id: str = "ada", *, picture: str = "", prompt: str = "You are Ada.") -> str:
    return dump_persona(Persona(id=persona_id, name="Ada", system_prompt=prompt, picture=picture))


def kept(database: Database, *, colour: tuple[int, int, int] = RED) -> str:
    made = read_picture(picture(colour=colour), square=True)
    PersonaPictures(database).keep(made)
    return made.digest


def test_a_picture_is_kept_once(database: Database) -> None:
    pictures, red = PersonaPictures(database), read_picture(picture(), square=True)
    pictures.keep(red)
    pictures.keep(red)
    assert pictures.content(red.digest) == red.content
    assert pictures.thumbs([red.digest, "0" * 32]) == {red.digest: red.thumb}
    assert pictures.existing([red.digest, "0" * 32]) == {red.digest}
    assert pictures.content("0" * 32) is None


def test_many_thumbs_come_together(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("personachat.personas.store.pictures._AT_ONCE", 2)
    pictures = PersonaPictures(database)
    made = [read_picture(picture(colour=(number, 9, 9)), square=True) for number in range(5)]
    for each in made:
        pictures.keep(each)
    assert pictures.thumbs(each.digest for each in made) == {each.digest: each.thumb for each in made}


def test_every_version_has_its_picture_and_a_deleted_persona_comes_back_with_it(replicas: Replicas) -> None:
    store, revisions = replicas.open()
    red, blue = kept(replicas.database()), kept(replicas.database(), colour=BLUE)
    store.create(text_of(picture=red))
    store.save(text_of(picture=blue))
    store.save(text_of())
    numbers = (3, 2, 1)
    assert [json.loads(revisions.get("ada", number).text).get("picture") for number in numbers] == [
        None,
        blue,
        red,
    ]
    store.save(revisions.get("ada", 1).text)
    gone = store.delete("ada")
    assert store.create(gone.text).persona.picture == red
    other, _ = replicas.open()
    assert other.get("ada").persona.picture == red


class Folder:
    def __init__(self, path: Path, database: Database) -> None:
        self.path, self.database = path, database
        self.store = self.again()
        self.revisions = SqlRevisions(database, place="folder")

    def again(self) -> RecordedFiles:
        """The folder as another process sees it."""
        return RecordedFiles(self.path, SqlRevisions(self.database, place="folder"), self.database)

    def put(self, content: bytes, persona_id: str = "ada", *, after_ns: int = LATER) -> None:
        """Put a picture there by hand, so much later than the persona was saved."""
        file = self.path / f"{persona_id}.png"
        file.write_bytes(content)
        text = (self.path / f"{persona_id}.json").stat()
        os.utime(file, ns=(text.st_mtime_ns + after_ns, text.st_mtime_ns + after_ns))

    def look(self) -> StoredPersona:
        self.store.all()
        return self.store.get("ada")

    @property
    def picture(self) -> bytes:
        return (self.path / "ada.png").read_bytes()


@pytest.fixture
def folder(tmp_path: Path, sqlite_url: str) -> Iterator[Folder]:
    with closing(Database(sqlite_url)) as database:
        yield Folder(tmp_path / "personas", database)


def test_the_picture_lies_beside_the_file_and_goes_with_it(folder: Folder) -> None:
    red, blue = kept(folder.database), kept(folder.database, colour=BLUE)
    folder.store.create(text_of(picture=red))
    assert folder.picture == PersonaPictures(folder.database).content(red)
    folder.store.save(text_of(picture=blue))
    assert folder.picture == PersonaPictures(folder.database).content(blue)
    folder.store.save(text_of())
    assert not (folder.path / "ada.png").exists()
    folder.store.save(text_of(picture=red))
    folder.store.delete("ada")
    assert list(folder.path.glob("*.png")) == []


def test_what_was_saved_is_not_taken_for_somebodys_edit(folder: Folder) -> None:
    red = kept(folder.database)
    folder.store.create(text_of(picture=red))
    folder.store.save(text_of(picture=red, prompt="You are Ada Lovelace."))
    again = folder.again()
    again.all()
    assert again.get("ada").persona.picture == red
    assert [each.action for each in folder.revisions.of("ada")] == ["saved", "created"]


def test_a_picture_that_is_put_into_the_folder_becomes_the_personas(folder: Folder) -> None:
    folder.store.create(text_of())
    hostile = saved(noise((1500, 1500)), "JPEG") + b"<script>alert(1)</script>"
    folder.put(hostile)
    stored = folder.look()
    assert stored.persona.picture
    assert opened(folder.picture).format == "PNG", "what lies there is drawn anew"
    assert b"script" not in folder.picture
    last = folder.revisions.of("ada")[0]
    assert (last.action, last.note) == ("found", "Picture from ada.png")
    assert folder.look() is stored, "and once"
    assert folder.again().get("ada").persona.picture == stored.persona.picture


def test_another_picture_in_its_place_is_found_by_every_process(folder: Folder) -> None:
    folder.store.create(text_of(picture=kept(folder.database)))
    folder.put(picture(colour=BLUE))
    other = folder.again()
    other.all()
    assert other.get("ada").persona.picture == kept(folder.database, colour=BLUE)
    assert folder.look().persona.picture == kept(folder.database, colour=BLUE)


def test_a_picture_that_is_taken_out_of_the_text_by_hand_stays_out(folder: Folder) -> None:
    folder.store.create(text_of(picture=kept(folder.database)))
    folder.look()
    (folder.path / "ada.json").write_text(text_of(), encoding="utf-8")
    assert folder.look().persona.picture == ""
    other = folder.again()
    other.all()
    assert other.get("ada").persona.picture == ""


def test_a_folder_from_elsewhere_brings_its_pictures(folder: Folder) -> None:
    made = read_picture(saved(noise((50, 50)), "PNG"), square=True)
    folder.path.mkdir()
    (folder.path / "ada.json").write_text(text_of(picture=made.digest), encoding="utf-8")
    folder.put(made.content, after_ns=-LATER)
    assert folder.look().persona.picture == made.digest
    assert PersonaPictures(folder.database).content(made.digest) == made.content
    assert len(folder.revisions.of("ada")) == 1


@pytest.mark.parametrize("content", [b"", b"<svg/>", b"\x89PNG\r\n\x1a\n", picture()[:40]])
def test_what_is_no_picture_changes_nothing(folder: Folder, content: bytes) -> None:
    folder.store.create(text_of())
    folder.put(content)
    assert folder.look().persona.picture == ""
    assert folder.picture == content
    assert len(folder.revisions.of("ada")) == 1


def test_a_picture_without_a_persona_and_a_folder_of_that_name_are_left_alone(folder: Folder) -> None:
    folder.store.create(text_of())
    (folder.path / "screenshot.png").write_bytes(picture())
    (folder.path / "ada.png").mkdir()
    assert folder.look().persona.picture == ""
    assert (folder.path / "screenshot.png").read_bytes() == picture()


def test_many_versions_hold_one_picture(folder: Folder) -> None:
    red = kept(folder.database)
    for number in range(12):
        folder.store.save(text_of(picture=red, prompt=f"You are Ada, version {number}."))
    with folder.database.read() as connection:
        count = connection.exec_driver_sql("SELECT count(*) FROM persona_pictures").scalar()
    assert count == 1
    assert len(folder.revisions.of("ada", limit=50)) == 12


def test_a_database_begins_with_the_pictures_of_its_folder(tmp_path: Path, database: Database) -> None:
    made = read_picture(saved(noise((50, 50)), "PNG"), square=True)
    (tmp_path / "ada.json").write_text(text_of(picture=made.digest), encoding="utf-8")
    (tmp_path / "ada.png").write_bytes(made.content)
    settings = load_settings(personas_dir=tmp_path, persona_store="database", database_url="sqlite://")
    store, _ = open_store(settings, database)
    assert store.get("ada").persona.picture == made.digest
    assert PersonaPictures(database).content(made.digest) == made.content
