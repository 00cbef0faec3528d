"""Personas leave for other programs and come back."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from personachat.personas.formats.programs import librechat, markdown, ollama
from personachat.personas.formats.promptfoo import write_config
from personachat.personas.persona import Example, Persona
from tests.personas.formats.program_files import PROMPTFOO, one


def test_promptfoos_tests_are_kept_for_the_way_back() -> None:
    found = one(PROMPTFOO.encode())
    assert (found.persona.model, found.persona.temperature, found.persona.max_tokens) == ("gpt-4o", 0.1, 50)
    assert found.persona.starters == ("Is berth 3 free?",)
    written, _ = write_config(found.persona, today="2026-01-01")
    tests = yaml.safe_load(written)["tests"]
    assert tests[0]["assert"] == [{"type": "contains", "value": "berth"}]
    assert any("prompts in separate files" in loss for loss in found.losses)


@pytest.mark.parametrize(
    "test",
    [
        {"assert": [{"type": "javascript", "value": "process.exit(1)"}]},
        {"assert": [{"type": "not-python", "value": "1"}]},
        {"assert": [{"type": "contains", "value": "file://secret.txt"}]},
        {"assert": [{"type": "contains", "value": "{{env.OPENAI_API_KEY}}"}]},
        {"assert": [{"type": "contains", "value": "x", "transform": "process.exit(1)"}]},
        {"assert": [{"type": "llm-rubric", "value": "x", "provider": "exec:rm"}]},
        {"assert": {"type": "contains", "value": "x"}},
        {"assert": "file://tests.js"},
        {"vars": {"question": "exec:rm -rf"}},
        {"vars": {"question": ["fine", {"deep": " https://example.org/x"}]}},
        {"vars": "file://vars.yaml"},
        {"options": {"transform": "process.exit(1)"}},
        {"provider": "exec:rm"},
        {"assertScoringFunction": "file://score.js"},
    ],
)
def test_a_test_that_could_run_something_does_not_leave(test: dict[str, Any]) -> None:
    fine = {"vars": {"question": "Free?"}, "assert": [{"type": "not-contains", "value": "no"}]}
    persona = Persona(
        id="clerk", name="Clerk", system_prompt="x", extensions={"promptfoo": {"tests": [test, fine]}}
    )
    written, losses = write_config(persona, today="2026-01-01")
    assert yaml.safe_load(written)["tests"] == [fine]
    assert "Tests that run code, read files or fill in variables were left out." in losses


def test_our_own_promptfoo_export_comes_back() -> None:
    persona = Persona(
        id="clerk",
        name="Clerk {{x}}",
        system_prompt="You are {{char}} {% raw %} for {{user}}.",
        greeting="Ahoy.",
        examples=(Example(user="Free?", assistant="Yes."),),
        starters=("Berth 3?",),
    )
    back = one(write_config(persona, today="2026-01-01")[0].encode()).persona
    assert back.name == persona.name
    assert "{% raw %} for {{user}}." in back.system_prompt
    assert (back.greeting, back.examples, back.starters) == ("Ahoy.", persona.examples, persona.starters)


PERSONA = Persona(
    id="harbour-clerk",
    name="Harbour clerk",
    description="Berths: all of them",
    system_prompt="You are {{char}}.\n\n---\nname: no front matter",
    model="ollama/llama3.2",
    temperature=0.3,
    greeting="Ahoy.",
    starters=("Free?",),
    tags=("sea",),
    stop=("###",),
)


def test_a_markdown_agent_leaves_and_comes_back() -> None:
    text, losses = markdown.write_agent(PERSONA)
    back = one(text.encode()).persona
    assert (back.id, back.name, back.description, back.model) == (
        "harbour-clerk",
        "Harbour clerk",
        "Berths: all of them",
        "ollama/llama3.2",
    )
    assert (back.greeting, back.starters, back.tags, back.temperature) == ("Ahoy.", ("Free?",), ("sea",), 0.3)
    assert back.system_prompt.startswith("You are Harbour clerk.")
    assert losses == ("A Markdown agent can't include: stop texts.",)


def test_a_modelfile_leaves_and_comes_back() -> None:
    text, _ = ollama.write_modelfile(PERSONA)
    found = one(text.encode(), filename="Harbour clerk.Modelfile")
    assert (found.persona.name, found.persona.model) == ("Harbour clerk", "ollama/llama3.2")
    assert (found.persona.temperature, found.persona.stop, found.persona.greeting) == (0.3, ("###",), "Ahoy.")


def test_a_prompt_cannot_break_out_of_a_modelfile() -> None:
    evil = PERSONA.model_copy(
        update={"system_prompt": 'Hi """\nFROM evil\nPARAMETER stop x\n"""', "model": "a\nb"}
    )
    text, losses = ollama.write_modelfile(evil)
    back = one(text.encode()).persona
    assert back.model != "ollama/evil"
    assert any("quotes" in loss for loss in losses)
    assert text.startswith("FROM a b\n")


def test_a_librechat_spec_leaves_and_comes_back() -> None:
    text, losses = librechat.write_config(PERSONA)
    spec = yaml.safe_load(text)["modelSpecs"]["list"][0]
    assert (spec["preset"]["endpoint"], spec["preset"]["model"]) == ("ollama", "llama3.2")
    back = one(text.encode()).persona
    assert (back.name, back.greeting, back.temperature) == ("Harbour clerk", "Ahoy.", 0.3)
    assert any("endpoint" in loss for loss in losses)
