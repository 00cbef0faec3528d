"""Whatever a persona comes in is told by its content; what holds a fault is refused whole and cheaply."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from personachat.errors import ImportRefused, PersonaInvalid
from personachat.personas.formats.cards.cover import cover
from personachat.personas.formats.cards.png import SIGNATURE, write_png_card
from personachat.personas.formats.catalogue import MOST_FILE_BYTES, MOST_PERSONAS
from personachat.personas.formats.reading import read_file as open_file
from personachat.personas.formats.safe_zip import archive
from personachat.personas.persona import parse_persona
from tests.conftest import persona_text
from tests.personas.formats.costs import little_memory
from tests.personas.formats.reading import read_file

CARD = {"name": "Robin", "description": "Robin keeps bees.", "personality": "", "scenario": ""} | {
    "first_mes": "Hello!",
    "mes_example": "",
}


def v2(**data: Any) -> dict[str, Any]:
    return {"spec": "chara_card_v2", "spec_version": "2.0", "data": CARD | {"extensions": {}} | data}


def png_of(**data: Any) -> bytes:
    image = cover(parse_persona(persona_text("one")))
    v3 = v2(**data) | {"spec": "chara_card_v3", "spec_version": "3.0"}
    return write_png_card(image, v2_text=json.dumps(v2(name="Older")), v3_text=json.dumps(v3))


def refusal(content: bytes) -> str:
    with pytest.raises(ImportRefused) as refused, little_memory():
        read_file(content)
    assert refused.value.hint
    assert str(refused.value).endswith(".")
    return str(refused.value)


def sources(content: bytes) -> list[tuple[str, str]]:
    return [(each.persona.name, each.source) for each in read_file(content)]


def test_a_persona_is_taken_to_the_letter() -> None:
    text = '{"id" :"one",\n\n "name":"One","systemPrompt":"Hi.","extensions":{"a":1.50}}'
    (arrival,) = read_file(text.encode(), filename="one.json")
    assert (arrival.text, arrival.source, arrival.origin) == (text, "json", "one.json")
    assert arrival.persona == parse_persona(text)
    assert arrival.losses == ()


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    (arrival,) = read_file(b"\xef\xbb\xbf" + persona_text("one").encode())
    assert arrival.text == persona_text("one")


@pytest.mark.parametrize(
    "wrap", ["[%s,\n%s]", '{"personas": [%s, %s]}', '{"more": [1], "personas" :\n[ %s , %s ]}']
)
def test_lists_of_personas_are_read_in_their_order(wrap: str) -> None:
    content = (wrap % (persona_text("one"), persona_text("two"))).encode()
    assert sources(content) == [("One", "json"), ("Two", "json")]


def test_a_persona_from_a_list_looks_as_if_it_had_been_written_alone() -> None:
    alone = json.dumps(json.loads(persona_text("one", tags=["a\\nb"])), indent=2) + "\n"
    content = json.dumps([json.loads(alone)], indent=2).encode()
    assert read_file(content)[0].text == alone
    assert read_file(json.dumps([json.loads(alone)]).encode())[0].text == alone


def test_cards_of_every_version_are_told_apart() -> None:
    v3 = v2(group_only_greetings=[]) | {"spec": "chara_card_v3", "spec_version": "3.0"}
    assert sources(json.dumps(CARD).encode()) == [("Robin", "card-v1")]
    assert sources(json.dumps(v2()).encode()) == [("Robin", "card-v2")]
    assert sources(json.dumps(v3).encode()) == [("Robin", "card-v3")]
    mixed = [CARD, json.loads(persona_text("one"))]
    assert sources(json.dumps(mixed).encode()) == [("Robin", "card-v1"), ("One", "json")]


def test_a_picture_with_a_card_is_read_whatever_its_name() -> None:
    (arrival,) = read_file(png_of(), filename="persona.json")
    assert (arrival.persona.name, arrival.source) == ("Robin", "card-png")
    assert parse_persona(arrival.text) == arrival.persona
    assert arrival.persona.picture == "", "what it shows is a cover of ours"
    assert arrival.losses == ()


def test_an_archive_packed_by_hand_may_hold_personas_and_cards() -> None:
    files = {
        "team/one.json": persona_text("one").encode(),
        "robin.png": png_of(),
        "__MACOSX/._robin.png": b"\x00\x05",
        "team/.DS_Store": b"\x00\x00",
    }
    assert sources(archive(files)) == [("One", "json"), ("Robin", "card-png")]


def test_a_fault_inside_of_an_archive_names_the_file() -> None:
    files = {"one.json": b'{"id": 1', "two.json": persona_text("two").encode()}
    found = open_file(archive(files))
    assert [each.persona.id for each in found.arrivals] == ["two"]
    assert [(each.name, each.is_broken) for each in found.skipped] == [("one.json", True)]
    assert refusal(archive({"one.json": b'{"id": 1'})).startswith('"one.json" in the archive: ')


def test_two_personas_of_one_id_that_differ_are_refused_in_one_file() -> None:
    other = persona_text("one", temperature=0.1)
    assert "two personas with the id" in refusal(f"[{persona_text('one')}, {other}]".encode())


def test_in_an_archive_the_second_of_one_id_is_skipped_with_the_reason() -> None:
    files = {"a.json": persona_text("one").encode(), "b.json": persona_text("one", temperature=0.1).encode()}
    found = open_file(archive(files))
    assert [each.persona.id for each in found.arrivals] == ["one"]
    assert [(each.name, each.is_broken) for each in found.skipped] == [("b.json", True)]


@pytest.mark.parametrize("twice", [CARD, json.loads(persona_text("one"))])
def test_what_is_in_a_file_twice_comes_once(twice: Any) -> None:
    found = open_file(json.dumps([twice, twice]).encode())
    assert len(found.arrivals) == len(found.skipped) == 1
    assert "identical to" in found.skipped[0].reason


def test_faults_are_told_with_their_place_in_the_file() -> None:
    text = f'[\n  {persona_text("one")},\n  {{"id": "two", "name": 7,\n   "systemPrompt": ""}}\n]'
    with pytest.raises(PersonaInvalid) as invalid:
        read_file(text.encode())
    found = [(each.line, each.column, each.path) for each in invalid.value.problems]
    assert found == [(3, 25, ("name",)), (4, 20, ("systemPrompt",))]
    with pytest.raises(PersonaInvalid) as alone:
        read_file(b'{"id": "one",\n "systemPrompt": "x"}')
    assert 'key "name" is missing' in alone.value.problems[0].message


@pytest.mark.parametrize("text", ["{", "{}", '{"a": 1}', '{"id": "one"} {}', '{"params": 1, "meta": NaN}'])
def test_objects_that_are_nothing_we_know_say_what_is_missing(text: str) -> None:
    with pytest.raises((PersonaInvalid, ImportRefused)) as refused:
        read_file(text.encode())
    assert str(refused.value)


HOSTILE: dict[str, bytes] = {
    "empty": b"",
    "blank": b" \n",
    "binary": b"\x00\x01\x02",
    "a number": b"7",
    "html": b"<html></html>",
    "an empty list": b"[]",
    "an empty list of personas": b'{"personas": []}',
    "a list of numbers": b"[1, 2]",
    "a list of lists": b"[[]]",
    "a list cut off": b'[{"id": "one"',
    "a text cut off": b'["one',
    "a list with a hole": b"[,]",
    "a list with a key that is none": b'[\n{"\\x": 1}]',
    "jpeg": b"\xff\xd8\xff\xe0" + bytes(20),
    "gif": b"GIF89a",
    "webp": b"RIFF\x00\x00\x00\x00WEBP",
    "rar": b"Rar!\x1a\x07",
    "7z": b"7z\xbc\xaf\x27\x1c",
    "gzip": b"\x1f\x8b\x08",
    "pdf": b"%PDF-1.7",
    "a picture without a card": cover(parse_persona(persona_text("one"))),
    "half a picture": SIGNATURE,
    "an empty archive": archive({}),
    "half an archive": archive({"a.json": b"{}"})[:-5],
    "an archive with a script": archive({"a.sh": b"#!/bin/sh"}),
    "a picture with an archive behind": cover(parse_persona(persona_text("one")))
    + archive({"a.json": b"{}"}),
    "deep lists": b"[" * 200_000,
    "deep objects": b'{"a":' * 150_000,
    "many objects": b"[" + b"{}," * 1_000_000 + b"{}]",
    "many personas": b"[" + b",".join([b"{}"] * (MOST_PERSONAS + 1)) + b"]",
    "many values in a persona": persona_text("one", extensions={"a": [[]] * 60_000}).encode(),
    "many values in a list": f"[{persona_text('one', extensions={'a': [[]] * 60_000})}]".encode(),
    "many quotes": b'["' + b'\\"' * 1_000_000,
    "a big text": b'["' + b"x" * (17 * 1024 * 1024),
    "a big card": json.dumps(v2(description="x" * 8_000_000)).encode(),
    "many card values": json.dumps(v2(extensions={"a": [{}] * 160_000})).encode(),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_files_are_refused_whole_and_cheaply(kind: str) -> None:
    refusal(HOSTILE[kind])


def test_a_file_that_is_too_big_is_not_looked_into() -> None:
    assert "32 MB" in refusal(b"[" + bytes(MOST_FILE_BYTES))


def test_nothing_in_a_card_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something was fetched")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("builtins.open", refuse)
    assets = [
        {"type": "icon", "uri": uri, "name": "main", "ext": "png"}
        for uri in ("http://127.0.0.1:9/x", "file:///etc/passwd", "embeded://../../x")
    ]
    card = v2(assets=assets, group_only_greetings=[]) | {"spec": "chara_card_v3", "spec_version": "3.0"}
    (arrival,) = read_file(json.dumps(card).encode())
    assert arrival.persona.name == "Robin"


def test_a_file_name_is_shown_without_its_tricks() -> None:
    (arrival,) = read_file(persona_text("one").encode(), filename="a\n\u202eb" + "x" * 200)
    assert len(arrival.origin) <= 80
    assert arrival.origin.isprintable()


def test_the_picture_of_a_card_may_carry_text_that_is_no_card() -> None:
    with pytest.raises(ImportRefused):
        read_file(write_png_card(png_of(), v2_text="", v3_text=base64.b64encode(b"x").decode()))
