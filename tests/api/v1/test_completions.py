"""POST /v1/chat/completions as OpenAI's SDK sees it, and what the persona's provider is asked."""

from __future__ import annotations

from typing import Any

import httpx2
import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from personachat.services import Services
from tests.conftest import persona_text
from tests.fake_provider import DONE, FakeProvider, Gate, chunk, events, failure, raw, sse, status, tokens

HELLO: list[Any] = [{"role": "user", "content": "Hello"}]


def asked(fake: FakeProvider) -> dict[str, Any]:
    body: dict[str, Any] = fake.chats[-1].body
    return body


def test_a_persona_answers_in_one_piece(sdk: OpenAI, fake: FakeProvider) -> None:
    fake.enqueue(tokens(["Hel", "lo"], usage=(7, 2)))
    answer = sdk.chat.completions.create(model="tester", messages=HELLO)
    assert answer.choices[0].message.content == "Hello"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == "tester"
    assert answer.usage
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (7, 2)
    assert answer._request_id


def test_a_persona_answers_as_it_comes(sdk: OpenAI, fake: FakeProvider) -> None:
    fake.enqueue(tokens(["Hel", "lo"], usage=(7, 2)))
    options: Any = {"include_usage": True}
    chunks = list(
        sdk.chat.completions.create(model="tester", messages=HELLO, stream=True, stream_options=options)
    )
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(part.choices[0].delta.content or "" for part in chunks if part.choices) == "Hello"
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage
    assert chunks[-1].usage.total_tokens == 9
    assert len({part.id for part in chunks}) == 1


def test_usage_is_told_only_where_that_was_asked_for(sdk: OpenAI, fake: FakeProvider) -> None:
    fake.enqueue(tokens(["Hi"], usage=(7, 1)))
    chunks = list(sdk.chat.completions.create(model="tester", messages=HELLO, stream=True))
    assert all(part.usage is None and part.choices for part in chunks)


@pytest.mark.anyio
async def test_the_async_client_streams_as_well(async_sdk: AsyncOpenAI, fake: FakeProvider) -> None:
    fake.enqueue(tokens(["Hel", "lo"]))
    stream = await async_sdk.chat.completions.create(model="tester", messages=HELLO, stream=True)
    assert "".join([part.choices[0].delta.content or "" async for part in stream]) == "Hello"


def test_prompt_and_examples_come_first_and_the_callers_messages_follow(
    sdk: OpenAI, fake: FakeProvider, services: Services
) -> None:
    example = {"user": "Ping?", "assistant": "Pong."}
    services.personas.save(persona_text(examples=[example], temperature=0.3, maxTokens=50, stop=["END"]))
    sdk.chat.completions.create(model="tester", messages=[{"role": "system", "content": "Be brief."}, *HELLO])
    sent = asked(fake)
    assert [(message["role"], message["content"]) for message in sent["messages"]] == [
        ("system", "You are a test."),
        ("user", "Ping?"),
        ("assistant", "Pong."),
        ("system", "Be brief."),
        ("user", "Hello"),
    ]
    assert (sent["temperature"], sent["max_tokens"], sent["stop"]) == (0.3, 50, ["END"])


def test_the_callers_parameters_win(sdk: OpenAI, fake: FakeProvider) -> None:
    sdk.chat.completions.create(
        model="tester", messages=HELLO, temperature=0, top_p=0.5, max_completion_tokens=9, stop="X", seed=7
    )
    sent = asked(fake)
    assert (sent["temperature"], sent["top_p"], sent["max_tokens"]) == (0, 0.5, 9)
    assert (sent["stop"], sent["seed"]) == (["X"], 7)


def test_the_operator_limits_how_long_a_reply_may_be(make_services: Any, fake: FakeProvider) -> None:
    from tests.api.conftest import served

    with served(make_services(api_max_tokens=2000)) as client:
        url = str(client.base_url).replace("/api/", "/v1")
        with OpenAI(base_url=url, api_key="x", max_retries=0) as sdk:
            sdk.chat.completions.create(model="tester", messages=HELLO, max_tokens=100_000)
            assert asked(fake)["max_tokens"] == 2000
            sdk.chat.completions.create(model="tester", messages=HELLO, max_tokens=10)
            assert asked(fake)["max_tokens"] == 10


def test_tools_are_passed_on_and_their_calls_come_back(sdk: OpenAI, fake: FakeProvider) -> None:
    tool: Any = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}
    pieces = [
        {"index": 0, "id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"q": '}},
        {"index": 0, "function": {"arguments": '"x"}'}},
    ]
    parts = [chunk({"tool_calls": [piece]}) for piece in pieces]
    for _ in range(2):
        fake.enqueue(events(*parts, chunk({}, finish="tool_calls")))
    answer = sdk.chat.completions.create(model="tester", messages=HELLO, tools=[tool])
    calls: Any = answer.choices[0].message.tool_calls
    (call,) = calls
    assert call.type == "function"
    assert (call.id, call.function.name, call.function.arguments) == ("call_1", "look_up", '{"q": "x"}')
    assert answer.choices[0].finish_reason == "tool_calls"
    assert asked(fake)["tools"] == [tool]
    stream = sdk.chat.completions.create(model="tester", messages=HELLO, tools=[tool], stream=True)
    arguments = "".join(
        piece.function.arguments or ""
        for part in stream
        for piece in part.choices[0].delta.tool_calls or ()
        if piece.function
    )
    assert arguments == '{"q": "x"}'


CALLS_AT_ONCE = {
    "pieces in one read": [
        b"".join(
            sse(chunk({"tool_calls": [each]}))
            for each in (
                {"index": 0, "id": "a", "type": "function", "function": {"name": "look_up", "arguments": ""}},
                {"index": 0, "function": {"arguments": '{"q": '}},
                {"index": 0, "function": {"arguments": '"x"}'}},
                {
                    "index": 1,
                    "id": "b",
                    "type": "function",
                    "function": {"name": "look_up", "arguments": "{}"},
                },
            )
        )
    ],
    "no index": [
        sse(chunk({"tool_calls": [{"id": "a", "function": {"name": "look_up", "arguments": '{"q": "x"}'}}]})),
        sse(chunk({"tool_calls": [{"id": "b", "function": {"name": "look_up", "arguments": "{}"}}]})),
    ],
    "always index 0": [
        sse(
            chunk(
                {
                    "tool_calls": [
                        {"index": 0, "id": each, "function": {"name": "look_up", "arguments": arguments}}
                    ]
                }
            )
        )
        for each, arguments in (("a", '{"q": "x"}'), ("b", "{}"))
    ],
}


@pytest.mark.parametrize("writes", CALLS_AT_ONCE.values(), ids=CALLS_AT_ONCE.keys())
def test_calls_come_as_the_sdks_helper_and_whole_answers_expect_them(
    sdk: OpenAI, fake: FakeProvider, writes: list[bytes]
) -> None:
    tool: Any = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}
    end = [sse(chunk({}, finish="tool_calls")), DONE]
    for _ in range(3):
        fake.enqueue(raw(*writes, *end))
    expected = [("a", "look_up", '{"q": "x"}'), ("b", "look_up", "{}")]

    def told(calls: Any) -> list[tuple[str, str, str]]:
        return [(call.id, call.function.name, call.function.arguments) for call in calls]

    answer = sdk.chat.completions.create(model="tester", messages=HELLO, tools=[tool])
    assert told(answer.choices[0].message.tool_calls) == expected
    with sdk.chat.completions.stream(model="tester", messages=HELLO, tools=[tool]) as stream:
        assert told(stream.get_final_completion().choices[0].message.tool_calls) == expected
    function: Any = {"type": "function", "name": "look_up", "parameters": {"type": "object"}, "strict": None}
    with sdk.responses.stream(model="tester", input="Hello", tools=[function]) as events_:
        output: Any = events_.get_final_response().output
    assert [(each.call_id, each.name, each.arguments) for each in output] == expected


def test_results_of_tools_and_pictures_are_passed_on_as_they_are(sdk: OpenAI, fake: FakeProvider) -> None:
    messages: list[Any] = [
        {
            "role": "user",
            "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}],
        },
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "1", "type": "function", "function": {}}],
        },
        {"role": "tool", "tool_call_id": "1", "content": "42"},
    ]
    sdk.chat.completions.create(model="tester", messages=messages)
    assert asked(fake)["messages"][1:] == messages


def test_text_in_parts_is_plain_text(sdk: OpenAI, fake: FakeProvider) -> None:
    parts: list[Any] = [
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}
    ]
    sdk.chat.completions.create(model="tester", messages=parts)
    assert asked(fake)["messages"][-1] == {"role": "user", "content": "a\nb"}


def test_an_unknown_model_is_not_found(sdk: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        sdk.chat.completions.create(model="nobody", messages=HELLO)
    assert refused.value.code == "model_not_found"
    assert refused.value.param == "model"
    assert refused.value.type == "invalid_request_error"


@pytest.mark.parametrize(
    ("more", "param", "code"),
    [
        ({"nonsense": 1}, "nonsense", "unknown_parameter"),
        ({"base_url": "http://elsewhere"}, "base_url", "unknown_parameter"),
        ({"temperature": 9}, "temperature", "invalid_value"),
        ({"n": 2}, "n", "invalid_value"),
        ({"logprobs": True}, "logprobs", "unsupported_parameter"),
        ({"stream_options": {"include_usage": True}}, "stream_options", "invalid_value"),
        ({"messages": []}, "messages", "invalid_value"),
    ],
)
def test_what_openai_would_refuse_is_refused(
    sdk: OpenAI, more: dict[str, Any], param: str, code: str
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        sdk.chat.completions.create(model="tester", messages=HELLO, extra_body=more)
    assert (refused.value.param, refused.value.code) == (param, code)


def test_a_missing_model_is_named(http: httpx2.Client) -> None:
    answer = http.post("/chat/completions", json={"messages": HELLO})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "missing_required_parameter"
    assert answer.headers["x-request-id"].startswith("req_")


def test_a_body_that_is_no_json_is_refused_in_the_envelope(http: httpx2.Client) -> None:
    answer = http.post("/chat/completions", content=b"{", headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


def test_a_provider_that_limits_is_told_as_openai_tells_it(sdk: OpenAI, fake: FakeProvider) -> None:
    for _ in range(4):
        fake.enqueue(status(429, {"Retry-After": "60"}, {"error": {"message": "Slow down"}}))
    with pytest.raises(openai.RateLimitError) as limited:
        sdk.chat.completions.create(model="tester", messages=HELLO)
    assert limited.value.code == "rate_limit_exceeded"
    assert int(limited.value.response.headers["retry-after"]) >= 1
    with pytest.raises(openai.RateLimitError):
        list(sdk.chat.completions.create(model="tester", messages=HELLO, stream=True))


def test_a_conversation_that_is_too_long_is_refused_and_not_cut(sdk: OpenAI, fake: FakeProvider) -> None:
    fake.enqueue(failure(400, "maximum context length is 10 tokens", error_code="context_length_exceeded"))
    many: list[Any] = [{"role": "user", "content": "x"}] * 5
    with pytest.raises(openai.BadRequestError) as refused:
        sdk.chat.completions.create(model="tester", messages=many)
    assert refused.value.code == "context_length_exceeded"
    assert len(fake.chats) == 1


def test_an_error_in_the_middle_is_told_in_the_stream(sdk: OpenAI, fake: FakeProvider) -> None:
    fake.enqueue(events(chunk({"content": "Hel"}), {"error": {"message": "It broke"}}))
    seen: list[str] = []

    def stream() -> None:
        parts = sdk.chat.completions.create(model="tester", messages=HELLO, stream=True)
        seen.extend(part.choices[0].delta.content or "" for part in parts)

    with pytest.raises(openai.APIError):
        stream()
    assert "".join(seen) == "Hel"


def test_a_client_that_leaves_ends_the_request_upstream(sdk: OpenAI, fake: FakeProvider) -> None:
    fake.enqueue(tokens(["Hel", Gate(), "lo"]))
    stream = sdk.chat.completions.create(model="tester", messages=HELLO, stream=True)
    for part in stream:
        if part.choices[0].delta.content:
            break
    stream.close()
    assert fake.wait_for_disconnect()


def test_nothing_of_it_is_remembered(sdk: OpenAI, services: Services) -> None:
    list(sdk.chat.completions.create(model="tester", messages=HELLO, stream=True))
    sdk.chat.completions.create(model="tester", messages=HELLO)
    assert services.runner.running == 0
    assert not services.runner._runner
    assert services.of("local").library.list().conversations == ()


def test_no_key_of_ours_is_in_an_answer(sdk: OpenAI, fake: FakeProvider, http: httpx2.Client) -> None:
    key = "sk-test-key-that-nobody-may-see"
    fake.enqueue(failure(401, f"Incorrect API key provided: {key}"))
    answer = http.post("/chat/completions", json={"model": "tester", "messages": HELLO})
    assert answer.status_code == 502
    assert "nobody-may-see" not in answer.text


def test_what_means_nothing_is_not_passed_on_with_a_message(sdk: OpenAI, fake: FakeProvider) -> None:
    said: Any = {"role": "assistant", "content": "Hi.", "refusal": None, "annotations": [], "audio": None}
    call = {"id": "1", "type": "function", "function": {"name": "x", "arguments": "{}"}}
    called: Any = {"role": "assistant", "content": None, "refusal": None, "tool_calls": [call]}
    result: Any = {"role": "tool", "tool_call_id": "1", "content": "42"}
    sdk.chat.completions.create(model="tester", messages=[*HELLO, said, *HELLO, called, result])
    assert asked(fake)["messages"][1:] == [
        *HELLO,
        {"role": "assistant", "content": "Hi."},
        *HELLO,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        result,
    ]


@pytest.mark.parametrize("closes_only", [False, True])
def test_thoughts_in_the_text_come_as_reasoning(
    sdk: OpenAI, fake: FakeProvider, *, closes_only: bool
) -> None:
    said = ["secret ", "plan\n", "</think>\n\n", "The ", "answer."]
    for _ in range(2):
        fake.enqueue(tokens(said if closes_only else ["<th", "ink>", *said]))
    whole: Any = sdk.chat.completions.create(model="tester", messages=HELLO).choices[0].message
    assert (whole.reasoning_content, whole.content) == ("secret plan", "The answer.")
    parts: list[Any] = list(sdk.chat.completions.create(model="tester", messages=HELLO, stream=True))
    deltas = [part.choices[0].delta for part in parts]
    assert "".join(delta.content or "" for delta in deltas) == "The answer."
    thoughts = [getattr(delta, "reasoning_content", None) or "" for delta in deltas]
    assert "".join(thoughts) == "secret plan"


def test_a_whole_response_holds_no_thoughts(sdk: OpenAI, fake: FakeProvider) -> None:
    for _ in range(2):
        fake.enqueue(tokens(["secret ", "plan\n", "</think>\n\n", "The answer."]))
        assert sdk.responses.create(model="tester", input="Hello").output_text == "The answer."


OK = [chunk("ok"), chunk({}, finish="stop")]
DETAILED = {
    "prompt_tokens": 20212,
    "completion_tokens": 931,
    "prompt_tokens_details": {"cached_tokens": 16298},
    "completion_tokens_details": {"reasoning_tokens": 600},
}


def test_cached_and_reasoning_tokens_are_passed_on(sdk: OpenAI, fake: FakeProvider) -> None:
    for _ in range(3):
        fake.enqueue(events(*OK, {"choices": [], "usage": DETAILED}))
    whole = sdk.chat.completions.create(model="tester", messages=HELLO).usage
    streamed = [
        part.usage
        for part in sdk.chat.completions.create(
            model="tester", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
        if part.usage
    ]
    for usage in (whole, *streamed):
        assert usage is not None
        assert usage.prompt_tokens_details is not None
        assert usage.prompt_tokens_details.cached_tokens == 16298
        assert usage.completion_tokens_details is not None
        assert usage.completion_tokens_details.reasoning_tokens == 600
    response = sdk.responses.create(model="tester", input="Hello").usage
    assert response is not None
    assert response.input_tokens_details.cached_tokens == 16298
    assert response.output_tokens_details.reasoning_tokens == 600


EMPTY = {
    "nothing said": [chunk({"role": "assistant", "content": ""}), chunk({}, finish="stop")],
    "thoughts alone": [chunk({"reasoning_content": "Hm."}), chunk({}, finish="stop")],
    "a tool nobody offered": [
        chunk({"tool_calls": [{"index": 0, "id": "a"}]}),
        chunk({}, finish="tool_calls"),
    ],
}


@pytest.mark.parametrize("chunks", EMPTY.values(), ids=EMPTY.keys())
def test_an_empty_reply_is_a_reply(sdk: OpenAI, fake: FakeProvider, chunks: list[dict[str, Any]]) -> None:
    for _ in range(4):
        fake.enqueue(events(*chunks, {"choices": [], "usage": DETAILED}))
    answer = sdk.chat.completions.create(model="tester", messages=HELLO)
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("", "stop")
    assert answer.usage is not None
    parts = list(sdk.chat.completions.create(model="tester", messages=HELLO, stream=True))
    assert parts[-1].choices[0].finish_reason == "stop"
    response = sdk.responses.create(model="tester", input="Hello")
    assert (response.status, response.output_text) == ("completed", "")
    told = list(sdk.responses.create(model="tester", input="Hello", stream=True))
    assert told[-1].type == "response.completed"
    assert len(fake.chats) == 4


@pytest.mark.parametrize(
    "fault", [status(500), status(502, body="<html>"), failure(401, "No."), failure(400, "No.")]
)
def test_a_final_failure_is_not_asked_for_again(
    client: httpx2.Client, fake: FakeProvider, fault: Any
) -> None:
    fake.enqueue(*[fault] * 9)
    url = str(client.base_url).replace("/api/", "/v1")
    with (
        OpenAI(base_url=url, api_key="x", max_retries=2) as patient,
        pytest.raises(openai.APIStatusError) as refused,
    ):
        patient.chat.completions.create(model="tester", messages=HELLO)
    assert refused.value.response.headers["x-should-retry"] == "false"
    assert len(fake.chats) <= 3
