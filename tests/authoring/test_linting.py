from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from personachat.authoring.linting import Finding, Linter
from personachat.authoring.linting.retirements import deprecated, retirements
from personachat.personas.persona import Persona, dump_persona, parse_persona
from personachat.personas.templates.shipped import shipped
from personachat.providers.catalogue import ModelNames
from personachat.providers.registry import ProviderRegistry
from personachat.replies.runner import ReplyRunner
from personachat.settings import load_settings
from personachat.ui.personas.texts import new_text
from tests.fake_provider import FakeProvider
from tests.strategies import personas

TODAY = date(2026, 11, 22)
LISTED = (
    "mock-1",
    "mock-2",
    "gpt-6.1-sol",
    "o3",
    "claude-sonnet-4-5",
    "claude-opus-5-5",
    "gpt-5-mini",
    "gpt-4o",
)

Lint = Callable[..., list[Finding]]


@pytest.fixture(scope="module")
def linter() -> Iterator[Linter]:
    """One that has OpenAI's list, and a provider "mine" that declares its one model."""
    runner = ReplyRunner(max_concurrent=1)
    with FakeProvider(models=LISTED) as fake:
        mine = {"mine": {"base_url": fake.base_url, "models": ["own-1"]}}
        loaded = load_settings(openai_base_url=fake.base_url, openai_api_key="sk-secret", providers=mine)
        providers = ProviderRegistry(loaded)
        names = ModelNames(providers, runner, configured=loaded.providers)
        names.all(wait_seconds=20)
        yield Linter(providers, names, today=lambda: TODAY)
        runner.ask(providers.aclose(), timeout_seconds=10)
    runner.close()


@pytest.fixture
def lint(linter: Linter) -> Lint:
    return lambda **keys: list(linter.lint(text_of(**keys)))


def text_of(**keys: Any) -> str:
    base = {"id": "one", "name": "One", "systemPrompt": "You are a test.", "model": "gpt-6.1-sol"}
    return json.dumps(base | keys, indent=2, ensure_ascii=False)


def codes(found: list[Finding]) -> list[str]:
    return [finding.code for finding in found]


def test_a_sound_persona_has_no_findings(lint: Lint) -> None:
    assert lint() == []


def test_a_text_that_is_not_valid_has_no_findings(linter: Linter) -> None:
    assert [linter.lint(text) for text in ("", "{", '{"id": "x"}', "[]")] == [()] * 4


def test_findings_come_in_the_order_of_the_text_with_line_and_column(lint: Lint) -> None:
    found = lint(systemPrompt='Say "hi"\tto 😀 {{usr}}.', greeting="Dear [NAME]")
    assert [(finding.line, finding.column, finding.path) for finding in found] == [
        (4, 37, ("systemPrompt",)),
        (6, 21, ("greeting",)),
    ]


@pytest.mark.parametrize("escaped", ["\\ud83d\\ude00 \\u00e9 \\n {{usr}}", "😀 é \\n {{usr}}"])
def test_the_column_is_right_behind_escapes(linter: Linter, escaped: str) -> None:
    text = f'{{"id": "one", "name": "One", "model": "gpt-6.1-sol", "systemPrompt": "{escaped}"}}'
    (found,) = linter.lint(text)
    assert text[found.column - 1 :].startswith("{{usr}}")


@pytest.mark.parametrize(
    ("model", "code", "said"),
    [
        ("mock-3", "model-unknown", "did you mean mock-"),
        ("mine/own-2", "model-unknown", "own-1"),
        ("gpt-4", "model-retired", "OpenAI retired gpt-4 on 23 October 2026. Use gpt-5.6-sol instead"),
        ("openai/gpt-3.5-turbo", "model-retired", "23 October 2026"),
        ("claude-sonnet-4-5", "model-retiring", "30 November 2026"),
        ("gpt-5-mini", "model-retiring", "11 December 2026"),
        ("gpt-4o", "model-retiring", "14 January 2027"),
    ],
)
def test_a_model_that_is_not_there_or_will_not_be_is_found(
    lint: Lint, model: str, code: str, said: str
) -> None:
    found = [finding for finding in lint(model=model) if finding.path == ("model",)]
    assert codes(found) == [code]
    assert said in found[0].message
    assert found[0].severity == "warning"


def test_a_retired_model_that_the_provider_still_lists_is_not_called_retired(linter: Linter) -> None:
    later = Linter(linter._providers, linter._model_names, today=lambda: date(2028, 1, 1))
    assert not later.lint(text_of(model="gpt-4o"))
    assert [finding.code for finding in later.lint(text_of(model="gpt-5"))] == ["model-retired"]


def test_the_end_of_a_model_that_is_far_off_is_only_a_hint(linter: Linter) -> None:
    earlier = Linter(linter._providers, linter._model_names, today=lambda: date(2026, 7, 1))
    (found,) = earlier.lint(text_of(model="gpt-4o"))
    assert (found.code, found.severity) == ("model-retiring", "info")


def test_dates_of_retirement_name_models_that_do_not_go_first() -> None:
    known = retirements()
    assert len(known) > 80
    for model, end in known.items():
        assert model == model.lower()
        assert end.instead not in known or known[end.instead].on > end.on, model


@pytest.mark.parametrize(
    ("keys", "path"),
    [
        ({"model": "o3", "temperature": 0.2, "maxTokens": 4000}, ("temperature",)),
        ({"model": "claude-opus-5-5", "topP": 0.9}, ("topP",)),
        ({"model": "claude-sonnet-4-5", "topP": 0.9}, ("topP",)),
        ({"model": "claude-sonnet-4-5", "temperature": 1.2}, ("temperature",)),
        ({"model": "gpt-5-mini", "stop": ["END"], "maxTokens": 4000}, ("stop",)),
    ],
)
def test_a_parameter_that_the_model_refuses_is_found(
    lint: Lint, keys: dict[str, Any], path: tuple[str, ...]
) -> None:
    assert [finding.path for finding in lint(**keys) if finding.code == "parameter-refused"] == [path]


@pytest.mark.parametrize(
    "keys",
    [
        {"model": "mock-1", "temperature": 0.2, "topP": 0.5, "stop": ["END"]},
        {"model": "o3", "temperature": 1, "maxTokens": 4000},
        {"model": "o3", "maxTokens": 4000},
        {"model": "gpt-4o", "temperature": 0.2, "topP": 0.5},
    ],
)
def test_a_parameter_that_the_model_takes_or_that_nobody_wrote_is_not_found(
    lint: Lint, keys: dict[str, Any]
) -> None:
    assert "parameter-refused" not in codes(lint(**keys))


def test_a_parameter_that_the_server_has_refused_before_is_found(
    lint: Lint, linter: Linter, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {"model": "mock-2", "stop": ["END"]}
    assert lint(**keys) == []
    provider = linter._providers.resolve("mock-2").provider
    monkeypatch.setattr(provider, "body", lambda request: {"temperature": 1, "top_p": 1})
    assert codes(lint(**keys)) == ["parameter-refused"]


@pytest.mark.parametrize(
    "written",
    ["{{usr}}", "{{usernme}}", "{{Char}", "{user}", "<BOT>", "{{ persona }}", "{{dat}}", "{{users}}"],
)
def test_a_misspelt_placeholder_is_found(lint: Lint, written: str) -> None:
    (found,) = lint(systemPrompt=f"Greet {written} warmly.")
    assert (found.code, found.severity) == ("placeholder-misspelt", "warning")
    assert any(f"{{{{{name}}}}}" in found.message for name in ("user", "char", "date"))


@pytest.mark.parametrize(
    "written",
    [
        "[NAME]",
        "[Your company]",
        "<company>",
        "<your name>",
        "{name}",
        "{company_name}",
        "{{topic}}",
        "[insert link]",
    ],
)
def test_a_gap_that_nobody_filled_is_found(lint: Lint, written: str) -> None:
    found = lint(systemPrompt=f"You work for {written} and help.")
    assert [finding.code for finding in found if written in finding.message] == [found[0].code]
    assert found[0].code in ("placeholder-unfilled", "placeholder-misspelt")


@pytest.mark.parametrize("text", ["Be kind.\nTODO: say more", "- TBD", "Lorem ipsum dolor"])
def test_a_note_to_write_more_is_found(lint: Lint, text: str) -> None:
    assert codes(lint(systemPrompt=text)) == ["placeholder-unfilled"]


@pytest.mark.parametrize(
    "text",
    [
        "Call {{user}} by name, {{ CHAR }}, on {{date}}.",
        "See [the company](https://example.com) and [name][1].\n\n[name]: https://example.com",
        "Put it in `[NAME]` or\n```\nHello <company>, {name}\n```",
        "Write <name>Ada</name> in tags.",
        'Answer as {"verdict": "yes"} and \\frac{a}{b} with ${name}.',
        "Turn it into a TODO list. Find TODO comments. Tick [x], cite [1] and [sic].",
        "Say [VERDICT] first, then {verdict}.",
        "Use a <title> element.",
        "It is {{time}}, {{CURRENT_WEEKDAY}}, {{USER_NAME}}. {{// aside}}{{random:tea,coffee}} {{roll:2d6}}",
    ],
)
def test_what_is_meant_as_it_stands_is_no_gap(lint: Lint, text: str) -> None:
    assert lint(systemPrompt=text) == []


def test_placeholders_in_lore_that_nothing_fills_are_named(lint: Lint) -> None:
    entries = [{"keys": ["x"], "content": "{{char}} {{setvar::a::b}} {{topic}} {{topic}}"}]
    (found,) = lint(extensions={"character_book": {"entries": entries}})
    assert found.code == "placeholder-unfilled"
    assert found.path == ("extensions", "character_book")
    assert found.message == "These placeholders in its lore stay as written: {{setvar}}, {{topic}}."
    assert lint(extensions={"character_book": {"entries": [{"content": "{{char}}"}]}}) == []


def test_an_example_may_leave_a_name_open(lint: Lint) -> None:
    example = {"user": "Write a letter", "assistant": "Dear [NAME], regards, [Your name]"}
    assert lint(examples=[example]) == []
    assert codes(lint(examples=[example | {"assistant": "Hello {{usr}}"}])) == ["placeholder-misspelt"]


def test_a_prompt_longer_than_the_window_is_found(lint: Lint) -> None:
    prompt = "word " * 3000
    (found,) = lint(systemPrompt=prompt, contextTokens=3000)
    assert (found.code, found.path, found.severity) == ("prompt-too-long", ("systemPrompt",), "warning")
    assert codes(lint(systemPrompt=prompt, contextTokens=4500)) == ["prompt-too-long"]
    assert lint(systemPrompt=prompt, contextTokens=9000) == []


def test_the_examples_count_as_part_of_the_prompt(lint: Lint) -> None:
    examples = [{"user": "word " * 800, "assistant": "word " * 800}]
    assert codes(lint(examples=examples, contextTokens=2000)) == ["prompt-too-long"]


def test_a_reply_limit_beyond_the_window_or_too_small_to_think_is_found(lint: Lint) -> None:
    assert codes(lint(model="gpt-4o", maxTokens=200_000))[-1] == "max-tokens-too-large"
    assert "max-tokens-too-small" in codes(lint(model="o3", maxTokens=300))
    assert lint(model="mock-1", maxTokens=300) == []


def test_empty_traits_are_found_where_they_were_written(lint: Lint) -> None:
    (found,) = lint(personality={"tone": "dry", "style": " ", "formality": ""})
    assert (found.code, found.path, found.severity) == ("traits-empty", ("personality", "style"), "info")
    (found,) = lint(personality={"tone": "", "style": "", "formality": ""})
    assert (found.code, found.path) == ("traits-empty", ("personality",))
    assert lint(personality={"tone": "dry"}) == []


@pytest.mark.parametrize(
    ("prompt", "trait", "said"),
    [
        ("You help. Never be formal with people.", ("formality", "formal"), "Never be formal"),
        ("Always be casual.", ("formality", "very formal"), "be casual"),
        ("Do not use emojis in replies.", ("style", "short, with emoji"), "Do not use emojis"),
        ("Don't be playful.", ("tone", "witty and warm"), "Don't be playful"),
        ("Stay serious.", ("tone", "humorous"), "Stay serious"),
        ("Keep your answers short.", ("style", "long, detailed"), "Keep your answers short"),
        ("Avoid using bullet lists.", ("style", "lists and tables"), "Avoid using bullet lists"),
    ],
)
def test_a_prompt_that_contradicts_a_trait_is_found(
    lint: Lint, prompt: str, trait: tuple[str, str], said: str
) -> None:
    (found,) = lint(systemPrompt=prompt, personality=dict([trait]))
    assert (found.code, found.path) == ("trait-contradicted", ("personality", trait[0]))
    assert f'"{said}"' in found.message


@pytest.mark.parametrize(
    ("prompt", "trait"),
    [
        ("Never be rude.", "polite, never rude"),
        ("Do not be too formal.", "formal"),
        ("If a customer is upset, never be playful.", "playful"),
        ("Always be formal.", "formal"),
        ("Be brief unless asked.", "long explanations"),
        ("Never be formal.", "not formal"),
        ("Be warm.", "warm but harsh where it has to be"),
        ("You are never formal or informal about formal proofs; formal methods are your field.", "informal"),
        ("Do not correct at once: ask a question.", "one short question at a time"),
        ("Be formal-logic savvy.", "casual"),
    ],
)
def test_what_is_no_plain_contradiction_is_left_alone(lint: Lint, prompt: str, trait: str) -> None:
    assert lint(systemPrompt=prompt, personality={"tone": trait}) == []


def test_what_stands_there_twice_is_found(lint: Lint) -> None:
    found = lint(greeting="Hi!", alternateGreetings=["Yes?", "hi! "], starters=["Help me", "help  me"])
    assert [(finding.code, finding.path) for finding in found] == [
        ("greeting-repeated", ("alternateGreetings", 1)),
        ("starter-repeated", ("starters", 1)),
    ]


def test_a_stop_text_inside_an_example_is_found(lint: Lint) -> None:
    found = lint(stop=["###"], examples=[{"user": "u", "assistant": "a ### b"}])
    assert [(finding.code, finding.path) for finding in found] == [("stop-in-example", ("stop", 0))]


def test_the_shipped_personas_have_nothing_that_hurts(linter: Linter) -> None:
    for file in (Path(__file__).parents[2] / "personas").glob("*.json"):
        found = linter.lint(file.read_text("utf-8"))
        assert [each for each in found if each.code != "model-unknown"] == [], file.name
        assert [each for each in found if each.severity == "warning"] == [], file.name


def test_the_templates_and_the_blank_skeleton_have_nothing_that_hurts(linter: Linter) -> None:
    texts = [*((each.id, each.text) for each in shipped()), new_text("New persona", other_ids=())]
    for name, text in texts:
        found = linter.lint(text)
        assert [each for each in found if each.code != "model-unknown"] == [], name
        assert [each for each in found if each.severity == "warning"] == [], name


def test_what_a_model_takes_depends_on_the_provider_that_is_asked(lint: Lint) -> None:
    keys = {"temperature": 0.2, "topP": 0.9, "maxTokens": 4000}
    assert codes(lint(model="o3", **keys)).count("parameter-refused") == 2
    assert (
        codes(lint(model="claude-sonnet-4-5", temperature=1.2, maxTokens=4000)).count("parameter-refused")
        == 1
    )
    for model in ("mine/own-1", "local/o3", "nowhere-1"):
        assert "parameter-refused" not in codes(lint(model=model, **keys))


@settings(max_examples=40)
@given(personas())
def test_every_persona_can_be_linted_and_every_finding_has_a_place(linter: Linter, persona: Persona) -> None:
    text = dump_persona(persona)
    lines = text.split("\n")
    for finding in linter.lint(text):
        assert finding.message.endswith((".", "?"))
        assert 1 <= finding.column <= len(lines[finding.line - 1])


def test_a_model_that_the_price_list_calls_deprecated_is_known() -> None:
    assert deprecated("mistral", "mistral-tiny")
    assert not deprecated("openai", "gpt-6.1-sol")
    assert not deprecated("mine", "mistral-tiny")


def test_what_a_persona_asks_for_is_judged_even_where_another_model_steps_in() -> None:
    loaded = load_settings()
    providers, runner = ProviderRegistry(loaded), ReplyRunner(max_concurrent=1)
    offline = Linter(providers, ModelNames(providers, runner), today=lambda: TODAY)
    found = offline.lint(text_of(model="gpt-4"))
    runner.close()
    assert [finding.code for finding in found] == ["model-retired"]


def test_a_finding_is_remembered_for_its_text(linter: Linter) -> None:
    text = text_of(systemPrompt="{{usr}}")
    assert linter.lint(text) is linter.lint(text)


def test_the_estimate_says_what_a_message_takes_at_the_most(linter: Linter) -> None:
    estimate = linter.estimate(parse_persona(text_of(model="gpt-4o", systemPrompt="x" * 400, maxTokens=500)))
    assert 100 <= estimate.prompt_tokens <= 110
    assert (estimate.reply_tokens_most, estimate.window_tokens) == (500, 128_000)
    assert estimate.cost_usd_most is not None
    assert 0.004 < estimate.cost_usd_most < 0.01


def test_what_nobody_knows_is_not_estimated(linter: Linter) -> None:
    estimate = linter.estimate(parse_persona(text_of(model="mine/own-1")))
    assert (estimate.window_tokens, estimate.cost_usd_most) == (None, None)


def test_a_reply_is_no_longer_than_what_the_prompt_leaves_of_the_window(linter: Linter) -> None:
    persona = parse_persona(text_of(contextTokens=300, systemPrompt="x" * 400))
    assert linter.estimate(persona).reply_tokens_most == 300 - linter.estimate(persona).prompt_tokens


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({"top_k": 40, "seed": 7, "guided_json": {}, "dry_multiplier": 1, "reasoning_effort": "low"}, []),
        (
            {"temperature": 1},
            [("parameter-not-sent", "temperature is already set by the persona's own key temperature")],
        ),
        ({"top_p": 1}, [("parameter-not-sent", "own key topP")]),
        ({"api_base": "http://elsewhere"}, [("parameter-not-sent", "can't be set by a persona")]),
        ({"tools": []}, [("parameter-not-sent", "can only be set by programs")]),
        ({"top-k": 1}, [("parameter-unknown", "did you mean top_k?")]),
        ({"own_thing": 1}, [("parameter-unknown", "check that the model's server supports it")]),
        (["top_k"], [("parameters-unusable", "must be an object")]),
        (None, [("parameters-unusable", "must be an object")]),
        ({}, []),
    ],
)
def test_parameters_of_its_own_that_will_not_work_are_named(
    lint: Lint, parameters: Any, found: list[tuple[str, str]]
) -> None:
    findings = lint(extensions={"parameters": parameters, "other": {"api_key": "x"}})
    assert codes(findings) == [code for code, _ in found]
    for finding, (_, words) in zip(findings, found, strict=True):
        assert words in finding.message
        assert finding.path[:2] == ("extensions", "parameters")
        assert finding.line > 6
