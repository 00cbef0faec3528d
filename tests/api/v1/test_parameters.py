"""Every parameter of the installed SDK, and those of other servers: passed on, or without effect."""

from __future__ import annotations

from typing import Any

import httpx2
import openai
import pytest
from openai import OpenAI
from openai.types.chat import completion_create_params
from openai.types.responses import response_create_params
from typing_extensions import is_typeddict

from personachat.providers import parameters as model_parameters
from personachat.services import Services
from tests.conftest import persona_text
from tests.fake_provider import FakeProvider, chunk, events

HELLO: list[Any] = [{"role": "user", "content": "Hello"}]
TOOL: dict[str, Any] = {
    "type": "function",
    "function": {"name": "look_up", "parameters": {"type": "object"}},
}

PASSED_ON: dict[str, Any] = {
    "frequency_penalty": 0.5,
    "logit_bias": {"1": 5},
    "metadata": {"a": "b"},
    "moderation": {"model": "omni"},
    "parallel_tool_calls": False,
    "prediction": {"type": "content", "content": "Hello"},
    "presence_penalty": -0.5,
    "prompt_cache_key": "k",
    "prompt_cache_options": {"mode": "implicit"},
    "prompt_cache_retention": "24h",
    "reasoning_effort": "low",
    "response_format": {"type": "json_object"},
    "safety_identifier": "s",
    "seed": 7,
    "service_tier": "auto",
    "stop": ["END"],
    "store": False,
    "temperature": 0.25,
    "tool_choice": "auto",
    "tools": [TOOL],
    "top_p": 0.5,
    "user": "ada",
    "verbosity": "low",
    "web_search_options": {},
}
"""A value for each parameter that reaches the provider as it is."""

IN_ITS_OWN_WAY: dict[str, Any] = {
    "messages": HELLO,
    "model": "tester",
    "stream": True,
    "stream_options": {"include_usage": True},
    "max_tokens": 9,
    "max_completion_tokens": 9,
    "functions": [TOOL["function"]],
    "function_call": "auto",
    "n": 1,
    "logprobs": False,
    "top_logprobs": 0,
    "modalities": ["text"],
    "audio": {"voice": "alloy", "format": "mp3"},
}
"""Those that are ours to make something of, or mean nothing without what is refused."""


def sdk_parameters(module: Any, prefix: str) -> set[str]:
    """All names in the TypedDicts of a module whose name begins so."""
    kinds = (kind for name, kind in vars(module).items() if name.startswith(prefix) and is_typeddict(kind))
    return {name for kind in kinds for name in kind.__annotations__}


CHAT = sdk_parameters(completion_create_params, "CompletionCreateParams")
RESPONSES = sdk_parameters(response_create_params, "ResponseCreateParams")


def test_every_parameter_of_the_sdk_is_in_these_tests() -> None:
    assert len(CHAT) > 30
    assert PASSED_ON.keys() | IN_ITS_OWN_WAY.keys() >= CHAT
    assert len(RESPONSES) > 25
    assert RESPONSE_PARAMETERS.keys() | ELSEWHERE >= RESPONSES


def post(http: httpx2.Client, path: str, body: dict[str, Any]) -> httpx2.Response:
    return http.post(path, json=body)


@pytest.mark.parametrize("name", sorted(CHAT - {"messages", "model"}))
def test_a_parameter_that_is_null_was_not_given(http: httpx2.Client, fake: FakeProvider, name: str) -> None:
    answer = post(http, "/chat/completions", {"model": "tester", "messages": HELLO, name: None})
    assert answer.status_code == 200, answer.text
    assert name not in set(fake.chats[-1].body) - {"stream", "stream_options", "temperature", "max_tokens"}


@pytest.mark.parametrize("name", sorted(CHAT & PASSED_ON.keys()))
def test_a_parameter_reaches_the_provider_as_it_is(
    http: httpx2.Client, fake: FakeProvider, name: str
) -> None:
    beside = {"tools": [TOOL]} if name in {"tool_choice", "parallel_tool_calls"} else {}
    body = {"model": "tester", "messages": HELLO, **beside, name: PASSED_ON[name]}
    assert post(http, "/chat/completions", body).status_code == 200
    assert fake.chats[-1].body[name] == PASSED_ON[name]


@pytest.mark.parametrize("name", sorted(CHAT & IN_ITS_OWN_WAY.keys()))
def test_the_other_parameters_are_accepted(http: httpx2.Client, name: str) -> None:
    beside = {"stream": True} if name == "stream_options" else {}
    body = {"model": "tester", "messages": HELLO, **beside, name: IN_ITS_OWN_WAY[name]}
    assert post(http, "/chat/completions", body).status_code == 200


OF_SERVERS: dict[str, Any] = {
    "top_k": 40,
    "min_p": 0.1,
    "typical_p": 0.9,
    "repetition_penalty": 1.1,
    "repeat_penalty": 1.1,
    "chat_template_kwargs": {"enable_thinking": False},
    "guided_json": {"type": "object"},
    "structured_outputs": {"regex": "a+"},
    "stop_token_ids": [1],
    "min_tokens": 3,
    "ignore_eos": True,
    "skip_special_tokens": False,
    "think": True,
    "keep_alive": "5m",
    "format": "json",
    "thinking": {"type": "enabled"},
    "enable_thinking": False,
    "reasoning": {"effort": "low"},
    "dry_multiplier": 0.8,
    "xtc_probability": 0.1,
    "mirostat_tau": 5,
    "vllm_xargs": {"a": 1},
    "provider": {"order": ["a"]},
    "safe_prompt": True,
}


def test_what_other_servers_take_besides_is_passed_on(sdk: OpenAI, fake: FakeProvider) -> None:
    sdk.chat.completions.create(model="tester", messages=HELLO, extra_body=OF_SERVERS)
    assert fake.chats[-1].body.items() >= OF_SERVERS.items()
    further = {name: value for name, value in OF_SERVERS.items() if name != "reasoning"}
    sdk.responses.create(model="tester", input="Hi", extra_body=further)
    assert fake.chats[-1].body.items() >= further.items()


@pytest.mark.parametrize(
    "name",
    [
        *("base_url", "api_base", "api_key", "apiKey", "key", "token", "headers", "extra_headers", "host"),
        *("models", "fallbacks", "route", "n_predict", "num_predict", "max_new_tokens", "best_of", "options"),
        *("proxy_url", "guided_api_key", "vllm_endpoint", "nonsense", "", "Model", "user.name"),
    ],
)
def test_nothing_else_is_for_a_caller_to_choose(http: httpx2.Client, fake: FakeProvider, name: str) -> None:
    for path, body in (("/chat/completions", {"messages": HELLO}), ("/responses", {"input": "Hi"})):
        answer = post(http, path, {"model": "tester", **body, name: "http://elsewhere"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "unknown_parameter")
    assert not fake.chats


RESPONSE_PARAMETERS: dict[str, Any] = {
    "access_programs": {"cyber": "standard"},
    "background_options": {"completion_window": "soonest"},
    "background": False,
    "client_metadata": {"a": "b"},
    "context_management": [{"type": "compaction"}],
    "image": {},
    "include": ["reasoning.encrypted_content", "web_search_call.results"],
    "input": [{"role": "user", "content": "Hi"}],
    "instructions": "Be brief.",
    "max_output_tokens": 9,
    "max_tool_calls": 3,
    "metadata": {"a": "b"},
    "model": "tester",
    "moderation": {"model": "omni"},
    "parallel_tool_calls": True,
    "presence_penalty": 0,
    "previous_response_id": None,
    "prompt_cache_key": "k",
    "prompt_cache_options": {"mode": "implicit"},
    "prompt_cache_retention": "24h",
    "reasoning": {"effort": "low", "summary": "auto", "encrypted": True},
    "safety_identifier": "s",
    "service_tier": "auto",
    "store": False,
    "stream": False,
    "stream_options": {"include_obfuscation": False},
    "temperature": 0.5,
    "text": {"format": {"type": "text"}, "verbosity": "low"},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 0.5,
    "truncation": "auto",
    "user": "ada",
}
ELSEWHERE = {"conversation", "prompt"}
"""What is kept by OpenAI alone: refused unless it is null."""


@pytest.mark.parametrize("name", sorted(RESPONSE_PARAMETERS))
def test_a_response_takes_the_parameter_and_its_null(http: httpx2.Client, name: str) -> None:
    body = {"model": "tester", "input": "Hi"}
    answer = post(http, "/responses", body | {name: RESPONSE_PARAMETERS[name]})
    assert answer.status_code == 200, answer.text
    if name not in body:
        assert post(http, "/responses", body | {name: None}).status_code == 200


def test_what_was_asked_for_is_said_again(sdk: OpenAI) -> None:
    asked: Any = {
        "truncation": "auto",
        "max_tool_calls": 3,
        "prompt_cache_key": "k",
        "safety_identifier": "s",
    }
    response = sdk.responses.create(model="tester", input="Hi", **asked)
    assert {name: getattr(response, name) for name in asked} == asked


def test_with_truncation_the_oldest_goes_where_the_model_takes_less(sdk: OpenAI, fake: FakeProvider) -> None:
    from tests.fake_provider import failure

    said: list[Any] = [
        each
        for number in range(4)
        for each in (
            {"role": "user", "content": f"q{number}"},
            {"role": "assistant", "content": f"a{number}"},
        )
    ]
    said.append({"role": "user", "content": "last"})
    too_long = failure(400, "maximum context length is 10 tokens", error_code="context_length_exceeded")
    fake.enqueue(too_long)
    with pytest.raises(openai.BadRequestError):
        sdk.responses.create(model="tester", input=said)
    fake.enqueue(too_long)
    assert sdk.responses.create(model="tester", input=said, truncation="auto").status == "completed"
    told = [each["content"] for each in fake.chats[-1].body["messages"]]
    assert told[0] == "You are a test."
    assert told[-1] == "last"
    assert len(told) < len(said) + 1


FOREIGN: list[Any] = [{"type": "web_search"}, {"type": "custom", "name": "patch", "format": {"type": "text"}}]
FUNCTION: Any = {"type": "function", "name": "look_up", "parameters": {"type": "object"}, "strict": None}


@pytest.mark.parametrize("stream", [False, True])
def test_foreign_tools_are_left_out_where_there_are_functions_and_that_is_said(
    http: httpx2.Client,
    fake: FakeProvider,
    stream: bool,  # noqa: FBT001  # pytest gives it by name
) -> None:
    body = {"model": "tester", "input": "Hi", "tools": [*FOREIGN, FUNCTION], "stream": stream}
    answer = post(http, "/responses", body)
    assert answer.status_code == 200
    assert answer.headers["x-personachat-notice"].endswith(": web_search, custom")
    assert [tool["function"]["name"] for tool in fake.chats[-1].body["tools"]] == ["look_up"]


@pytest.mark.parametrize(
    ("tools", "choice", "param"),
    [
        ([*FOREIGN, FUNCTION], {"type": "web_search"}, "tool_choice"),
        (FOREIGN, "required", "tools[0].type"),
        (FOREIGN, "auto", "tools[0].type"),
        ([FUNCTION], {"type": "web_search"}, "tool_choice"),
    ],
)
def test_a_foreign_tool_that_has_to_be_used_is_refused(
    http: httpx2.Client, fake: FakeProvider, tools: Any, choice: Any, param: str
) -> None:
    answer = post(
        http, "/responses", {"model": "tester", "input": "x", "tools": tools, "tool_choice": choice}
    )
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert not fake.chats


def test_only_the_allowed_tools_are_offered(http: httpx2.Client, fake: FakeProvider) -> None:
    other = {**FUNCTION, "name": "other"}
    choice = {
        "type": "allowed_tools",
        "mode": "required",
        "tools": [{"type": "function", "name": "look_up"}, {"type": "web_search"}],
    }
    body = {"model": "tester", "input": "x", "tools": [FUNCTION, other], "tool_choice": choice}
    assert post(http, "/responses", body).status_code == 200
    assert [tool["function"]["name"] for tool in fake.chats[-1].body["tools"]] == ["look_up"]
    assert fake.chats[-1].body["tool_choice"] == "required"


CALL = events(
    chunk({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "look_up", "arguments": '{"q": '}}]}),
    chunk({"tool_calls": [{"index": 0, "function": {"arguments": '"x"}'}}]}),
    chunk({}, finish="tool_calls"),
)


def test_a_program_of_the_time_before_tools_is_served(sdk: OpenAI, fake: FakeProvider) -> None:
    fake.enqueue(CALL, CALL)
    functions: Any = [TOOL["function"]]
    asked: Any = {"model": "tester", "functions": functions, "function_call": {"name": "look_up"}}
    answer = sdk.chat.completions.create(messages=HELLO, **asked)
    assert answer.choices[0].finish_reason == "function_call"
    message = answer.choices[0].message
    assert message.function_call
    assert (message.function_call.name, message.function_call.arguments) == ("look_up", '{"q": "x"}')
    assert not message.tool_calls
    sent = fake.chats[-1].body
    assert sent["tools"] == [TOOL]
    assert sent["tool_choice"] == {"type": "function", "function": {"name": "look_up"}}
    parts = list(sdk.chat.completions.create(messages=HELLO, stream=True, **asked))
    pieces = [part.choices[0].delta.function_call for part in parts]
    assert "".join(each.arguments or "" for each in pieces if each) == '{"q": "x"}'
    assert parts[-1].choices[0].finish_reason == "function_call"

    result: Any = {"role": "function", "name": "look_up", "content": "42"}
    sdk.chat.completions.create(
        model="tester", messages=[*HELLO, message.model_dump(exclude_none=True), result], functions=functions
    )
    _, _, assistant, output = fake.chats[-1].body["messages"]
    assert assistant["tool_calls"][0]["id"] == output["tool_call_id"]
    assert (output["role"], output["content"]) == ("tool", "42")


def test_no_tools_are_none(http: httpx2.Client, fake: FakeProvider) -> None:
    body = {"tools": [], "tool_choice": "auto", "parallel_tool_calls": True}
    assert post(http, "/chat/completions", {"model": "tester", "messages": HELLO, **body}).status_code == 200
    assert not set(fake.chats[-1].body) & set(body)


@pytest.mark.parametrize("modalities", [["audio"], ["text", "audio"]])
def test_what_would_be_lost_on_the_way_is_refused(http: httpx2.Client, modalities: list[str]) -> None:
    body = {"model": "tester", "messages": HELLO, "modalities": modalities}
    answer = post(http, "/chat/completions", body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "modalities")


def save(services: Services, **parameters: Any) -> None:
    services.personas.save(persona_text(extensions={"parameters": parameters}))


def test_a_persona_holds_parameters_of_its_own(sdk: OpenAI, fake: FakeProvider, services: Services) -> None:
    save(
        services, top_k=20, chat_template_kwargs={"enable_thinking": False}, seed=1, own_thing=True, none=None
    )
    sdk.chat.completions.create(model="tester", messages=HELLO)
    sent = fake.chats[-1].body
    assert (sent["top_k"], sent["seed"], sent["own_thing"]) == (20, 1, True)
    assert sent["chat_template_kwargs"] == {"enable_thinking": False}
    assert "none" not in sent
    sdk.chat.completions.create(model="tester", messages=HELLO, seed=7, extra_body={"top_k": 5})
    assert (fake.chats[-1].body["top_k"], fake.chats[-1].body["seed"]) == (5, 7)


@pytest.mark.parametrize(
    "name",
    [
        *("model", "messages", "stream", "n", "max_tokens", "max_completion_tokens", "n_predict"),
        *("api_key", "api_base", "extra_headers", "models", "tools", "logprobs", "temperature"),
    ],
)
def test_a_persona_cannot_choose_what_is_not_its_own(
    sdk: OpenAI, fake: FakeProvider, services: Services, name: str
) -> None:
    sdk.chat.completions.create(model="tester", messages=HELLO)
    before = fake.chats[-1].body
    save(services, **{name: "another"})
    sdk.chat.completions.create(model="tester", messages=HELLO)
    assert fake.chats[-1].body == before
    assert model_parameters.fault_of(name)


@pytest.mark.parametrize("parameters", [None, [], "x", 7, {}, {"parameters": {}}])
def test_parameters_of_another_shape_are_none(
    sdk: OpenAI, fake: FakeProvider, services: Services, parameters: Any
) -> None:
    services.personas.save(persona_text(extensions={"parameters": parameters}))
    assert sdk.chat.completions.create(model="tester", messages=HELLO).choices


HALF = '"\\ud800"'


@pytest.mark.parametrize(
    "keys",
    [
        f'"user": {HALF}',
        f'"stop": {HALF}',
        f'"metadata": {{{HALF}: {HALF}}}',
        f'"prediction": {HALF}',
        f'"response_format": {{"type": "json_schema", "json_schema": {{"schema": {{{HALF}: 1}}}}}}',
        f'"messages": [{{"role": "user", "content": "Hello", "name": {HALF}}}]',
        f'"messages": [{{"role": "user", "content": [{{"type": "image_url", "image_url": {HALF}}}]}}]',
    ],
)
def test_half_a_character_anywhere_reaches_the_provider_as_the_replacement_for_one(
    http: httpx2.Client, fake: FakeProvider, keys: str
) -> None:
    hello = "" if "messages" in keys else ', "messages": [{"role": "user", "content": "Hello"}]'
    body = f'{{"model": "tester", {keys}{hello}}}'
    answer = http.post("/chat/completions", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 200, answer.text
    assert "\ufffd" in str(fake.chats[-1].body)


DEEP = ["[" * depth + "]" * depth for depth in (250, 950, 5_000)]


@pytest.mark.parametrize("value", ["NaN", "-Infinity", "1e999", *DEEP])
@pytest.mark.parametrize("place", ["prediction", "message"])
def test_what_json_cannot_say_is_refused_in_a_sentence(http: httpx2.Client, place: str, value: str) -> None:
    said = '"role": "user", "content": "Hello"'
    if place == "message":
        body = f'{{"model": "tester", "messages": [{{{said}, "x": {value}}}]}}'
    else:
        body = f'{{"model": "tester", "messages": [{{{said}}}], "{place}": {value}}}'
    answer = http.post("/chat/completions", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["type"] == "invalid_request_error"
