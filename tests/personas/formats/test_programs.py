"""Files of other programs: each is named for what it is, read into a persona, and says what it loses."""

from __future__ import annotations

import pytest

from personachat.personas.persona import Example
from tests.personas.formats.costs import little_memory
from tests.personas.formats.program_files import AGNAI, ELIZA, KNOWN, LM_STUDIO, LOBECHAT, one


@pytest.mark.parametrize("kind", KNOWN)
def test_each_is_named_for_what_it_is_and_says_its_prompt(kind: str) -> None:
    value, label = KNOWN[kind]
    with little_memory():
        found = one(value)
    assert found.looks_like == label
    told = f"{found.persona.system_prompt} {found.persona.description}"
    assert "berth" in told.lower() or "harbour" in told.lower()
    assert found.persona.id != "persona"


def test_what_lobechat_knows_has_a_place_or_is_a_loss() -> None:
    found = one(LOBECHAT)
    persona = found.persona
    assert (persona.name, persona.avatar, persona.description) == ("Harbour clerk", "⚓", "Berths")
    assert (persona.model, persona.temperature, persona.top_p) == ("gpt-4o", 0.3, None)
    assert (persona.greeting, persona.starters, persona.tags) == ("Ahoy.", ("Is berth 3 free?",), ("sea",))
    assert "Left out: plugins." in found.losses
    assert any("frequency_penalty" in loss for loss in found.losses)


def test_elizas_secrets_stay_behind() -> None:
    found = one(ELIZA)
    assert "nobody" not in found.text
    assert "Secrets in the file were left out." in found.losses
    assert found.persona.examples == (Example(user="Free berth?", assistant="Berth 3."),)
    assert "Works nights." in found.persona.system_prompt


def test_agnais_attributes_and_memory_book_come_along() -> None:
    persona = one(AGNAI).persona
    assert "Speech: dry, short" in persona.system_prompt
    assert persona.examples == (Example(user="Free?", assistant="Yes."),)
    assert persona.extensions["character_book"]["entries"][0]["keys"] == ["pier"]


def test_a_setting_that_is_switched_off_says_nothing() -> None:
    found = one(LM_STUDIO)
    assert (found.persona.top_p, found.persona.max_tokens) == (0.9, 1000)
    assert any("topKSampling" in loss for loss in found.losses)
