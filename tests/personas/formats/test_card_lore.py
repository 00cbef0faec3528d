"""Cards with lore, macros and directions come in whole, and exports say what other programs are not told."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from personachat.messages import ChatMessage
from personachat.personas.formats.catalogue import ImportedPersona
from personachat.personas.formats.reading import read_file
from personachat.personas.formats.writing import leave
from personachat.personas.prompt import compile_prompt, greeting, system_message
from personachat.personas.store.base import StoredPersona
from tests.personas.lorebook.books import book, entry, silly

DAY = date(2026, 1, 2)


def arrived(version: int = 2, **data: Any) -> ImportedPersona:
    card = {"spec": f"chara_card_v{version}", "spec_version": f"{version}.0"}
    fields = {
        "name": "Keeper Su",
        "description": "{{char}} keeps the light.",
        "first_mes": "",
        "extensions": {},
    }
    (found,) = read_file(json.dumps(card | {"data": fields | data}).encode()).arrivals
    return found


def stored(arrival: ImportedPersona) -> StoredPersona:
    return StoredPersona(arrival.persona, arrival.text, "e")


def test_a_card_of_silly_tavern_s_is_told_whole() -> None:
    lore = book(silly("The harbour froze.", "harbour"), silly("{{char}} is a diver.", constant=True))
    arrival = arrived(3, description="", character_book=lore)
    assert arrival.losses == (
        'The card doesn\'t describe the character, so the prompt is "You are {{char}}.".',
    )
    told = system_message(arrival.persona, [ChatMessage("user", "The harbour?")], today=DAY)
    assert told == "## Background\nThe harbour froze.\n\nKeeper Su is a diver.\n\nYou are Keeper Su."


def test_directions_of_a_card_are_sent_and_no_loss() -> None:
    note = {"prompt": "She limps.", "depth": 0, "role": "system"}
    arrival = arrived(
        3,
        post_history_instructions="{{original}} One line.",
        nickname="Su",
        extensions={"depth_prompt": note},
    )
    assert arrival.losses == ()
    messages = compile_prompt(arrival.persona, [ChatMessage("user", "Hi")], today=DAY).messages
    assert [each.content for each in messages] == [
        "## Description\nSu keeps the light.",
        "Hi",
        "She limps.",
        "One line.",
    ]


def test_macros_are_replaced_and_only_unknown_ones_are_named() -> None:
    known = (
        "{{// do not tell}}{{char}} likes {{random:tea,tea}} and {{pick::rum::rum}}. {{roll:d1}} <USER> <bot>"
    )
    arrival = arrived(
        description=known,
        system_prompt="{{original}}\nStay calm.",
        first_mes="{{// greet }}Hi {{user}}, {{random:hello,hello}}.",
        post_history_instructions="{{setvar::a::b}}",
        character_book=book(entry("{{description}} {{char}}", "x")),
    )
    expected = "These placeholders are not supported here and stay as written: {{description}}, {{setvar}}."
    assert arrival.losses == (expected,)
    told = system_message(arrival.persona, today=DAY)
    assert "Keeper Su likes tea and rum. 1 User Keeper Su" in told
    assert "{{" not in told
    assert greeting(arrival.persona, today=DAY) == "Hi User, hello."


@pytest.mark.parametrize("as_map", [False, True])
def test_a_book_that_is_too_big_is_taken_as_far_as_it_fits(*, as_map: bool) -> None:
    entries = [entry(f"About {number}. ".ljust(60, "x"), f"key{number}") for number in range(10_000)]
    lore = {"entries": dict(enumerate(entries)) if as_map else entries}
    arrival = arrived(character_book=lore)
    (loss, kept) = arrival.losses
    count = int(loss.split("first ")[1].split(" ")[0].replace(",", ""))
    assert loss == f"Its lore has 10,000 entries; only the first {count:,} fit and were imported."
    assert kept == (
        "The card is too large to be kept with the persona. Anything a persona can't hold is lost."
    )
    assert 2_000 < count < 10_000
    told = system_message(arrival.persona, [ChatMessage("user", f"key{count - 1}?")], today=DAY)
    assert f"About {count - 1}." in told


def test_a_card_with_lore_leaves_as_it_came() -> None:
    card = {"spec": "chara_card_v2", "spec_version": "2.0"}
    data = {
        "name": "Su",
        "description": "d",
        "first_mes": "",
        "extensions": {"depth_prompt": {"prompt": "p"}},
    }
    lore = {"entries": {"0": {"key": "a, b", "content": "@@depth 4\nc", "order": "7"}}}
    whole = card | {"data": data | {"post_history_instructions": "{{original}} x", "character_book": lore}}
    (arrival,) = read_file(json.dumps(whole).encode()).arrivals
    assert json.loads(leave(stored(arrival), "card-v2").content) == whole


@pytest.mark.parametrize(("kind", "tool"), [("open-webui", "Open WebUI"), ("promptfoo", "promptfoo")])
def test_lore_is_not_frozen_into_other_programs_and_what_is_lost_is_said(kind: Any, tool: str) -> None:
    lore = book(
        entry("It leaks.", "boat"),
        entry("She limps.", constant=True),
        entry("Perhaps.", constant=True, extensions={"probability": 99}),
    )
    arrival = arrived(
        first_mes="My boat, {{user}}.", character_book=lore, post_history_instructions="One line."
    )
    made = leave(stored(arrival), kind)
    prompt = (
        json.loads(made.content)[0]["params"]["system"] if kind == "open-webui" else made.content.decode()
    )
    assert "She limps." in prompt
    assert "It leaks." not in prompt
    assert "Perhaps." not in prompt
    assert "One line." not in prompt
    assert f"{tool} can't include 2 entries of its lore that need a key in the chat." in made.losses
    assert f"{tool} has no place for text among or after the messages of a chat." in made.losses


def test_what_is_replaced_in_other_programs_is_theirs_to_replace() -> None:
    arrival = arrived(description="{{user}}, {{date}} {{time}} {{weekday}} {{random:a,b}}")
    made = leave(stored(arrival), "open-webui")
    system = json.loads(made.content)[0]["params"]["system"]
    assert "{{USER_NAME}}, {{CURRENT_DATE}} {{CURRENT_TIME}} {{CURRENT_WEEKDAY}} " in system
    assert "Random parts of the prompt are always the same in Open WebUI." in made.losses
    (back,) = read_file(made.content).arrivals
    assert back.persona == arrival.persona
    text = leave(stored(arrival), "promptfoo").content.decode()
    assert "{{user_name}}, {{today}} {{time}} {{weekday}}" in text
    assert '"time": "12:00"' in text
    assert '"weekday": "' in text
