"""A persona's picture on its ways: in with cards and bundles, out again, and over HTTP."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from personachat.errors import EditingNotAllowed, PictureNotFound, PictureRefused
from personachat.personas.formats.cards.png import write_png_card
from personachat.personas.formats.safe_zip import archive, entries
from personachat.personas.pictures.reading import read_picture
from personachat.services import Services
from tests.api.conftest import served
from tests.conftest import local, persona_text
from tests.personas.formats.test_card_pictures import exif, jpeg
from tests.pictures.drawn import (
    BLUE,
    RED,
    chunk,
    half_and_half,
    head_of_png,
    noise,
    opened,
    picture,
    saved,
    with_chunks,
)

CARD: dict[str, Any] = {
    "spec": "chara_card_v3",
    "spec_version": "3.0",
    "data": {
        "name": "Robin",
        "description": "Robin keeps bees.",
        "first_mes": "Hello!",
        "assets": [
            {"type": "background", "uri": "https://example.org/b.png", "name": "main", "ext": "png"},
            {"type": "icon", "uri": "embeded://assets/icon/images/other.png", "name": "sad", "ext": "png"},
            {"type": "icon", "uri": "embeded://assets/icon/images/1.jpeg", "name": "main", "ext": "jpeg"},
        ],
    },
}
TEXT = json.dumps(CARD)
PORTRAIT = saved(half_and_half((400, 600)), "PNG")


def card_png(image: bytes = PORTRAIT) -> bytes:
    return write_png_card(image, v2_text=TEXT, v3_text=TEXT)


def charx(**files: bytes) -> bytes:
    return archive({"card.json": TEXT.encode()} | files)


ICONS = {
    "assets/icon/images/1.jpeg": saved(half_and_half((400, 600)), "JPEG"),
    "assets/icon/images/other.png": picture(),
}


@pytest.fixture
def collection(services: Services) -> Any:
    return local(services).collection


def brought(collection: Any, content: bytes) -> Any:
    """The first persona that an import saves."""
    (outcome, *_) = collection.carry_out(collection.plan_import(content), {})
    assert outcome.error is None
    return outcome.saved


@pytest.mark.parametrize(
    "content",
    [
        card_png(),
        jpeg(exif(TEXT.encode()))[:-2] + saved(half_and_half((400, 600)), "JPEG")[2:],
        charx(**ICONS),
        saved(half_and_half((400, 600)), "JPEG") + charx(),
        archive({"cards/robin.png": card_png()}),
    ],
    ids=["PNG", "JPEG", "CHARX", "CHARX behind a JPEG", "an archive of cards"],
)
def test_a_card_brings_its_whole_picture(collection: Any, content: bytes) -> None:
    stored = brought(collection, content)
    name, png = collection.picture(stored.id)
    image = opened(png)
    assert (name, image.format, image.size) == (stored.persona.picture, "PNG", (400, 600))
    red, _, _ = image.split()
    above, below = (red.crop(box).tobytes() for box in ((0, 0, 400, 290), (0, 310, 400, 600)))
    assert min(above) > 150 > max(below)
    again = collection.plan_import(content).items[0]
    assert again.action == "unchanged"
    assert not any("picture was left out" in loss for loss in again.losses)


@pytest.mark.parametrize(
    "image",
    [
        with_chunks(picture(size=(8, 8)))[:60] + chunk(b"IDAT", b"no pixels") + chunk(b"IEND", b""),
        head_of_png((5000, 4000)) + chunk(b"IDAT", b"") + chunk(b"IEND", b""),
    ],
    ids=["damaged", "too large"],
)
def test_a_picture_that_cannot_be_read_does_not_lose_the_cards_text(collection: Any, image: bytes) -> None:
    content = charx(**{"assets/icon/images/1.jpeg": image})
    (item,) = collection.plan_import(content).items
    assert any("The picture was left out." in loss for loss in item.losses)
    stored = brought(collection, content)
    assert (stored.persona.name, stored.persona.picture) == ("Robin", "")


@pytest.mark.parametrize("cut", [20, 200, 1500])
def test_a_card_that_breaks_off_behind_its_text_comes_without_the_picture(collection: Any, cut: int) -> None:
    whole = saved(noise((40, 40)), "PNG")
    text = base64.b64encode(TEXT.encode())
    content = with_chunks(whole, chunk(b"tEXt", b"ccv3\0" + text))[:-cut]
    (item,) = collection.plan_import(content).items
    assert item.name == "Robin"
    assert any("The picture was left out." in loss for loss in item.losses)
    assert brought(collection, content).persona.picture == ""


@pytest.mark.parametrize("kind", ["card-png", "charx", "bundle"])
def test_what_leaves_with_its_picture_comes_back_with_it(
    collection: Any, make_services: Callable[..., Services], tmp_path: Path, kind: Any
) -> None:
    stored = brought(collection, card_png())
    sent = collection.bundle([stored.id]) if kind == "bundle" else collection.export(stored.id, kind)
    assert not any("The picture" in loss for loss in sent.losses)
    there = local(make_services(personas_dir=tmp_path / "p2", data_dir=tmp_path / "d2")).collection
    back = brought(there, sent.content)
    assert there.picture(back.id) == collection.picture(stored.id)
    assert collection.plan_import(sent.content).items[0].action == "unchanged"


def test_the_assets_of_a_card_survive_the_way_back(collection: Any) -> None:
    stored = brought(collection, charx(**ICONS))
    sent = collection.export(stored.id, "charx")
    files = entries(sent.content)
    background, other, icon = json.loads(files["card.json"])["data"]["assets"]
    assert other == CARD["data"]["assets"][1]
    assert files["assets/icon/images/other.png"] == ICONS["assets/icon/images/other.png"]
    assert background == CARD["data"]["assets"][0]
    assert (icon["type"], icon["name"], icon["ext"]) == ("icon", "main", "png")
    assert files[icon["uri"].removeprefix("embeded://")] == collection.picture(stored.id)[1]
    assert sent.losses == ()


def test_a_folder_of_personas_that_was_packed_brings_the_pictures_beside_them(collection: Any) -> None:
    made = read_picture(saved(noise((30, 30)), "PNG"), square=True)
    files = {"ada.json": persona_text("ada", picture=made.digest).encode(), "ada.png": made.content}
    stored = brought(collection, archive(files))
    assert collection.picture(stored.id) == (made.digest, made.content)
    broken = {"bob.json": persona_text("bob", picture="0" * 32).encode(), "bob.png": made.content[:99]}
    (item,) = collection.plan_import(archive(broken)).items
    assert any("The picture was left out." in loss for loss in item.losses)
    assert item.arrival.persona.picture == ""


def test_a_cover_that_was_drawn_for_want_of_a_picture_is_none(collection: Any) -> None:
    collection.create(persona_text("plain"))
    for kind in ("card-png", "charx"):
        (item,) = collection.plan_import(collection.export("plain", kind).content).items
        assert (item.action, item.arrival.persona.picture) == ("unchanged", "")


@pytest.mark.parametrize("kind", ["json", "card-v1", "card-v2", "card-v3", "open-webui", "markdown"])
def test_a_format_without_room_for_the_picture_says_so(collection: Any, kind: Any) -> None:
    stored = brought(collection, card_png())
    assert any("picture" in loss for loss in collection.export(stored.id, kind).losses)


def test_a_file_that_names_a_picture_without_bringing_it_says_so(collection: Any) -> None:
    (item,) = collection.plan_import(persona_text("lost", picture="0" * 32).encode()).items
    assert any("doesn't include it" in loss for loss in item.losses)


def test_copies_restored_versions_and_links_have_the_picture(services: Services, collection: Any) -> None:
    name = collection.add_picture(picture())
    collection.create(persona_text("ada"))
    collection.set_picture("ada", name)
    collection.set_picture("ada", "")
    assert [each.note for each in collection.history("ada")] == ["Picture removed", "A picture", ""]
    assert collection.restore("ada", 2).persona.picture == name
    collection.delete("ada")
    assert collection.bring_back("ada").persona.picture == name
    link = collection.link("ada")
    plan = collection.plan_link(link.persona) if link.persona else collection.plan_share(link.share.token)
    assert plan.items[0].arrival.persona.picture == name


def test_many_pictures_wait_outside_of_memory(collection: Any) -> None:
    files = {f"{number}.png": card_png(saved(noise((20, 20)), "PNG")) for number in range(4)}
    plan = collection.plan_import(archive(files))
    pictures = [item.arrival.picture for item in plan.items]
    assert len({each.content for each in pictures if each}) == 4
    assert all(type(each).__name__ == "ShelvedPicture" for each in pictures)


def test_who_may_not_edit_adds_no_picture(services: Services, collection: Any) -> None:
    visitor = services.of("browser:a-visitor", may_edit=False).collection
    with pytest.raises(EditingNotAllowed):
        visitor.add_picture(picture())
    (outcome,) = visitor.carry_out(visitor.plan_import(card_png()), {})
    assert isinstance(outcome.error, EditingNotAllowed)
    digest = read_picture(PORTRAIT, square=False).digest
    assert services.pictures.existing([digest]) == frozenset()


# --- over HTTP ------------------------------------------------------------------------------------

PLACE = "/personas/tester/picture"


@pytest.fixture
def client(services: Services) -> Iterator[httpx2.Client]:
    with served(services) as made:
        yield made


def test_a_picture_is_put_read_and_taken_away(client: httpx2.Client) -> None:
    assert client.get(PLACE).status_code == 404
    assert client.get(PLACE).json()["code"] == "picture_not_found"
    put = client.put(PLACE, content=picture("JPEG", (900, 600)), headers={"Content-Type": "image/jpeg"})
    assert put.status_code == 200
    got = client.get(PLACE)
    assert got.headers["content-type"] == "image/png"
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["etag"] == put.headers["etag"] == f'"{put.json()["picture"]}"'
    assert opened(got.content).size == (600, 600)
    assert client.get(PLACE, headers={"If-None-Match": got.headers["etag"]}).status_code == 304
    small = client.get(PLACE, params={"size": "small"})
    assert opened(small.content).size == (128, 128)
    assert small.headers["etag"] != got.headers["etag"]
    persona = client.get("/personas/tester")
    assert persona.headers["etag"] == f'"{put.json()["personaEtag"]}"'
    assert persona.json()["picture"] == put.json()["picture"]
    assert client.delete(PLACE).status_code == 204
    assert client.get(PLACE).status_code == client.delete(PLACE).status_code == 404
    assert client.post("/personas/tester/restore", json={"revision": 2}).status_code == 200
    assert client.get(PLACE).content == got.content


def test_a_picture_comes_as_a_form_too(client: httpx2.Client) -> None:
    put = client.put(PLACE, files={"file": ("me.txt", picture("WEBP"), "text/plain")})
    assert put.status_code == 200


def test_a_picture_is_put_only_over_the_one_that_is_named(client: httpx2.Client) -> None:
    def put(colour: tuple[int, int, int], **headers: str) -> httpx2.Response:
        headers["Content-Type"] = "image/png"
        return client.put(PLACE, content=picture(colour=colour), headers=headers)

    red = put(RED, **{"If-None-Match": "*"}).headers["etag"]
    assert put(BLUE, **{"If-None-Match": "*"}).status_code == 412
    assert put(BLUE, **{"If-Match": red}).status_code == 200
    stale = put(RED, **{"If-Match": red})
    assert (stale.status_code, stale.json()["code"]) == (412, "picture_changed")
    assert client.delete(PLACE, headers={"If-Match": red}).status_code == 412


@pytest.mark.parametrize(
    "content", [b"", b"<svg xmlns='x' onload='alert(1)'/>", b"GIF89a", picture()[:50], b"\x89PNG\r\n\x1a\n"]
)
def test_what_is_no_picture_is_refused_and_changes_nothing(client: httpx2.Client, content: bytes) -> None:
    before = client.get("/personas/tester").headers["etag"]
    refused = client.put(PLACE, content=content, headers={"Content-Type": "image/png"})
    assert (refused.status_code, refused.json()["code"]) == (422, "picture_refused")
    assert client.get("/personas/tester").headers["etag"] == before


def test_too_many_bytes_are_refused_before_they_are_read(client: httpx2.Client) -> None:
    refused = client.put(PLACE, content=bytes(33 * 1024 * 1024), headers={"Content-Type": "image/png"})
    assert refused.status_code == 413


def test_a_persona_that_is_not_there_has_no_picture(client: httpx2.Client, collection: Any) -> None:
    assert client.get("/personas/nobody/picture").json()["code"] == "persona_not_found"
    assert client.put("/personas/nobody/picture", content=picture()).status_code == 404
    with pytest.raises(PictureNotFound):
        collection.picture("tester")
    with pytest.raises(PictureRefused):
        collection.add_picture(b"")
