"""A persona leaves in every format, and comes back the same where the format can hold it."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings

from personachat.personas.formats.catalogue import FORMATS, Format
from personachat.personas.formats.writing import leave, leave_together
from personachat.personas.persona import Persona, dump_persona, parse_persona
from personachat.personas.store.base import StoredPersona
from tests.conftest import persona_text
from tests.personas.formats.reading import read_file
from tests.strategies import personas

LOSSLESS: tuple[Format, ...] = ("json", "card-v2", "card-v3", "card-png", "charx", "open-webui", "bundle")
ODD = '{"id":"odd",\n\n"name" : "Odd",   "systemPrompt":"Hi.", "greeting": "Hello!"}'


def stored(text: str) -> StoredPersona:
    return StoredPersona(parse_persona(text), text, "e1")


@pytest.mark.parametrize("kind", LOSSLESS)
def test_export_then_import_gives_the_same_persona(kind: Format) -> None:
    @settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow], database=None)
    @given(personas())
    def comes_back(persona: Persona) -> None:
        (arrival,) = read_file(leave(stored(dump_persona(persona)), kind).content)
        assert arrival.persona == persona
        assert parse_persona(arrival.text) == persona

    comes_back()


@pytest.mark.parametrize("kind", ["json", "bundle"])
def test_our_own_formats_keep_the_text_to_the_letter(kind: Format) -> None:
    (arrival,) = read_file(leave(stored(ODD), kind).content)
    assert arrival.text == ODD


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_has_a_name_and_a_file(kind: Format) -> None:
    departure = leave(stored(ODD), kind)
    facts = FORMATS[kind]
    assert departure.filename == ("personas.zip" if kind == "bundle" else f"odd{facts.ending}")
    assert departure.media_type == facts.media_type
    assert departure.content
    assert all(loss.endswith(".") for loss in departure.losses)
    assert facts.label
    assert facts.about.endswith(".")


def test_a_card_of_version_1_says_what_it_cannot_hold() -> None:
    text = persona_text("one", temperature=0.1, starters=["Hi?"])
    assert leave(stored(text), "card-v1").losses
    assert json.loads(leave(stored(text), "card-v1").content)["name"] == "One"


def test_a_picture_carries_both_newer_cards() -> None:
    content = leave(stored(ODD), "card-png").content
    assert content.count(b"tEXtchara\x00") == 1
    assert content.count(b"tEXtccv3\x00") == 1


def test_files_made_twice_are_the_same() -> None:
    for kind in FORMATS:
        if kind != "bundle":  # says when it was made
            assert leave(stored(ODD), kind).content == leave(stored(ODD), kind).content


def test_a_bundle_too_big_for_one_import_says_so() -> None:
    many = [stored(persona_text(f"p-{number}")) for number in range(1_001)]
    assert "1,001" in leave_together(many, {}).losses[0]
    assert leave_together(many[:1_000], {}).losses == ()
