"""The files of a CHARX beside its picture: kept to the byte, given back, and never trusted."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from personachat.database.connection import Database
from personachat.errors import ImportRefused
from personachat.personas.assets import sets
from personachat.personas.formats import assets as reading
from personachat.personas.formats import writing
from personachat.personas.formats.safe_zip import archive, entries
from personachat.personas.store.assets import PersonaAssets
from personachat.personas.store.picture_purging import UNNAMED_LIFETIME, purge_pictures
from personachat.personas.store.tables import persona_asset_sets, persona_assets
from personachat.services import Services
from personachat.stamps import now
from tests.conftest import local, persona_text
from tests.pictures.drawn import half_and_half, picture, saved

OGG = b"OggS\x00\x02 a bell"
HAPPY = picture()
SCRIPT = b'{"say": "hello"}'
FILES = {
    "assets/icon/images/main.png": saved(half_and_half((400, 600)), "PNG"),
    "assets/emotion/images/happy.png": HAPPY,
    "assets/other/audio/Glocke \u00e4.ogg": OGG,
    "module.json": SCRIPT,
}
KEPT = {name: content for name, content in FILES.items() if name != "assets/icon/images/main.png"}


def card(**data: Any) -> bytes:
    listed = [
        {"type": "icon", "uri": "embeded://assets/icon/images/main.png", "name": "main", "ext": "png"},
        {"type": "emotion", "uri": "embeded://assets/emotion/images/happy.png", "name": "joy", "ext": "png"},
    ]
    base = {"name": "Robin", "description": "Keeps bees.", "first_mes": "Hello!", "assets": listed}
    return json.dumps({"spec": "chara_card_v3", "spec_version": "3.0", "data": base | data}).encode()


def charx(files: dict[str, bytes] | None = None, **data: Any) -> bytes:
    return archive({"card.json": card(**data), **(FILES if files is None else files)})


def brought(collection: Any, content: bytes) -> Any:
    """The first persona that an import saves."""
    (outcome, *_) = collection.carry_out(collection.plan_import(content), {})
    assert outcome.error is None
    return outcome.saved


def given_back(collection: Any, persona_id: str) -> dict[str, bytes]:
    """The files of its CHARX that came with the card."""
    sent = collection.export(persona_id, "charx")
    assert sent.losses == ()
    return {name: content for name, content in entries(sent.content).items() if name in KEPT}


@pytest.fixture
def collection(services: Services) -> Any:
    return local(services).collection


def test_every_file_of_a_card_comes_back_to_the_byte(collection: Any) -> None:
    plan = collection.plan_import(charx())
    assert not [loss for loss in plan.items[0].losses if "left out" in loss]
    stored = brought(collection, charx())
    assert given_back(collection, stored.id) == KEPT
    listed = json.loads(entries(collection.export(stored.id, "charx").content)["card.json"])["data"]["assets"]
    assert [each["name"] for each in listed] == ["main", "joy"]
    again = collection.plan_import(collection.export(stored.id, "charx").content).items[0]
    assert again.losses == ("Kept but not used: the list of pictures and sounds.",)
    assert collection.plan_import(charx()).items[0].action == "unchanged"


def test_a_bundle_brings_them_to_another_place(
    collection: Any, make_services: Callable[..., Services], tmp_path: Path
) -> None:
    stored = brought(collection, charx())
    sent = collection.bundle([stored.id])
    assert sent.losses == ()
    elsewhere = local(make_services(personas_dir=tmp_path / "p2", data_dir=tmp_path / "d2")).collection
    assert brought(elsewhere, sent.content).text == stored.text
    assert given_back(elsewhere, stored.id) == KEPT


@pytest.mark.parametrize("top", ["", "personas/"])
def test_a_folder_of_personas_that_was_packed_brings_them(
    collection: Any, make_services: Callable[..., Services], tmp_path: Path, top: str
) -> None:
    stored = brought(collection, charx())
    elsewhere = local(make_services(personas_dir=tmp_path / "p2", data_dir=tmp_path / "d2")).collection
    folder = tmp_path / "personas"
    packed = {
        f"{top}{file.relative_to(folder).as_posix()}": file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name[0] != "." and file.relative_to(folder).parts[0].startswith("robin")
    }
    assert f"{top}robin/module.json.asset" in packed
    plan = elsewhere.plan_import(archive(packed))
    assert not plan.items[0].losses
    assert brought(elsewhere, archive(packed)).text == stored.text
    assert given_back(elsewhere, stored.id) == KEPT


def test_copies_new_ids_deletion_and_earlier_versions_keep_them(collection: Any) -> None:
    stored = brought(collection, charx())
    copy = collection.create(stored.text.replace(f'"id": "{stored.id}"', '"id": "copied"'))
    renamed = collection.rename(stored.id, "rowan")
    assert given_back(collection, copy.id) == given_back(collection, renamed.id) == KEPT
    first = collection.history("rowan")[0].number
    bare = collection.save(json.dumps(json.loads(renamed.text) | {"extensions": {}}), etag=renamed.etag)
    assert len(entries(collection.export(bare.id, "charx").content)) == 2  # the card and its picture
    collection.restore("rowan", first)
    assert given_back(collection, "rowan") == KEPT
    collection.delete("rowan")
    collection.bring_back("rowan")
    assert given_back(collection, "rowan") == KEPT


def test_other_formats_say_that_they_stay_behind(collection: Any) -> None:
    stored = brought(collection, charx())
    for kind in ("json", "card-v3", "card-png", "markdown"):
        assert any("3 other files" in loss for loss in collection.export(stored.id, kind).losses), kind


def test_a_text_that_names_files_which_are_not_here_says_so(collection: Any) -> None:
    named = {"extensions": {"personachat": {"assets": "0" * 32}}}
    text = json.dumps(json.loads(persona_text("one")) | named)
    plan = collection.plan_import(text.encode())
    assert any("other files of the card" in loss for loss in plan.items[0].losses)
    collection.carry_out(plan, {})
    assert any("missing" in loss for loss in collection.export("one", "charx").losses)
    assert any("1 of the personas" in loss for loss in collection.bundle(["one"]).losses)


@pytest.mark.parametrize("named", [7, None, "", "../../etc/passwd", ["0" * 32], {"a": 1}, "0" * 33])
def test_a_text_may_name_nonsense(collection: Any, named: object) -> None:
    text = json.dumps(json.loads(persona_text("one")) | {"extensions": {"personachat": {"assets": named}}})
    brought(collection, text.encode())
    assert collection.export("one", "charx").content
    assert collection.export("one", "bundle").content


HOSTILE = {
    "a zip": archive({"inner.txt": b"x" * 99}),
    "gzip": b"\x1f\x8b\x08\x00" + bytes(40),
    "a program": b"MZ\x90\x00" + bytes(60),
    "an ELF program": b"\x7fELF" + bytes(60),
    "a shell script": b"#!/bin/sh\nrm -rf /",
    "a page": b"\xef\xbb\xbf <!DOCTYPE html><script>alert(1)</script>",
    "a drawing": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "PHP": b"<?php system($_GET['x']); ?>",
    "a tar": bytes(257) + b"ustar" + bytes(300),
    "nothing": b"",
    "unknown bytes": bytes(range(256)),
    "other RIFF": b"RIFF\x10\x00\x00\x00RMID data",
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_media_or_text_is_left_out_by_name_and_the_rest_is_kept(
    collection: Any, content: bytes
) -> None:
    plan = collection.plan_import(charx({"assets/hidden.png": content, "assets/bell.ogg": OGG}))
    (loss,) = (each for each in plan.items[0].losses if "left out" in each)
    assert '"assets/hidden.png"' in loss
    collection.carry_out(plan, {})
    files = entries(collection.export("robin", "charx").content)
    assert files["assets/bell.ogg"] == OGG
    assert "assets/hidden.png" not in files


@pytest.mark.parametrize("name", ["../out.ogg", "a/../../out.ogg", "/etc/x.ogg", "C:\\x.ogg", "a\x00b.ogg"])
def test_a_card_with_a_name_that_leads_elsewhere_is_refused(collection: Any, name: str) -> None:
    content = charx({"assets/AAAAAAAAAAA": OGG}).replace(b"assets/AAAAAAAAAAA", name.encode().ljust(18, b"x"))
    with pytest.raises(ImportRefused):
        collection.plan_import(content)


@pytest.mark.parametrize(
    "name", ["../out.ogg", "card.json", "CARD.JSON", "card.json/x.ogg", "assets/", "a\\b", "x" * 300, ""]
)
def test_a_bundle_cannot_give_a_file_a_name_that_no_card_may_have(collection: Any, name: str) -> None:
    text = persona_text("one")
    listed = {
        "id": "one",
        "name": "One",
        "file": "personas/one.json",
        "etag": "e",
        "assets": {name: "assets/1", "assets/bell.ogg": "assets/1", "ASSETS/Bell.ogg": "assets/1"},
    }
    manifest = {"format": "personachat-bundle", "version": 2, "personas": [listed]}
    content = archive(
        {
            "manifest.json": json.dumps(manifest).encode(),
            "personas/one.json": text.encode(),
            "assets/1": OGG,
        }
    )
    plan = collection.plan_import(content)
    assert any("a name that can't be used" in loss for loss in plan.items[0].losses)
    collection.carry_out(plan, {})
    sent = collection.export("one", "charx").content
    assert [each for each in entries(sent) if each.lower().endswith(".ogg")] == ["assets/bell.ogg"]
    assert collection.plan_import(sent).items[0].action == "unchanged"


def test_what_is_beyond_the_limits_is_said_and_the_rest_is_kept(
    collection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOST_FILES", 3)
    monkeypatch.setattr(reading, "MOST_FILE_BYTES", 1_000)
    many = {f"assets/{number}.txt": f"sound {number}".encode() for number in range(5)}
    plan = collection.plan_import(charx({"assets/big.txt": b"la " * 500, **many}))
    losses = " ".join(plan.items[0].losses)
    assert '"assets/big.txt"' in losses
    assert '"assets/3.txt", "assets/4.txt"' in losses
    collection.carry_out(plan, {})
    kept = {name for name in entries(collection.export("robin", "charx").content) if name in many}
    assert kept == {"assets/0.txt", "assets/1.txt", "assets/2.txt"}


def test_all_together_have_a_limit(collection: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_BYTES", 25)
    plan = collection.plan_import(charx({"1.txt": b"a" * 10, "2.txt": b"b" * 20, "3.txt": b"c" * 10}))
    assert any('"2.txt"' in loss and "in all" in loss for loss in plan.items[0].losses)


def test_a_bomb_among_the_files_is_never_unpacked(collection: Any) -> None:
    bomb = archive({"card.json": card(), "assets/bomb.txt": b"a" * 8_000_000, "assets/bell.ogg": OGG})
    packed = bomb if len(bomb) < 100_000 else _deflated(b"a" * 8_000_000)
    plan = collection.plan_import(packed)
    assert any("assets/bomb.txt" in loss for loss in plan.items[0].losses)
    collection.carry_out(plan, {})
    assert entries(collection.export("robin", "charx").content)["assets/bell.ogg"] == OGG


def _deflated(content: bytes) -> bytes:
    import io
    import zipfile

    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("card.json", card())
        packed.writestr("assets/bomb.txt", content)
        packed.writestr("assets/bell.ogg", OGG)
    return written.getvalue()


def test_a_long_dull_file_is_not_taken_for_a_bomb_on_its_way_back(collection: Any) -> None:
    dull = b"BM" + bytes(3_000_000)
    stored = brought(collection, archive({"card.json": card(), "assets/dull.bmp": dull}))
    sent = collection.export(stored.id, "charx").content
    assert collection.plan_import(sent).items[0].losses == ()
    assert entries(sent)["assets/dull.bmp"] == dull


def test_the_same_file_under_two_names_is_kept_once(collection: Any, services: Services) -> None:
    brought(collection, charx({"a.ogg": OGG, "b.ogg": OGG, "c.txt": b"words"}))
    with services.database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(persona_assets)) == 2


def test_a_name_that_the_picture_would_take_stays_the_files_own(collection: Any) -> None:
    face = saved(half_and_half((300, 300)), "PNG")
    listed = [{"type": "icon", "uri": "embeded://face.png", "name": "main", "ext": "png"}]
    other = {"face.png": face, "assets/icon/images/main.png": HAPPY}
    stored = brought(collection, charx(other, assets=listed))
    files = entries(collection.export(stored.id, "charx").content)
    assert files["assets/icon/images/main.png"] == HAPPY
    (icon,) = json.loads(files["card.json"])["data"]["assets"]
    assert files[icon["uri"].removeprefix("embeded://")] == collection.picture(stored.id)[1]


def test_a_bundle_has_a_limit_of_files_and_says_whose_stay_behind(
    collection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "MOST_BUNDLED_FILES", 2)
    brought(collection, charx())
    assert any("has no room" in loss for loss in collection.bundle(["robin"]).losses)


def test_they_go_once_no_version_names_them(collection: Any, services: Services) -> None:
    stored = brought(collection, charx())
    loose = sets.AssetSet.of({"x.txt": sets.digest_of(b"loose")})
    PersonaAssets(services.database).keep(sets.AssetsOnTheirWay(loose, {sets.digest_of(b"loose"): _Loose()}))
    texts = [stored.text]
    assert purge_pictures(services.database, texts=texts) == 0
    _age(services.database)
    assert purge_pictures(services.database, texts=texts) == 2  # the set, and its file
    assert given_back(collection, stored.id) == KEPT


class _Loose:
    digest = sets.digest_of(b"loose")
    content = b"loose"


def _age(database: Database) -> None:
    with database.write() as connection:
        old = now() - UNNAMED_LIFETIME - timedelta(minutes=1)
        for table in (persona_assets, persona_asset_sets):
            connection.execute(update(table).values(created_at=old))
