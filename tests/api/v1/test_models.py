"""GET /v1/models as OpenAI's SDK sees it."""

from __future__ import annotations

import openai
import pytest
from openai import OpenAI

from personachat.services import Services
from tests.conftest import persona_text


def test_personas_are_listed_as_models(sdk: OpenAI, services: Services) -> None:
    services.personas.save(persona_text("second", description="Another."))
    models = {model.id: model for model in sdk.models.list()}
    assert set(models) == {"tester", "second"}
    assert models["second"].owned_by == "personachat"
    assert models["second"].model_extra == {"name": "Second", "description": "Another."}
    assert sdk.models.retrieve("tester").id == "tester"
    with pytest.raises(openai.NotFoundError):
        sdk.models.retrieve("nobody")


def test_a_broken_persona_is_no_model(sdk: OpenAI, services: Services) -> None:
    (services.settings.personas_dir / "broken.json").write_text("{")
    assert [model.id for model in sdk.models.list()] == ["tester"]
    with pytest.raises(openai.NotFoundError):
        sdk.models.retrieve("broken")
