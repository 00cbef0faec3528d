"""POST /v1/responses as OpenAI's SDK sees it, and what the persona's provider is asked."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from openai import OpenAI

from personachat.services import Services
from tests.conftest import persona_text
from tests.fake_provider import FakeProvider, chunk, events, tokens


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
    told = list(sdk.responses.create(model="tester", input="Hi", stream=True))
    assert [event.type for event in told][:4] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
    ]
    assert "".join(event.delta for event in told if event.type == "response.output_text.delta") == "Hello"
    assert told[-1].type == "response.completed"
    assert told[-1].response.output_text == "Hello"
    assert [event.sequence_number for event in told] == list(range(len(told)))


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


def test_the_numbers_are_those_the_provider_gets(sdk: OpenAI, fake: FakeProvider, services: Services) -> None:
    services.personas.save(persona_text("second", temperature=0.3, maxTokens=50))
    response = sdk.responses.create(
        model="second", input="Hi", top_p=0.5, extra_body={"frequency_penalty": 0.25}
    )
    sent = fake.chats[-1].body
    assert (response.temperature, response.max_output_tokens, response.top_p) == (0.3, 50, 0.5)
    assert (sent["temperature"], sent["max_tokens"], sent["top_p"]) == (0.3, 50, 0.5)
    assert sent["frequency_penalty"] == 0.25
    assert sdk.responses.create(model="second", input="Hi", temperature=0).temperature == 0


@pytest.mark.parametrize("store", [True, False])
def test_a_response_says_whether_it_can_be_referred_to(sdk: OpenAI, store: bool) -> None:  # noqa: FBT001  # pytest gives it by name
    response = sdk.responses.create(model="tester", input="Hi", store=store, metadata={"a": "b"})
    assert response.model_extra == {"store": store, "presence_penalty": 0, "frequency_penalty": 0}
    assert response.metadata == {"a": "b"}
    assert response.completed_at
    assert response.completed_at >= response.created_at


def test_a_reply_without_a_word_is_an_empty_message(sdk: OpenAI, fake: FakeProvider) -> None:
    fake.enqueue(tokens([], finish="length"))
    told = list(sdk.responses.create(model="tester", input="Hi", stream=True))
    assert "response.output_text.delta" not in {event.type for event in told}
    assert told[-1].type == "response.incomplete"
    (message,) = told[-1].response.output
    assert message.type == "message"
    assert message.status == "incomplete"
    assert told[-1].response.output_text == ""


def test_images_are_passed_on_as_given(sdk: OpenAI, fake: FakeProvider) -> None:
    parts: Any = [
        {"type": "input_text", "text": "What is it?"},
        {"type": "input_image", "image_url": "data:image/png;base64,AA", "detail": "low"},
        {"type": "input_image", "image_url": "https://example.org/a.png"},
    ]
    sdk.responses.create(model="tester", input=[{"role": "user", "content": parts}])
    assert fake.chats[-1].body["messages"][-1]["content"] == [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
    ]


def _image(url: str, *, role: str = "user") -> dict[str, Any]:
    return {"input": [{"role": role, "content": [{"type": "input_image", "image_url": url}]}]}


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"background": True}, "background"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"tools": [{"type": "function", "name": "no spaces"}]}, "tools[0].name"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": {"type": "function", "name": "look_up"}}, "tool_choice"),
        ({"input": [{"type": "web_search_call"}]}, "input[0]"),
        ({"input": [{"role": "tool", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user", "content": [{"type": "input_file"}]}]}, "input[0].content[0]"),
        ({"input": [{"type": "function_call", "name": "f", "arguments": "{}"}]}, "input[0].call_id"),
        ({"input": [{"type": "function_call_output", "call_id": "1"}]}, "input[0].output"),
        (_image("file:///etc/passwd"), "input[0].content[0].image_url"),
        (_image("data:,x", role="assistant"), "input[0].content[0]"),
    ],
)
def test_what_no_persona_can_do_is_refused(
    sdk: OpenAI, fake: FakeProvider, more: dict[str, Any], param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        sdk.responses.create(model="tester", input="Hi", extra_body=more)
    assert refused.value.param == param
    assert refused.value.type == "invalid_request_error"
    assert not fake.chats


def test_what_is_null_was_not_said(sdk: OpenAI) -> None:
    nothing: Any = dict.fromkeys(["previous_response_id", "tools", "tool_choice", "text", "background"])
    assert sdk.responses.create(model="tester", input="Hi", extra_body=nothing).status == "completed"


def test_a_failure_in_the_middle_ends_the_stream(sdk: OpenAI, fake: FakeProvider) -> None:
    fake.enqueue(events(chunk({"content": "Hel"}), {"error": {"message": "It broke"}}))
    told = list(sdk.responses.create(model="tester", input="Hi", stream=True))
    assert told[-1].type == "response.failed"
    assert told[-1].response.error
    assert told[-1].response.completed_at is None
