"""Reasoning in POST /v1/responses: told as items, and given back to the model with a call's output."""

from __future__ import annotations

from typing import Any

import pytest
from openai import OpenAI
from openai.types.responses import ResponseReasoningItem

from personachat.api.v1 import reasoning_content
from tests.api.v1.test_response_tools import LOOK_UP, piece
from tests.fake_provider import FakeProvider, Reply, chunk, events

OUTPUT: dict[str, Any] = {"type": "function_call_output", "call_id": "call_1", "output": "42"}


def thought_call(text: str = "") -> Reply:
    return events(
        chunk({"reasoning_content": "First "}),
        chunk({"reasoning_content": "I think."}),
        *([chunk(text)] if text else []),
        chunk({"tool_calls": [piece(0, '{"q": "x"}', call_id="call_1")]}),
        chunk({}, finish="tool_calls"),
    )


def thought_answer() -> Reply:
    return events(chunk({"reasoning_content": "Hm."}), chunk("Yes."), chunk({}, finish="stop"))


def assistant_of(fake: FakeProvider) -> dict[str, Any]:
    found: dict[str, Any] = next(
        each for each in fake.chats[-1].body["messages"] if each["role"] == "assistant"
    )
    return found


def test_reasoning_is_an_item_of_its_own_before_the_answer(sdk: OpenAI, fake: FakeProvider) -> None:
    fake.enqueue(thought_answer(), thought_answer())
    whole = sdk.responses.create(model="tester", input="Hi")
    assert [item.type for item in whole.output] == ["reasoning", "message"]
    reasoning = whole.output[0]
    assert isinstance(reasoning, ResponseReasoningItem)
    assert [part.text for part in reasoning.content or ()] == ["Hm."]
    assert (reasoning.summary, reasoning.encrypted_content) == ([], None)
    assert whole.output_text == "Yes."
    told = list(sdk.responses.create(model="tester", input="Hi", stream=True))
    assert [event.type.removeprefix("response.") for event in told] == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "reasoning_text.delta",
        "reasoning_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert [event.sequence_number for event in told] == list(range(len(told)))
    done = [event.item for event in told if event.type == "response.output_item.done"]
    assert told[-1].type == "response.completed"
    assert done == told[-1].response.output


def test_who_asks_for_a_summary_gets_reasoning_as_one(sdk: OpenAI, fake: FakeProvider) -> None:
    fake.enqueue(thought_answer())
    reasoning: Any = {"effort": "low", "summary": "auto"}
    told = list(sdk.responses.create(model="tester", input="Hi", reasoning=reasoning, stream=True))
    deltas = [event.delta for event in told if event.type == "response.reasoning_summary_text.delta"]
    assert deltas == ["Hm."]
    assert {"response.reasoning_summary_part.added", "response.reasoning_summary_part.done"} <= {
        event.type for event in told
    }
    assert told[-1].type == "response.completed"
    item = told[-1].response.output[0]
    assert isinstance(item, ResponseReasoningItem)
    assert [part.text for part in item.summary] == ["Hm."]
    assert item.content is None


ECHOES: dict[str, Any] = {
    "whole items": lambda item: item.model_dump(exclude_none=True),
    "packed alone": lambda item: {
        "type": "reasoning",
        "id": item.id,
        "summary": [],
        "encrypted_content": item.encrypted_content,
    },
    "by reference": lambda item: {"type": "item_reference", "id": item.id},
}


@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES.keys())
@pytest.mark.parametrize("text", ["", "Let me see."])
def test_reasoning_goes_back_with_the_output_of_the_call_it_led_to(
    sdk: OpenAI, fake: FakeProvider, echo: Any, text: str
) -> None:
    fake.enqueue(thought_call(text))
    said: list[Any] = [{"role": "user", "content": "x?"}]
    first = sdk.responses.create(
        model="tester", input=said, tools=[LOOK_UP], include=["reasoning.encrypted_content"]
    )
    said += [echo(item) if item.type == "reasoning" else item for item in first.output]
    said.append(OUTPUT)
    sdk.responses.create(model="tester", input=said, tools=[LOOK_UP])
    assistant = assistant_of(fake)
    assert assistant["reasoning_content"] == "First I think."
    assert assistant["content"] == (text or None)
    assert [call["id"] for call in assistant["tool_calls"]] == ["call_1"]


def test_reasoning_goes_back_also_to_a_response_that_follows(sdk: OpenAI, fake: FakeProvider) -> None:
    fake.enqueue(thought_call())
    first = sdk.responses.create(model="tester", input="x?", tools=[LOOK_UP])
    following: Any = [OUTPUT]
    sdk.responses.create(model="tester", input=following, tools=[LOOK_UP], previous_response_id=first.id)
    assert assistant_of(fake)["reasoning_content"] == "First I think."


def test_each_call_gets_its_own_reasoning_back(sdk: OpenAI, fake: FakeProvider) -> None:
    def thought(text: str) -> dict[str, Any]:
        return {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": text}]}

    def call(number: int) -> dict[str, Any]:
        return {"type": "function_call", "call_id": f"{number}", "name": "look_up", "arguments": "{}"}

    said: Any = [
        {"role": "user", "content": "x?"},
        thought("one"),
        call(1),
        {**OUTPUT, "call_id": "1"},
        thought("two"),
        call(2),
        call(3),
        {**OUTPUT, "call_id": "2"},
        {**OUTPUT, "call_id": "3"},
    ]
    sdk.responses.create(model="tester", input=said, tools=[LOOK_UP])
    told = [each for each in fake.chats[-1].body["messages"] if each["role"] == "assistant"]
    assert [each["reasoning_content"] for each in told] == ["one", "two"]
    assert [len(each["tool_calls"]) for each in told] == [1, 2]


def test_reasoning_that_led_to_no_call_is_not_told_again(sdk: OpenAI, fake: FakeProvider) -> None:
    fake.enqueue(thought_answer())
    first = sdk.responses.create(model="tester", input="Hi")
    more: list[Any] = [
        {"role": "user", "content": "Hi"},
        *first.output,
        {"role": "user", "content": "x?"},
        {"type": "function_call", "call_id": "call_1", "name": "look_up", "arguments": "{}"},
        OUTPUT,
    ]
    sdk.responses.create(model="tester", input=more, tools=[LOOK_UP])
    assert "Hm." not in str(fake.chats[-1].body)


def test_thoughts_that_close_late_are_an_item_as_well(sdk: OpenAI, fake: FakeProvider) -> None:
    fake.enqueue(events(chunk("I wonder."), chunk("\n</think>\n\nYes."), chunk({}, finish="stop")))
    told = list(sdk.responses.create(model="tester", input="Hi", stream=True))
    assert told[-1].type == "response.completed"
    by_type = {item.type: item for item in told[-1].response.output}
    assert told[-1].response.output_text == "Yes."
    reasoning = by_type["reasoning"]
    assert isinstance(reasoning, ResponseReasoningItem)
    assert [part.text for part in reasoning.content or ()] == ["I wonder."]


def test_a_reply_of_nothing_but_reasoning_has_an_empty_message(sdk: OpenAI, fake: FakeProvider) -> None:
    fake.enqueue(events(chunk({"reasoning_content": "Hm."}), chunk({}, finish="length")))
    response = sdk.responses.create(model="tester", input="Hi")
    assert [item.type for item in response.output] == ["reasoning", "message"]
    assert response.status == "incomplete"


@pytest.mark.parametrize(
    "foreign", ["gAAAAABo-from-elsewhere", "pc1.", "pc1.!!!", "pc1.AAAA", "pc1.é", 7, None, {"a": "b"}]
)
def test_what_another_provider_packed_is_passed_over(sdk: OpenAI, fake: FakeProvider, foreign: Any) -> None:
    said: Any = [
        {"role": "user", "content": "x?"},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": foreign},
        {"type": "function_call", "call_id": "call_1", "name": "look_up", "arguments": "{}"},
        OUTPUT,
    ]
    sdk.responses.create(model="tester", input=said, tools=[LOOK_UP])
    assert "reasoning_content" not in assistant_of(fake)


@pytest.mark.parametrize("text", ["", "Hm.", "é \U0001f600 \u2028\n", "\ud800 half", "x" * 100_000])
def test_what_is_packed_is_unpacked_as_it_was(text: str) -> None:
    assert reasoning_content.unpacked(reasoning_content.packed(text)) == text.replace("\ud800", "\ufffd")


def test_nothing_unpacks_to_more_than_a_bounded_text() -> None:
    bomb = reasoning_content.packed("x" * (reasoning_content.LONGEST_BYTES * 4))
    assert len(bomb) < 100_000
    assert len(reasoning_content.unpacked(bomb)) == reasoning_content.LONGEST_BYTES
