"""Personas go to Open WebUI and come back; models that were made there come in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from personachat.errors import ImportRefused
from personachat.personas.formats.open_webui import read_model, write_models
from personachat.personas.persona import Persona, Personality, parse_persona
from tests.conftest import persona_text
from tests.personas.formats.reading import read_file
from tests.strategies import personas

FOREIGN: dict[str, Any] = {
    "id": "sql-tutor",
    "user_id": "u1",
    "base_model_id": "llama3.1:8b",
    "name": "SQL tutor",
    "params": {
        "system": "You teach SQL to {{USER_NAME}}. It is {{CURRENT_DATE}}.",
        "temperature": 0.4,
        "top_k": 40,
        "stop": ["\\n\\n", "END"],
    },
    "meta": {
        "profile_image_url": "https://example.org/tracking.png",
        "description": "Patient.",
        "suggestion_prompts": [{"content": "What is a\njoin?", "title": ["What is", "a join?"]}],
        "tags": [{"name": "sql"}],
        "knowledge": [{"id": "k"}],
    },
    "access_grants": [],
    "is_active": True,
    "updated_at": 1,
    "created_at": 1,
}


def exported(**keys: Any) -> Any:
    return write_models(parse_persona(persona_text("one", **keys)))[0][0]


def test_a_model_made_there_becomes_a_persona() -> None:
    persona, losses = read_model(FOREIGN)
    assert persona.id == "sql-tutor"
    assert persona.name == "SQL tutor"
    assert persona.system_prompt == "You teach SQL to {{user}}. It is {{date}}."
    assert (persona.model, persona.temperature) == ("llama3.1:8b", 0.4)
    assert persona.stop == ("\n\n", "END")
    assert persona.starters == ("What is a join?",)
    assert persona.tags == ("sql",)
    assert persona.description == "Patient."
    assert any("top_k" in loss for loss in losses)
    assert any("knowledge" in loss for loss in losses)


@pytest.mark.parametrize("wrapped", [[FOREIGN], [{"id": "sql-tutor", "info": FOREIGN}], FOREIGN])
def test_exports_of_one_model_of_a_list_and_with_run_time_facts_are_read(wrapped: Any) -> None:
    (arrival,) = read_file(json.dumps(wrapped).encode(), filename="models-export.json")
    assert arrival.source == "open-webui"
    assert arrival.persona == read_model(FOREIGN)[0]
    assert parse_persona(arrival.text) == arrival.persona


def test_a_model_of_no_prompt_and_an_id_of_its_own_comes_in_all_the_same() -> None:
    bare = FOREIGN | {"id": "Org/Model:1", "params": {}, "base_model_id": None}
    persona, losses = read_model(bare)
    assert persona.id == "org-model-1"
    assert persona.system_prompt == "You are {{char}}."
    assert any("no system prompt" in loss for loss in losses)
    assert any("no base model" in loss for loss in losses)


def test_values_that_break_a_rule_are_left_out_and_told() -> None:
    odd = FOREIGN | {"params": FOREIGN["params"] | {"temperature": 7, "max_tokens": "many", "top_p": [1]}}
    persona, losses = read_model(odd)
    assert (persona.temperature, persona.max_tokens, persona.top_p) == (0.7, 1000, None)
    assert sum("is not valid for a persona" in loss for loss in losses) == 3


@pytest.mark.parametrize("change", [{"name": ""}, {"name": 7}, {"params": {"system": "x" * 40_000}}])
def test_a_model_that_can_be_no_persona_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ImportRefused, match="can't become a persona"):
        read_model(FOREIGN | change)


def test_the_export_is_what_the_import_there_takes() -> None:
    model = exported(
        systemPrompt="You are {{char}}; {{user}}, {{date}}.",
        personality={"tone": "dry"},
        description="Good.",
        starters=["Hi?"],
        tags=["a"],
        topP=0.5,
        stop=["é,\n"],
        temperature=0.1,
        maxTokens=5,
        model="gpt-5",
    )
    assert model["params"] == {
        "system": "You are One; {{USER_NAME}}, {{CURRENT_DATE}}.\n\n## Manner\n- Tone: dry",
        "temperature": 0.1,
        "max_tokens": 5,
        "top_p": 0.5,
        "stop": ["\\xe9\\x2c\\n"],
    }
    assert model["params"]["stop"][0].encode().decode("unicode_escape") == "é,\n"
    assert (model["id"], model["base_model_id"], model["name"]) == ("one", "gpt-5", "One")
    assert model["meta"]["suggestion_prompts"] == [{"content": "Hi?"}]
    assert model["meta"]["tags"] == [{"name": "a"}]
    assert model["access_grants"] == []


def test_what_is_kept_but_not_used_there_is_told() -> None:
    persona = parse_persona(persona_text("one", greeting="Hi!", avatar="🧭", model="ours/m"))
    _, losses = write_models(persona)
    assert losses[0] == "Open WebUI keeps but doesn't use: greetings, the avatar."
    assert "ours/m" in losses[1]


@settings(max_examples=40)
@given(personas())
def test_a_persona_comes_back_as_it_was(persona: Persona) -> None:
    models = json.loads(json.dumps(write_models(persona)[0]))
    assert read_model(models[0])[0] == persona


def test_what_was_edited_there_wins_and_the_rest_is_ours() -> None:
    model = exported(
        systemPrompt="Old.", personality={"tone": "dry"}, greeting="Hi!", topP=0.5, tags=["a"], avatar="🧭"
    )
    model["params"] |= {"system": "New.", "temperature": 1}
    del model["params"]["top_p"]
    model["meta"]["tags"] = []
    persona, losses = read_model(model)
    assert persona.system_prompt == "New."
    assert persona.personality == Personality()
    assert (persona.temperature, persona.top_p, persona.tags) == (1.0, None, ())
    assert (persona.greeting, persona.avatar) == ("Hi!", "🧭")
    assert losses == ()


@pytest.mark.parametrize("ours", [7, {}, {"id": "../x"}, {"id": "one", "name": "One"}])
def test_nonsense_in_our_own_place_is_left_out_and_told(ours: Any) -> None:
    persona, losses = read_model(FOREIGN | {"meta": FOREIGN["meta"] | {"personachat": ours}})
    assert persona.name == "SQL tutor"
    assert any("can't be read" in loss for loss in losses)
