"""Files that are odd, broken or meant to harm: each gives its persona or a sentence, and costs little."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from typing import Any

import pytest

from personachat.errors import ImportRefused
from personachat.personas.formats.json_slimming import FROM_BYTES, slimmed
from personachat.personas.formats.reading import read_file
from tests.personas.formats.costs import little_memory
from tests.personas.formats.test_card_pictures import card, exif, jpeg
from tests.personas.formats.test_png import chunk, png
from tests.personas.lorebook.books import book, entry, told

CARD = json.dumps(card()).encode()
IN_64 = base64.b64encode(CARD)
MARK = b"\xef\xbb\xbf"
ENTRIES_AT = struct.pack("<HHHII", 1, 0x8769, 4, 1, 8) + struct.pack("<I", 8)
TOO_MANY = struct.pack("<HHHII", 0xFFFF, 0x9286, 7, 0xFFFFFFFF, 0) + bytes(4)


def named(name: str) -> bytes:
    return json.dumps(card(name=name), ensure_ascii=False).encode()


def with_lore(*entries: Any, **more: Any) -> bytes:
    return json.dumps(card(character_book={"entries": list(entries), **more})).encode()


def compressed(payload: bytes) -> bytes:
    return chunk(b"zTXt", b"chara\0\0" + payload)


READ = {
    "a doubled byte order mark": (MARK * 2 + CARD, "ana"),
    "many byte order marks": (MARK * 50_000 + CARD, "ana"),
    "UTF-16 with half a sign at its end": (b"\xff\xfe" + CARD.decode().encode("utf-16-le") + b"\0", "ana"),
    "UTF-16 without a mark": (CARD.decode().encode("utf-16-le"), "ana"),
    "big UTF-32": (b"\0\0\xfe\xff" + CARD.decode().encode("utf-32-be"), "ana"),
    "a torn letter": (CARD.replace(b"Keeps", b"K\xe9eps"), "ana"),
    "a lone surrogate": (CARD.replace(b'"Evening."', rb'"\ud800"'), "ana"),
    "NaN for a name": (CARD.replace(b'"Ana"', b"NaN"), "unnamed-character"),
    "a name that runs from right to left": (named("\u202e\u202dcod.exe\u2066"), "cod-exe"),
    "a name that clears a terminal": (named("A\x1b[2J"), "a-2j"),
    "a name that is a path": (named("../../etc/passwd"), "etc-passwd"),
    "a name that Windows reserves": (named("CON"), "con-2"),
    "a name under a tower of accents": (named("a" + "\u0301" * 5_000), "a"),
    "a name that is one emoji": (named("\U0001f9ed\u200d\ufe0f"), "compass"),
    "macros in macros": (json.dumps(card(description="{{random:" * 9_000 + "}}" * 9_000)).encode(), "ana"),
    "dice without end": (json.dumps(card(first_mes=f"{{{{roll:{'9' * 40}d{'9' * 40}}}}}")).encode(), "ana"),
    "no list of entries": (with_lore(None, 7, "x", [], entry("c", "k")), "ana"),
    "keys of every type": (with_lore(entry("c") | {"keys": [1, None, {"a": 1}, [[]], True]}), "ana"),
    "numbers beyond all": (
        with_lore(entry("c", "k", extensions={"depth": 10**300, "probability": "NaN"}), token_budget=-7),
        "ana",
    ),
    "ten thousand decorators": (with_lore(entry("@@depth 5\n" * 10_000 + "x", "k")), "ana"),
    "a second block of EXIF data": (jpeg(exif(b"junk"))[:-2] + jpeg(exif(b"ASCII\0\0\0" + CARD))[2:], "ana"),
    "EXIF data with the large end first": (jpeg(exif(b"ASCII\0\0\0" + CARD, ">")), "ana"),
    "an unknown way of compressing": (png(chunk(b"zTXt", b"chara\0\x09" + zlib.compress(IN_64))), "ana"),
    "a broken chunk before a whole one": (
        png(compressed(b"not zlib"), compressed(zlib.compress(IN_64))),
        "ana",
    ),
    "millions of blanks in base64": (
        png(chunk(b"tEXt", b"chara\0" + IN_64[:40] + b" " * 3_000_000 + IN_64[40:])),
        "ana",
    ),
}


@pytest.mark.parametrize(("content", "persona_id"), READ.values(), ids=READ)
def test_what_is_odd_is_read(content: bytes, persona_id: str) -> None:
    with little_memory():
        (arrival,) = read_file(content, filename="odd").arrivals
    assert arrival.persona.id == persona_id


BOMB = zlib.compress(bytes(60_000_000), 9)
LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{letter}: &{letter} [{','.join([f'*{before}'] * 9)}]\n"
    for before, letter in zip("abcdefgh", "bcdefghi", strict=True)
)
REFUSED = {
    "a bomb in zTXt": (png(compressed(BOMB)), "unpacks to more than"),
    "twenty bombs": (png(*[compressed(BOMB)] * 20), "unpacks to more than"),
    "compressed twice": (png(compressed(zlib.compress(zlib.compress(IN_64)))), "neither base64 nor JSON"),
    "a hundred thousand chunks": (png(*[chunk(b"tEXt", b"a\0b")] * 100_000), "too many parts"),
    "a card behind the end": (png() + chunk(b"tEXt", b"chara\0" + IN_64), "no character card"),
    "EXIF data that points nowhere": (jpeg(b"II*\0\xff\xff\xff\x7f"), "no character card"),
    "EXIF data that points at itself": (jpeg(b"II*\0\x08\0\0\0" + ENTRIES_AT), "no character card"),
    "EXIF data that counts too far": (jpeg(b"II*\0\x08\0\0\0" + TOO_MANY), "no character card"),
    "a JPEG of comments": (b"\xff\xd8\xff" + b"\xff\xfe\0\2" * 60_000 + b"\xff\xd9", "too many parts"),
    "a WebP that lies": (b"RIFF\xff\xff\xff\xffWEBPEXIF\xff\xff\xff\xff" + exif(CARD), "wrong size"),
    "brackets without end": (b"[" * 200_000, "bracket is never closed"),
    "a number without end": (CARD.replace(b'"Ana"', b"9" * 20_000), "too long"),
    "YAML that multiplies": (LAUGHS.encode(), "more than 50,000 values"),
    "YAML that runs a program": (
        b"name: !!python/object/apply:os.system ['x']\ncontext: x\n",
        "can't be read",
    ),
    "YAML within itself": (b"name: &a\n  x: *a\ncontext: hi\n", "to itself"),
    "YAML down a well": ("\n".join(" " * depth + "a:" for depth in range(900)).encode(), "nested too deeply"),
}


@pytest.mark.parametrize(("content", "said"), REFUSED.values(), ids=REFUSED)
def test_what_would_harm_is_refused_with_the_reason(content: bytes, said: str) -> None:
    with little_memory(), pytest.raises(ImportRefused) as refused:
        read_file(content, filename="odd")
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "key",
    [
        "/(a+)+$/",
        "/(a|a)*b/",
        "/((x{1,1000}){1,1000}){1,1000}/",
        r"/(a)\1(?<=b)(?=c)/",
        "/[/",
        "/" + "|".join(f"w{number}" for number in range(20_000)) + "/",
    ],
    ids=["nested", "the same twice", "counted", "looking back", "broken", "20,000 words"],
)
def test_no_key_of_a_book_stops_the_others(key: str) -> None:
    hostile = entry("hostile", key) | {"use_regex": True}
    found = told(book(hostile, entry("calm", "lamp")), ["a" * 5_000 + "! The lamp is lit."])
    assert "calm" in [each.text for each in found.entries]


def test_only_big_extensions_are_remembered_while_a_card_is_freed_from_them() -> None:
    small = {f"s{number}": number for number in range(40_000)}
    text = json.dumps(card(extensions=small | {"big": "x" * FROM_BYTES})).encode()
    freed, names = slimmed(text)
    assert names == ("big",)
    assert json.loads(freed)["data"]["extensions"] == small | {"big": None}
