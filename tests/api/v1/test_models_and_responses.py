"""GET /v1/models and POST /v1/responses as OpenAI's SDK sees them."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from openai import OpenAI

from personachat.services import Services
from tests.conftest import persona_text
from tests.fake_provider import FakeProvider, tokens


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


def test_a_response_in_one_piece(sdk: OpenAI, fake: FakeProvider) -> None:
    fake.enqueue(tokens(["Hel", "lo"], usage=(7, 2)))
    response = sdk.responses.create(model="tester", input="Hi", instructions="Be brief.")
    assert response.output_text == "Hello"
    assert response.status == "completed"
    assert response.usage
    assert response.usage.total_tokens == 9
    sent = fake.chats[-1].body["messages"]
    assert [message["content"] for message in sent] == ["You are a test.", "Be brief.", "Hi"]


def test_a_response_as_it_comes(sdk: OpenAI, fake: FakeProvider) -> None:
    fake.enqueue(tokens(["Hel", "lo"]))
    events = list(sdk.responses.create(model="tester", input="Hi", stream=True))
    assert [event.type for event in events][:4] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
    ]
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == "Hello"
    assert events[-1].type == "response.completed"
    assert events[-1].response.output_text == "Hello"
    assert [event.sequence_number for event in events] == list(range(len(events)))


def test_a_response_that_was_cut_says_so(sdk: OpenAI, fake: FakeProvider) -> None:
    fake.enqueue(tokens(["Hel"], finish="length"))
    response = sdk.responses.create(model="tester", input="Hi", max_output_tokens=1)
    assert response.status == "incomplete"
    assert response.incomplete_details
    assert response.incomplete_details.reason == "max_output_tokens"
    assert fake.chats[-1].body["max_tokens"] == 1


def test_messages_in_parts_are_taken(sdk: OpenAI, fake: FakeProvider) -> None:
    said: Any = [
        {"role": "user", "content": [{"type": "input_text", "text": "One"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Two"}]},
        {"role": "user", "content": "Three"},
    ]
    sdk.responses.create(model="tester", input=said)
    sent = fake.chats[-1].body["messages"][1:]
    assert [(message["role"], message["content"]) for message in sent] == [
        ("user", "One"),
        ("assistant", "Two"),
        ("user", "Three"),
    ]


def test_a_schema_for_the_answer_is_passed_on(sdk: OpenAI, fake: FakeProvider) -> None:
    wanted: Any = {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}}
    sdk.responses.create(model="tester", input="Hi", text=wanted)
    assert fake.chats[-1].body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "n", "schema": {"type": "object"}},
    }


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"tools": [{"type": "web_search"}]}, "tools"),
        ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, "input[0].content"),
        ({"input": [{"type": "reasoning"}]}, "input[0]"),
    ],
)
def test_what_is_no_text_is_refused(sdk: OpenAI, more: dict[str, Any], param: str) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        sdk.responses.create(model="tester", input="Hi", extra_body=more)
    assert refused.value.param == param
