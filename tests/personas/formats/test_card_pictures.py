"""Cards as people have them: compressed, in other pictures, in other encodings, and with twenty times a
persona's size around them."""

from __future__ import annotations

import base64
import json
import mmap
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest

from personachat.errors import ImportRefused
from personachat.personas.formats.cards.card import read_card, write_card
from personachat.personas.formats.reading import read_file
from personachat.personas.formats.safe_zip import archive
from personachat.personas.persona import Persona
from tests.personas.formats.costs import little_memory
from tests.personas.formats.test_png import chunk, png, text


def card(**data: Any) -> dict[str, Any]:
    base = {"name": "Ana", "description": "Keeps the light.", "first_mes": "Evening.", "extensions": {}}
    return {"spec": "chara_card_v2", "spec_version": "2.0", "data": base | data}


CARD = json.dumps(card()).encode()
IN_64 = base64.b64encode(CARD)


def persona(content: bytes) -> Persona:
    with little_memory():
        (found,) = read_file(content).arrivals
    return found.persona


def exif(comment: bytes, order: str = "<") -> bytes:
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8)
    first = struct.pack(order + "HHHII", 1, 0x8769, 4, 1, 26) + bytes(4)
    second = struct.pack(order + "HHHII", 1, 0x9286, 7, len(comment), 44) + bytes(4)
    return head + first + second + comment


def jpeg(block: bytes) -> bytes:
    segment = b"Exif\0\0" + block
    return b"\xff\xd8\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + b"\xff\xd9"


def webp(block: bytes) -> bytes:
    piece = b"EXIF" + struct.pack("<I", len(block)) + block + bytes(len(block) % 2)
    return b"RIFF" + struct.pack("<I", 4 + len(piece)) + b"WEBP" + piece


@pytest.mark.parametrize(
    "piece",
    [
        chunk(b"zTXt", b"chara\0\0" + zlib.compress(IN_64)),
        chunk(b"iTXt", b"ccv3\0\1\0en\0\0" + zlib.compress(IN_64)),
        chunk(b"iTXt", b"chara\0\0\0\0\0" + IN_64),
        chunk(b"tEXt", b"Chara\0" + CARD),
        chunk(b"tEXt", b"chara\0" + base64.urlsafe_b64encode(CARD).rstrip(b"=")),
        chunk(b"tEXt", b"chara\0" + base64.encodebytes(CARD)),
        chunk(b"tEXt", b"ccv3\0!not a card!") + text(b"chara", CARD.decode()),
        chunk(b"acTL", bytes(8)) + text(b"chara", CARD.decode()),
    ],
    ids=["zTXt", "iTXt", "iTXt plain", "JSON", "URL-safe", "lines", "a broken one first", "APNG"],
)
def test_a_card_is_read_from_every_kind_of_text_in_a_png(piece: bytes) -> None:
    assert persona(png(piece)).name == "Ana"


@pytest.mark.parametrize(
    "content",
    [
        jpeg(exif(b"ASCII\0\0\0" + CARD)),
        jpeg(exif(b"UNICODE\0" + CARD.decode().encode("utf-16-be"), ">")),
        webp(exif(CARD)),
        webp(exif(IN_64)),
        webp(exif(b"ASCII\0\0\0" + ",".join(map(str, CARD)).encode())),
    ],
    ids=["JPEG", "JPEG in UTF-16", "WebP", "WebP base64", "WebP as numbers"],
)
def test_a_card_is_read_from_the_comment_of_other_pictures(content: bytes) -> None:
    assert persona(content).name == "Ana"


TABLE = struct.pack("<HHII", 0x8769, 4, 1, 8)


@pytest.mark.parametrize(
    "content",
    [
        png(chunk(b"zTXt", b"chara\0\0" + zlib.compress(b"0" * 10**8))),
        png(*[chunk(b"iTXt", b"ccv3\0\1\0\0\0" + zlib.compress(b"0" * 10**8))] * 20),
        png(chunk(b"zTXt", b"chara\0\0" + zlib.compress(CARD)[:-4])),
        png(chunk(b"zTXt", b"chara\0")),
        png(chunk(b"iTXt", b"chara\0\1\0no end")),
        jpeg(b"II*\0\x08\0\0\0" + struct.pack("<H", 0xFFFF) + TABLE * 4_000),
        jpeg(b"II*\0\x08\0\0\0" + struct.pack("<HHHII", 1, 0x9286, 7, 2**32 - 1, 8)),
        jpeg(exif(b"UNICODE\0" + b"\xd8\x00" * 1_000)),
        b"\xff\xd8" + b"\xff\xe1\0\2" * 200_000,
        b"\xff\xd8\xff\xe1\xff\xff",
        b"RIFF\0\0\0\0WEBP" + b"XXXX\0\0\0\0" * 500_000,
        b"RIFF\0\0\0\0WEBPEXIF\xff\xff\xff\xff",
        webp(exif(b"1," * 8_000_000 + b"1")),
    ],
)
def test_tricks_in_pictures_are_refused_cheaply(content: bytes) -> None:
    with pytest.raises(ImportRefused), little_memory():
        read_file(content)


def charx(front: bytes = b"", *, absolute: bool = False, **files: bytes) -> bytes:
    packed = archive({"card.json": CARD} | {f"assets/{name}": each for name, each in files.items()})
    if not absolute:
        return front + packed
    import io
    import zipfile

    made = io.BytesIO(front)
    made.seek(len(front))
    with zipfile.ZipFile(made, "a") as opened:
        opened.writestr("card.json", CARD)
    return made.getvalue()


@pytest.mark.parametrize("absolute", [False, True])
def test_a_charx_behind_a_jpeg_is_read(*, absolute: bool) -> None:
    front = jpeg(exif(b"ASCII\0\0\0a photo")) + bytes(200)
    assert persona(charx(front, absolute=absolute)).name == "Ana"


def test_archives_among_a_charxs_assets_do_no_harm() -> None:
    (found,) = read_file(charx(model=archive({"a.json": b"{}"}))).arrivals
    assert found.persona.name == "Ana"
    assert any("One file in the card" in loss for loss in found.losses)


def test_a_charx_of_200_mb_is_read_without_being_held(tmp_path: Path) -> None:
    path = tmp_path / "big.charx"
    import zipfile

    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as made:
        for number in range(20):
            made.writestr(f"assets/{number}.bin", bytes(10_000_000))
        made.writestr("card.json", CARD)
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
        little_memory(),
    ):
        (found,) = read_file(content).arrivals
    assert found.persona.name == "Ana"


CAFE = card(name="Café Zoë", description="sert du thé à l'île")
TOWER = card(name="灯塔守护者", description="他守护着港口的灯塔和海港。")


@pytest.mark.parametrize(
    ("value", "encoding", "losses"),
    [
        (CAFE, "utf-16", 0),
        (CAFE, "utf-16-le", 0),
        (CAFE, "utf-16-be", 0),
        (CAFE, "utf-8-sig", 0),
        (CAFE, "latin-1", 1),
        (TOWER, "gbk", 1),
        (TOWER, "utf-16", 0),
    ],
)
def test_json_is_read_in_the_encodings_that_people_have(
    value: dict[str, Any], encoding: str, losses: int
) -> None:
    content = json.dumps(value, ensure_ascii=False).encode(encoding)
    (found,) = read_file(content).arrivals
    assert found.persona.name == value["data"]["name"]
    assert value["data"]["description"] in found.persona.system_prompt
    assert len(found.losses) == losses


@pytest.mark.parametrize("sign", ["x", "灯", "😀"])
def test_scripts_of_20_mb_stay_behind_with_a_word(sign: str) -> None:
    scripts = [{"scriptName": f"s{n}", "replaceString": "y" * 2_000 + sign} for n in range(9_900)]
    value = card(extensions={"regex_scripts": scripts, "small": {"kept": True}})
    content = json.dumps(value, ensure_ascii=False).encode()
    assert len(content) > 20_000_000
    with little_memory():
        (found,) = read_file(content).arrivals
    assert found.persona.extensions["small"] == {"kept": True}
    assert "regex_scripts" not in found.persona.extensions
    assert any('"regex_scripts"' in loss for loss in found.losses)


def test_scripts_that_fit_are_kept_for_the_way_back() -> None:
    value = card(extensions={"regex_scripts": [{"replaceString": "y" * 300_000}]})
    read = read_card(value)
    assert read.losses == ()
    assert write_card(read.persona, version=2)[0] == value


def test_editing_one_greeting_drops_no_other() -> None:
    greetings = [f"Greeting {number}, <USER>." for number in range(60)]
    read = read_card(card(alternate_greetings=greetings, tags=[f"t{n}" for n in range(55)]))
    edited = read.persona.model_copy(
        update={"alternate_greetings": ("New.", *read.persona.alternate_greetings[1:])}
    )
    data = write_card(edited, version=2)[0]["data"]
    assert data["alternate_greetings"] == ["New.", *greetings[1:]]
    assert len(data["tags"]) == 55


def test_a_card_without_its_spec_is_named_by_its_fields() -> None:
    bare = {"data": card()["data"]}
    assert read_card(bare).source == "card-v2"
    assert read_card({"data": card(nickname="A")["data"]}).source == "card-v3"
    assert read_card({"spec": "chara_card_v2", "name": "Ana", "description": "x"}).source == "card-v1"
