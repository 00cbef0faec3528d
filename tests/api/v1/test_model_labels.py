"""Labelled and renamed personas as models, as OpenAI's SDK sees them."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from openai import OpenAI

from personachat.services import Services
from tests.conftest import local, persona_text
from tests.fake_provider import FakeProvider, tokens

HELLO: list[Any] = [{"role": "user", "content": "Hello"}]


@pytest.fixture
def labelled(services: Services) -> Services:
    """The persona "tester" with a revision of temperature 0.1 in production, and a newer one."""
    services.personas.save(persona_text(model="fake-1", temperature=0.1))
    collection = local(services).collection
    collection.label("tester", "production")
    services.personas.save(persona_text(model="fake-1", temperature=0.9))
    return services


def temperature(sdk: OpenAI, fake: FakeProvider, model: str) -> float:
    fake.enqueue(tokens(["Hi"]))
    answer = sdk.chat.completions.create(model=model, messages=HELLO)
    assert answer.model == model
    asked: float = fake.chats[-1].body["temperature"]
    return asked


def test_a_label_asks_for_its_revision_and_none_for_the_newest(
    sdk: OpenAI, labelled: Services, fake: FakeProvider
) -> None:
    assert temperature(sdk, fake, "tester@production") == 0.1
    assert temperature(sdk, fake, "tester") == 0.9
    fake.enqueue(tokens(["Hi"]))
    sdk.responses.create(model="tester@production", input="Hello")
    assert fake.chats[-1].body["temperature"] == 0.1


def test_models_name_the_labels(sdk: OpenAI, labelled: Services) -> None:
    assert [model.id for model in sdk.models.list()] == ["tester", "tester@production"]
    assert sdk.models.retrieve("tester@production").id == "tester@production"


@pytest.mark.parametrize("model", ["tester@nope", "tester@", "nobody@production", "tester@production@x"])
def test_an_unknown_label_is_a_clear_404(sdk: OpenAI, labelled: Services, model: str) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        sdk.chat.completions.create(model=model, messages=HELLO)
    assert refused.value.code == "model_not_found"
    assert refused.value.param == "model"


def test_the_name_of_a_model_follows_a_renaming(sdk: OpenAI, labelled: Services, fake: FakeProvider) -> None:
    labelled.personas.rename("tester", "coach")
    assert temperature(sdk, fake, "tester") == 0.9
    assert temperature(sdk, fake, "tester@production") == 0.1
    assert sdk.models.retrieve("tester").id == "coach"
    assert [model.id for model in sdk.models.list()] == ["coach", "coach@production"]


def test_a_labelled_revision_outlives_pruning(make_services: Any) -> None:
    services: Services = make_services(kept_revisions=2)
    collection = local(services).collection
    long = "Be patient. " * 600
    for number in range(6):
        services.personas.save(persona_text(systemPrompt=f"{number} {long}"))
        if number == 1:
            collection.label("tester", "production")
    there = [each.number for each in collection.revisions.of("tester")]
    assert len(there) == 3
    assert services.addressed.get("tester@production").persona.system_prompt == f"1 {long}"
