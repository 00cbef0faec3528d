"""One-click fixes: what the linter finds is gone after its fix, and nothing else of the text has changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from personachat.authoring.linting import Linter, fixed
from personachat.authoring.linting.fixes import Fix
from personachat.providers.catalogue import ModelNames
from personachat.providers.registry import ProviderRegistry
from personachat.replies.runner import ReplyRunner
from personachat.settings import load_settings


@pytest.fixture(scope="module")
def linter() -> Iterator[Linter]:
    settings = load_settings()
    providers, runner = ProviderRegistry(settings), ReplyRunner(max_concurrent=1)
    yield Linter(providers, ModelNames(providers, runner), today=lambda: date(2026, 11, 22))
    runner.close()


def text_of(**keys: Any) -> str:
    base: dict[str, Any] = {"id": "one", "name": "One", "systemPrompt": "You are a test.", "model": "fake-1"}
    base |= {"extensions": {"odd": [1, 2.50]}}
    return json.dumps(base | keys, indent=3, ensure_ascii=False)


@pytest.mark.parametrize(
    ("keys", "after"),
    [
        ({"systemPrompt": 'Hi {{usr}}, "it"\n{{ USR }}'}, {"systemPrompt": 'Hi {{user}}, "it"\n{{ USR }}'}),
        ({"systemPrompt": "é 🐙 {{nam}}: {user}"}, None),
        ({"systemPrompt": "I am {user}} and {char}."}, None),
        ({"systemPrompt": "Hi <BOT>."}, {"systemPrompt": "Hi {{char}}."}),
        ({"greeting": "Hi {{customer}}"}, {"greeting": "Hi {{user}}"}),
        ({"starters": ["a", "b", "A "]}, {"starters": ["a", "b"]}),
        ({"greeting": "x", "alternateGreetings": ["y", "x"]}, {"greeting": "x", "alternateGreetings": ["y"]}),
        ({"temperature": 1.9}, {"temperature": 1}),
        ({"personality": {"tone": "dry", "style": ""}}, {"personality": {"tone": "dry"}}),
        ({"extensions": {"parameters": [1]}}, {"extensions": {}}),
        (
            {"extensions": {"parameters": {"model": "x", "top_k": 4}}},
            {"extensions": {"parameters": {"top_k": 4}}},
        ),
    ],
)
def test_a_finding_is_gone_after_its_fix_and_all_else_stays(
    linter: Linter, keys: dict[str, Any], after: dict[str, Any] | None
) -> None:
    text = text_of(**keys)
    found = [finding for finding in linter.lint(text) if finding.fix]
    assert found
    fix = found[0].fix
    assert fix
    mended = fixed(text, fix)
    assert len(linter.lint(mended)) < len(linter.lint(text))
    if after:
        assert json.loads(mended) == json.loads(text_of(**(keys | after)))


def test_every_fix_of_a_text_can_be_made_one_after_the_other(linter: Linter) -> None:
    text = text_of(
        systemPrompt="{{usr}} {{usr}} {user} {{nam}}", starters=["x", "x", "x"], temperature=1.8, stop=["a"]
    )
    for _ in range(20):
        fix = next((finding.fix for finding in linter.lint(text) if finding.fix), None)
        if fix is None:
            break
        text = fixed(text, fix)
    assert not [finding for finding in linter.lint(text) if finding.fix]
    assert json.loads(text)["systemPrompt"] == "{{user}} {{user}} {{user}} {{user}}"


@pytest.mark.parametrize("now", ["Hello {{usr}}", "", "Hi {{us"])
def test_a_text_that_has_changed_is_not_written_over(now: str) -> None:
    fix = Fix("Write {{user}}", ("systemPrompt",), "{{user}}", "{{usr}}", 3)
    with pytest.raises(LookupError):
        fixed(text_of(systemPrompt=now), fix)


def test_a_model_that_is_retired_is_replaced_by_what_its_maker_names(linter: Linter) -> None:
    text = text_of(model="gpt-4")
    finding = next(each for each in linter.lint(text) if each.code == "model-retired")
    assert finding.fix
    assert "model-retired" not in [each.code for each in linter.lint(fixed(text, finding.fix))]
