"""Function tools in POST /v1/responses: offered, called, answered, whole and as it comes."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from openai import OpenAI
from openai.types.responses import ToolChoiceFunction

from personachat.providers.openai.provider import OpenAICompatibleProvider
from tests.fake_provider import FakeProvider, Reply, chunk, events

PARAMETERS: dict[str, Any] = {"type": "object", "properties": {"q": {"type": "string"}}}
LOOK_UP: Any = {"type": "function", "name": "look_up", "description": "Looks up.", "parameters": PARAMETERS}
IN_A_CHAT = {
    "type": "function",
    "function": {"name": "look_up", "description": "Looks up.", "parameters": PARAMETERS},
}


def piece(index: int, arguments: str, *, call_id: str | None = None) -> dict[str, Any]:
    """A piece of a call of look_up; with its id it is the first one."""
    if call_id is None:
        return {"index": index, "function": {"arguments": arguments}}
    function = {"name": "look_up", "arguments": arguments}
    return {"index": index, "id": call_id, "type": "function", "function": function}


def calls(*pieces: dict[str, Any], text: str = "") -> Reply:
    said = [chunk(text)] if text else []
    usage = {"choices": [], "usage": {"prompt_tokens": 4, "completion_tokens": 2}}
    return events(
        *said, *(chunk({"tool_calls": [one]}) for one in pieces), chunk({}, finish="tool_calls"), usage
    )


ONE_CALL = calls(piece(0, "", call_id="call_1"), piece(0, '{"q": '), piece(0, '"x"}'))
TWO_CALLS = calls(
    piece(0, '{"q": ', call_id="call_1"),
    piece(1, '{"q": "y"}', call_id="call_2"),
    piece(0, '"x"}'),
    text="Let me see.",
)


def test_a_call_comes_back_and_its_output_is_answered(sdk: OpenAI, fake: FakeProvider) -> None:
    fake.enqueue(ONE_CALL)
    said: list[Any] = [{"role": "user", "content": "What is x?"}]
    response = sdk.responses.create(model="tester", input=said, tools=[LOOK_UP], tool_choice="required")
    (call,) = response.output
    assert call.type == "function_call"
    assert (call.call_id, call.name, call.arguments) == ("call_1", "look_up", '{"q": "x"}')
    assert (response.status, call.status) == ("completed", "completed")
    assert (call.id or "").startswith("fc_")
    assert fake.chats[-1].body["tools"] == [IN_A_CHAT]
    assert fake.chats[-1].body["tool_choice"] == "required"

    said += [call, {"type": "function_call_output", "call_id": call.call_id, "output": "42"}]
    answer = sdk.responses.create(model="tester", input=said, tools=[LOOK_UP])
    assert answer.output_text == "You said: What is x?"
    function = {"name": "look_up", "arguments": '{"q": "x"}'}
    assert fake.chats[-1].body["messages"][1:] == [
        {"role": "user", "content": "What is x?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "call_1", "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "42"},
    ]


def test_a_call_as_it_comes(sdk: OpenAI, fake: FakeProvider) -> None:
    fake.enqueue(ONE_CALL)
    told = list(sdk.responses.create(model="tester", input="x?", tools=[LOOK_UP], stream=True))
    kinds = [event.type.removeprefix("response.") for event in told]
    assert list(dict.fromkeys(kinds)) == [  # what comes together is one delta
        "created",
        "in_progress",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ]
    added, done = told[2], told[-2]
    assert added.type == "response.output_item.added"
    assert added.item.type == "function_call"
    assert (added.item.name, added.item.call_id, added.item.arguments) == ("look_up", "call_1", "")
    assert added.item.status == "in_progress"
    assert done.type == "response.output_item.done"
    assert done.item.type == "function_call"
    assert done.item.arguments == '{"q": "x"}'
    assert [event.sequence_number for event in told] == list(range(len(told)))


def test_calls_side_by_side_after_text_each_have_their_place(sdk: OpenAI, fake: FakeProvider) -> None:
    fake.enqueue(TWO_CALLS)
    told = list(sdk.responses.create(model="tester", input="x and y?", tools=[LOOK_UP], stream=True))
    kinds = [event.type.removeprefix("response.") for event in told]
    assert kinds.index("output_text.done") < kinds.index("function_call_arguments.delta")
    arguments = {1: "", 2: ""}
    for event in told:
        if event.type == "response.function_call_arguments.delta":
            arguments[event.output_index] += event.delta
    assert arguments == {1: '{"q": "x"}', 2: '{"q": "y"}'}
    assert told[-1].type == "response.completed"
    response = told[-1].response
    assert [item.type for item in response.output] == ["message", "function_call", "function_call"]
    assert response.output_text == "Let me see."
    done = [event.item for event in told if event.type == "response.output_item.done"]
    assert done == response.output


def test_text_calls_and_outputs_go_back_as_the_model_wrote_them(sdk: OpenAI, fake: FakeProvider) -> None:
    fake.enqueue(TWO_CALLS)
    response = sdk.responses.create(model="tester", input="x and y?", tools=[LOOK_UP])
    outputs: list[Any] = [
        {"type": "function_call_output", "call_id": "call_1", "output": "1"},
        {
            "type": "function_call_output",
            "call_id": "call_2",
            "output": [{"type": "input_text", "text": "2"}],
        },
    ]
    said: list[Any] = [{"role": "user", "content": "x and y?"}, *response.output, *outputs]
    sdk.responses.create(model="tester", input=said, tools=[LOOK_UP])
    _, _, assistant, *results = fake.chats[-1].body["messages"]
    assert assistant["content"] == "Let me see."
    assert [call["id"] for call in assistant["tool_calls"]] == ["call_1", "call_2"]
    assert [(result["tool_call_id"], result["content"]) for result in results] == [
        ("call_1", "1"),
        ("call_2", "2"),
    ]


def test_nothing_stands_between_calls_and_their_outputs(sdk: OpenAI, fake: FakeProvider) -> None:
    said: list[Any] = [
        {"type": "function_call", "call_id": "1", "name": "look_up", "arguments": "{}"},
        {"role": "assistant", "content": "A moment.", "phase": "commentary"},
        {"type": "function_call_output", "call_id": "1", "output": "42"},
    ]
    sdk.responses.create(model="tester", input=said)
    _, assistant, result = fake.chats[-1].body["messages"]
    assert (assistant["content"], result["role"]) == ("A moment.", "tool")
    assert set(assistant) == {"role", "content", "tool_calls"}


def test_a_certain_function_can_be_chosen(sdk: OpenAI, fake: FakeProvider) -> None:
    fake.enqueue(ONE_CALL)
    response = sdk.responses.create(
        model="tester",
        input="x?",
        tools=[LOOK_UP],
        tool_choice={"type": "function", "name": "look_up"},
        parallel_tool_calls=False,
    )
    sent = fake.chats[-1].body
    assert sent["tool_choice"] == {"type": "function", "function": {"name": "look_up"}}
    assert sent["parallel_tool_calls"] is False
    assert response.parallel_tool_calls is False
    assert response.tool_choice == ToolChoiceFunction(type="function", name="look_up")
    (tool,) = response.tools
    assert tool.type == "function"
    assert (tool.name, tool.description, tool.parameters) == ("look_up", "Looks up.", PARAMETERS)


def test_without_tools_no_choice_among_them_is_sent(sdk: OpenAI, fake: FakeProvider) -> None:
    response = sdk.responses.create(model="tester", input="Hi", tools=[], tool_choice="auto")
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & set(fake.chats[-1].body)
    assert (response.tools, response.tool_choice) == ([], "auto")


def test_a_call_without_an_id_gets_one(sdk: OpenAI, fake: FakeProvider) -> None:
    fake.enqueue(calls({"index": 0, "function": {"name": "look_up", "arguments": "{}"}}))
    (call,) = sdk.responses.create(model="tester", input="x?", tools=[LOOK_UP]).output
    assert call.type == "function_call"
    assert call.call_id.startswith("call_")


@pytest.mark.parametrize(
    "more",
    [
        {"tools": [LOOK_UP], "tool_choice": "required"},
        {"input": [{"type": "function_call_output", "call_id": "1", "output": "42"}]},
        {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "data:,x"}]}]},
    ],
)
def test_a_model_that_takes_text_alone_refuses_the_rest(
    sdk: OpenAI, fake: FakeProvider, monkeypatch: pytest.MonkeyPatch, more: dict[str, Any]
) -> None:
    monkeypatch.setattr(OpenAICompatibleProvider, "passes_on", False)
    with pytest.raises(openai.BadRequestError, match="plain text only") as refused:
        sdk.responses.create(model="tester", input="x?", extra_body=more)
    assert refused.value.code == "request_refused"
    assert not fake.chats
