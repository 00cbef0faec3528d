"""A persona travels in an address, or not at all."""

from __future__ import annotations

import base64
import json
import re
import zlib

import pytest
from hypothesis import given, settings

from personachat.errors import LinkInvalid, PersonaInvalid
from personachat.personas.formats.links import MAX_LINK_CHARACTERS, packed, unpacked
from personachat.personas.persona import Persona, dump_persona
from tests.conftest import persona_text
from tests.personas.formats.costs import little_memory
from tests.strategies import personas


def link_of(content: bytes) -> str:
    return "1" + base64.urlsafe_b64encode(zlib.compress(content, 9)).decode().rstrip("=")


@settings(max_examples=40)
@given(personas())
def test_what_was_packed_is_unpacked(persona: Persona) -> None:
    link = packed(dump_persona(persona))
    assert link is not None
    assert re.fullmatch(r"[A-Za-z0-9_-]+", link)
    arrival = unpacked(link)
    assert arrival.persona == persona
    assert json.loads(arrival.text) == json.loads(dump_persona(persona))


def test_a_text_in_one_line_arrives_readable() -> None:
    link = packed(persona_text("one"))
    assert link is not None
    assert unpacked(link).text.startswith('{\n  "id": "one"')


def test_what_is_too_long_for_an_address_is_not_packed() -> None:
    noise = "".join(chr(0x4E00 + number * 7919 % 20_000) for number in range(9_000))
    assert packed(persona_text("long", systemPrompt=noise)) is None
    link = packed(persona_text("long", systemPrompt=noise[:1_000]))
    assert link is not None
    assert len(link) <= MAX_LINK_CHARACTERS


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_link_that_was_cut_off_says_so(cut: int) -> None:
    link = packed(persona_text("one"))
    assert link is not None
    with pytest.raises(LinkInvalid, match="cut off"):
        unpacked(link[:-cut])


@pytest.mark.parametrize(
    "link",
    [
        "",
        " ",
        "1",
        "2eJyrVkrOT1GyUlAqSS0uUaoFAC2zBXU",
        "1!!!!",
        "1eJ\u00e4",
        "1" + "A" * MAX_LINK_CHARACTERS,
        link_of(b"\xff\xfe"),
        link_of(b"{}") + "AAAA",
        "1" + base64.urlsafe_b64encode(b"no zlib at all").decode(),
    ],
)
def test_links_that_nobody_made_are_refused(link: str) -> None:
    with pytest.raises(LinkInvalid) as refused:
        unpacked(link)
    assert refused.value.hint


def test_a_link_that_holds_no_persona_says_what_is_wrong_with_it() -> None:
    with pytest.raises(PersonaInvalid):
        unpacked(link_of(b'{"id": "one"}'))


def test_a_bomb_in_a_link_is_stopped() -> None:
    bomb = link_of(bytes(4_000_000))
    assert len(bomb) < MAX_LINK_CHARACTERS
    with pytest.raises(LinkInvalid, match="unpacks to more"), little_memory():
        unpacked(bomb)


def test_a_link_full_of_brackets_is_stopped() -> None:
    text = persona_text("one", extensions={"a": [{}] * 200_000})
    with pytest.raises(LinkInvalid, match="more than a persona"), little_memory():
        unpacked(link_of(text.encode()))


def test_blanks_around_a_link_do_no_harm() -> None:
    assert unpacked(f" {packed(persona_text('one'))}\n").persona.id == "one"
