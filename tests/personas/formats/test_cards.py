"""Character cards of V1, V2 and V3: what becomes of them here, and that they come back as they were."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from personachat.errors import ImportRefused
from personachat.personas.formats.cards.card import read_card, read_card_text, write_card
from personachat.personas.persona import Persona
from tests.strategies import personas

V1 = {
    "name": "Nell",
    "description": "A baker.",
    "personality": "cheerful",
    "scenario": "In the shop.",
    "first_mes": "Good morning, {{user}}!",
    "mes_example": "<START>\n{{user}}: Bread?\n{{char}}: Fresh.",
}
BOOK = {"entries": [{"keys": ["mill"], "content": "It burnt.", "enabled": True, "insertion_order": 0}]}
V2 = {
    "spec": "chara_card_v2",
    "spec_version": "2.0",
    "data": {
        **V1,
        "creator_notes": "For the morning.",
        "system_prompt": "Stay in your role, <BOT>.",
        "post_history_instructions": "",
        "alternate_greetings": ["Still here, <USER>?"],
        "tags": ["food"],
        "creator": "someone",
        "character_version": "1.1",
        "character_book": BOOK,
        "extensions": {"other/tool": {"depth": 4}},
    },
}
V3 = {
    "spec": "chara_card_v3",
    "spec_version": "3.0",
    "data": {
        **V2["data"],  # type: ignore[dict-item]  # looser than the types on purpose
        "nickname": "Nelly",
        "group_only_greetings": [],
        "creation_date": 1,
        "assets": [{"type": "icon", "uri": "ccdefault:", "name": "main", "ext": "png"}],
    },
}
CARDS: dict[int, Any] = {1: V1, 2: V2, 3: V3}


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_card_becomes_a_persona(version: Any) -> None:
    read = read_card(CARDS[version])
    persona = read.persona
    assert read.source == f"card-v{version}"
    assert (persona.id, persona.name) == ("nell", "Nell")
    assert persona.greeting == "Good morning, {{user}}!"
    assert [(each.user, each.assistant) for each in persona.examples] == [("Bread?", "Fresh.")]
    parts = ["A baker.", "cheerful", "In the shop."]
    if version > 1:
        parts.insert(0, "Stay in your role, {{char}}.")
        assert persona.description == "For the morning."
        assert persona.alternate_greetings == ("Still here, {{user}}?",)
        assert persona.tags == ("food",)
        assert persona.extensions["other/tool"] == {"depth": 4}
        assert persona.extensions["character_book"] == BOOK
    places = [persona.system_prompt.index(part) for part in parts]
    assert places == sorted(places)
    assert persona.system_prompt.count("## ") == len(parts)


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_card_that_was_not_changed_comes_back_as_it_was(version: Any) -> None:
    persona = read_card(CARDS[version]).persona
    card, losses = write_card(persona, version=version)
    if version > 1:
        card["data"]["extensions"].pop("personachat", None)
    assert card == CARDS[version]
    assert version == 1 or losses == ()


@pytest.mark.parametrize("version", [2, 3])
def test_of_a_changed_persona_only_the_change_differs(version: Any) -> None:
    persona = read_card(CARDS[version]).persona.model_copy(update={"greeting": "Hello!"})
    card, _ = write_card(persona, version=version)
    card["data"]["extensions"].pop("personachat", None)
    assert card["data"] == CARDS[version]["data"] | {"first_mes": "Hello!"}


@settings(max_examples=40, suppress_health_check=list(HealthCheck), deadline=None)
@given(persona=personas())
@pytest.mark.parametrize("version", [2, 3])
def test_our_own_personas_come_back_the_same(version: Any, persona: Persona) -> None:
    card, _ = write_card(persona, version=version)
    back = read_card_text(json.dumps(card))
    assert back.persona == persona


@settings(max_examples=25, suppress_health_check=list(HealthCheck), deadline=None)
@given(persona=personas())
def test_what_v1_cannot_hold_is_told(persona: Persona) -> None:
    card, losses = write_card(persona, version=1)
    back = read_card(card).persona
    for name in ("temperature", "model", "starters", "top_p", "stop", "avatar"):
        if getattr(back, name) != getattr(persona, name):
            assert losses


def test_edits_of_another_tool_win_and_the_rest_is_ours() -> None:
    ours = Persona(id="mine", name="Mine", system_prompt="Be kind.", temperature=0.2, starters=("Hi?",))
    card, _ = write_card(ours, version=2)
    card["data"]["first_mes"] = "Edited elsewhere."
    back = read_card(card).persona
    assert back.greeting == "Edited elsewhere."
    assert (back.id, back.temperature, back.starters) == ("mine", 0.2, ("Hi?",))


@pytest.mark.parametrize("ours", [7, "x", {"persona": {"id": "../x"}}, {"card": 3}, {"persona": [1]}])
def test_nonsense_in_our_own_extension_is_passed_over(ours: Any) -> None:
    card = json.loads(json.dumps(V2))
    card["data"]["extensions"]["personachat"] = ours
    assert read_card(card).persona.name == "Nell"


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"spec": "chara_card_v2"},
        {"spec": "chara_card_v2", "data": 3},
        {"name": "Only a name"},
    ],
)
def test_what_is_no_card_is_refused_in_a_sentence(value: Any) -> None:
    with pytest.raises(ImportRefused) as refused:
        read_card(value)
    assert str(refused.value).endswith(".")


def test_what_is_too_long_is_cut_and_that_is_said() -> None:
    card = json.loads(json.dumps(V2))
    card["data"]["creator_notes"] = "n" * 5_000
    card["data"]["tags"] = [f"tag {number}" for number in range(80)]
    read = read_card(card)
    assert len(read.persona.description) <= 2_000
    assert len(read.persona.tags) <= 50
    assert len(read.losses) >= 2


@pytest.mark.parametrize("data", [{"name": ""}, {"name": 7, "description": []}])
def test_a_card_with_little_in_it_is_taken_and_what_is_missing_is_told(data: dict[str, Any]) -> None:
    read = read_card({"spec": "chara_card_v2", "data": data})
    assert read.persona.name
    assert read.persona.system_prompt
    assert read.losses
