"""Cards inside of pictures: `ccv3` wins, the picture stays whole, hostile ones are refused at once."""

from __future__ import annotations

import base64
import json
import struct
import tracemalloc
import zlib

import pytest

from personachat.errors import ImportRefused
from personachat.personas.formats.cards.cover import cover
from personachat.personas.formats.cards.png import SIGNATURE, read_png_card, write_png_card
from personachat.personas.persona import Persona

PERSONA = Persona(id="nell", name="Nell Müller", system_prompt="Hi.")


def chunk(kind: bytes, content: bytes, *, crc: int | None = None, length: int | None = None) -> bytes:
    checked = zlib.crc32(kind + content) if crc is None else crc
    size = len(content) if length is None else length
    return struct.pack(">I", size) + kind + content + struct.pack(">I", checked)


def text(keyword: bytes, value: str) -> bytes:
    return chunk(b"tEXt", keyword + b"\0" + base64.b64encode(value.encode()))


def png(*chunks: bytes, width: int = 1, height: int = 1) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"\0\0"))
    return SIGNATURE + head + pixels + b"".join(chunks) + chunk(b"IEND", b"")


def test_both_cards_go_in_and_the_newer_one_comes_out() -> None:
    picture = write_png_card(cover(PERSONA), v2_text='{"v": 2}', v3_text='{"v": 3, "ü": "é"}')
    assert json.loads(read_png_card(picture)[0]) == {"v": 3, "ü": "é"}
    assert b"chara\0" in picture
    assert b"ccv3\0" in picture


def test_cards_that_were_there_are_replaced() -> None:
    once = write_png_card(cover(PERSONA), v2_text="{}", v3_text="{}")
    again = write_png_card(once, v2_text='{"a": 1}', v3_text='{"b": 2}')
    assert again.count(b"ccv3\0") == again.count(b"chara\0") == 1
    assert json.loads(read_png_card(again)[0]) == {"b": 2}


def test_an_older_picture_with_only_v2_is_read() -> None:
    assert read_png_card(png(text(b"chara", '{"v": 2}'))) == ('{"v": 2}', ())


def test_the_cover_is_a_small_picture_that_is_the_same_every_time() -> None:
    made = cover(PERSONA)
    assert made == cover(PERSONA)
    assert len(made) < 60_000
    width, height = struct.unpack(">II", made[16:24])
    assert (width, height) == (400, 600)
    assert made != cover(PERSONA.model_copy(update={"name": "Somebody else"}))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        SIGNATURE,
        SIGNATURE + b"\0" * 4,
        png(),
        png(chunk(b"tEXt", b"chara\0e30=", crc=1)),
        png(chunk(b"tEXt", b"chara\0e30=", length=2**31)),
        png(chunk(b"tEXt", b"chara\0!!!not base64")),
        png(chunk(b"tEXt", b"chara\0" + base64.b64encode(b"a\0b\0\0\0"))),
        png(chunk(b"zTXt", b"chara\0\0" + zlib.compress(b"0" * 10**8))),
        png(*[chunk(b"tEXt", b"x\0y")] * 20_000),
        png(text(b"chara", "x" * (25 * 1024 * 1024))),
    ],
    ids=[
        *("empty", "signature", "no chunk", "no card", "wrong sum", "lying length"),
        *("no base64", "no text", "packed bomb", "many chunks", "huge chunk"),
    ],
)
def test_hostile_pictures_are_refused_in_little_memory(content: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ImportRefused) as refused:
            read_png_card(content)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100 * 1024 * 1024
    assert str(refused.value).endswith(".")


@pytest.mark.parametrize(
    "content",
    [
        png(text(b"chara", "{}"))[:-12],
        png(text(b"chara", "{}"), width=2**31 - 1, height=2**31 - 1),
        png(text(b"chara", "{}"), chunk(b"IDAT", b"nonsense", crc=1)),
        png(text(b"chara", "{}"), chunk(b"tEXt", b"chara\0e30=", crc=1)),
        png(text(b"chara", "{}")) + b"PK\x03\x04",
    ],
    ids=["cut off behind it", "huge", "a wrong sum of pixels", "a second card that is damaged", "a polyglot"],
)
def test_a_card_is_read_whatever_is_wrong_with_its_picture(content: bytes) -> None:
    assert read_png_card(content)[0] == "{}"
