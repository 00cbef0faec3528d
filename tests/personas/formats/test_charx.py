"""CHARX archives: a card and its picture, and nothing that is opened."""

from __future__ import annotations

import json
from typing import Any

import pytest

from personachat.errors import ImportRefused
from personachat.personas.formats.cards.charx import write_charx
from personachat.personas.formats.cards.cover import cover
from personachat.personas.formats.safe_zip import archive, entries
from personachat.personas.persona import parse_persona
from tests.conftest import persona_text
from tests.personas.formats.reading import read_file

CARD: dict[str, Any] = {
    "spec": "chara_card_v3",
    "spec_version": "3.0",
    "data": {
        "name": "Robin",
        "description": "Robin keeps bees.",
        "first_mes": "Hello, {{user}}!",
        "extensions": {"other": {"kept": True}},
        "assets": [
            {"type": "icon", "uri": "embeded://assets/icon/images/1.png", "name": "main", "ext": "png"},
            {"type": "background", "uri": "https://example.org/b.png", "name": "main", "ext": "png"},
        ],
    },
}


def charx_of(card: Any = CARD, **files: bytes) -> bytes:
    beside = {f"assets/{name}": content for name, content in files.items()}
    return archive({"card.json": json.dumps(card).encode()} | beside)


def card_in(content: bytes) -> Any:
    return json.loads(entries(content)["card.json"])


def test_the_card_comes_in_and_what_lies_beside_is_told() -> None:
    (arrival,) = read_file(charx_of(a=b"\x89PNG nonsense", b=b"#!/bin/sh"), filename="robin.charx")
    assert arrival.source == "charx"
    assert arrival.persona.name == "Robin"
    assert arrival.persona.greeting == "Hello, {{user}}!"
    assert arrival.persona.extensions["other"] == {"kept": True}
    assert parse_persona(arrival.text) == arrival.persona
    assert any("2 files in the card" in loss for loss in arrival.losses)


def test_an_archive_without_a_card_is_no_charx() -> None:
    with pytest.raises(ImportRefused):
        read_file(archive({"module.risum": b"x"}))


@pytest.mark.parametrize("card", [[], 7, {"spec": "chara_card_v3"}])
def test_a_card_that_is_none_is_refused(card: Any) -> None:
    with pytest.raises(ImportRefused):
        read_file(charx_of(card))


def test_a_card_that_is_no_text_is_refused() -> None:
    with pytest.raises(ImportRefused, match="can't be read"):
        read_file(archive({"card.json": b"\xff\xfe"}))


def test_a_persona_leaves_with_one_picture() -> None:
    packed, losses = write_charx(parse_persona(persona_text("one")), b"\x89PNG of ours")
    content = packed.content
    (asset,) = card_in(content)["data"]["assets"]
    assert asset == {
        "type": "icon",
        "uri": "embeded://assets/icon/images/main.png",
        "name": "main",
        "ext": "png",
    }
    picture = entries(content)[asset["uri"].removeprefix("embeded://")]
    assert picture == b"\x89PNG of ours"
    assert losses == ()


def test_pictures_that_were_not_kept_are_not_promised() -> None:
    (arrival,) = read_file(charx_of())
    packed, losses = write_charx(arrival.persona, cover(arrival.persona))
    content = packed.content
    uris = [asset["uri"] for asset in card_in(content)["data"]["assets"]]
    assert uris == ["embeded://assets/icon/images/main.png", "https://example.org/b.png"]
    assert all(uri.startswith("https:") or uri.removeprefix("embeded://") in entries(content) for uri in uris)
    assert any("were not kept" in loss for loss in losses)
    assert read_file(content)[0].persona == arrival.persona
