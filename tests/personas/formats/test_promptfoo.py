"""What promptfoo is given says what the persona says, and stays text there."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings

from personachat.personas.formats.promptfoo import write_config
from personachat.personas.persona import Persona, parse_persona
from tests.conftest import persona_text
from tests.strategies import personas

TODAY = "2026-03-01"
VARIABLES = {"{{message}}": "message", "{{user_name}}": "user_name", "{{today}}": "today"}


def read(text: str) -> Any:
    """The configuration as a reader of YAML gets it."""
    return pytest.importorskip("yaml").safe_load(text)


def rendered(template: str, **values: str) -> str:
    """What promptfoo's template language makes of it, as far as we use that; fails at anything else."""

    def value(found: re.Match[str]) -> str:
        if found[0] in ("{{ '{' }}", "{{ '#' }}"):
            return found[0][4]
        return values[VARIABLES[found[0]]]

    return re.sub(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}|#\}", value, template, flags=re.DOTALL)


def config_of(**keys: Any) -> tuple[Any, tuple[str, ...]]:
    text, losses = write_config(parse_persona(persona_text("one", **keys)), user_name="Ada", today=TODAY)
    return read(text), losses


def messages_of(config: Any, **values: str) -> list[tuple[str, str]]:
    values = config["defaultTest"]["vars"] | {"message": "Hi?"} | values
    prompt = json.loads(config["prompts"][0]["raw"])
    return [(each["role"], rendered(each["content"], **values)) for each in prompt]


def test_the_messages_are_what_would_be_sent() -> None:
    config, losses = config_of(
        systemPrompt="You are {{char}} and talk to {{ USER }} on {{date}}.",
        personality={"tone": "dry"},
        greeting="Hello, {{user}}!",
        examples=[{"user": "2+2?", "assistant": "4"}],
    )
    assert messages_of(config) == [
        ("system", f"You are One and talk to Ada on {TODAY}.\n\n## Manner\n- Tone: dry"),
        ("user", "2+2?"),
        ("assistant", "4"),
        ("assistant", "Hello, Ada!"),
        ("user", "Hi?"),
    ]
    assert losses == ()


def test_model_and_settings_are_told() -> None:
    config, _ = config_of(model="gpt-5", temperature=0.2, maxTokens=77, topP=0.5, stop=["END"])
    assert config["providers"] == [
        {
            "id": "openai:chat:gpt-5",
            "config": {"temperature": 0.2, "max_tokens": 77, "top_p": 0.5, "stop": ["END"]},
        }
    ]


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("anthropic/claude-x", "anthropic:messages:claude-x"),
        ("openrouter/meta/llama", "openrouter:meta/llama"),
        ("ollama/llama3", "ollama:chat:llama3"),
    ],
)
def test_known_providers_are_named_as_promptfoo_names_them(model: str, provider: str) -> None:
    config, losses = config_of(model=model)
    assert config["providers"][0]["id"] == provider
    assert losses == ()


def test_an_unknown_provider_is_a_loss() -> None:
    config, losses = config_of(model="ours/model")
    assert config["providers"][0]["id"] == "openai:chat:ours/model"
    assert "apiBaseUrl" in losses[0]


def test_starters_are_the_tests() -> None:
    config, _ = config_of(starters=["One?", "Two?"])
    assert [each["vars"]["message"] for each in config["tests"]] == ["One?", "Two?"]
    assert len(config_of()[0]["tests"]) == 1


def test_nothing_of_a_persona_is_a_template_an_environment_variable_or_a_file() -> None:
    hostile = "{{env.OPENAI_API_KEY}} {% raw %}{{ '{' }}{# x #} {{{user}}} {{range.constructor()}}"
    config, losses = config_of(
        name="{{env.SECRET}}",
        systemPrompt=hostile,
        model="{{env.SECRET}}",
        stop=["{{env.SECRET}}", "file:///etc/passwd", "END"],
        starters=["file:///etc/passwd", "{{env.SECRET}}", "package:evil:run", "Fine?"],
    )
    whole = json.dumps(config)
    assert not re.search(r"\{\{(?! '\{' \}\})[^}]*env", whole)
    assert "file:" not in whole
    assert "package:" not in whole
    expected = hostile.replace("{{{user}}}", "{Ada}")
    assert messages_of(config)[0] == ("system", expected)
    assert config["providers"][0]["config"]["stop"] == ["END"]
    assert [each["vars"]["message"] for each in config["tests"]] == ["Fine?"]
    assert len(losses) == 2


def test_what_promptfoo_has_no_place_for_is_told() -> None:
    _, losses = config_of(contextTokens=4_000, alternateGreetings=["Hey!"])
    assert len(losses) == 2


@settings(max_examples=40)
@given(personas())
def test_every_persona_is_valid_yaml_and_a_single_prompt(persona: Persona) -> None:
    text, _ = write_config(persona, today=TODAY)
    config = read(text)
    assert rendered(config["description"]) == persona.name
    prompt = json.loads(config["prompts"][0]["raw"])
    assert prompt[0]["role"] == "system"
    assert prompt[-1] == {"role": "user", "content": "{{message}}"}
    assert "\n" in config["prompts"][0]["raw"]  # in one line it could be taken for a file's name
