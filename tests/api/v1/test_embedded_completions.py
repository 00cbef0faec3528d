"""Programs that talk to the embedded model: what only tunes is left out, what it cannot do is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import OpenAI

from personachat.services import build_services
from personachat.settings import load_settings
from tests.api.conftest import served
from tests.conftest import persona_text

HELLO: Any = [{"role": "user", "content": "Say hello."}]
LOOK_UP: Any = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}
CITY = {
    "type": "object",
    "properties": {"city": {"enum": ["Oslo", "Rome"]}, "people": {"type": "integer"}},
    "required": ["city", "people"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def sdk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenAI]:
    """A client of a server that has nothing but the embedded model."""
    folder: Path = tmp_path_factory.mktemp("offline")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "DATABASE_URL"):
            patch.delenv(name, raising=False)
        services = build_services(load_settings(personas_dir=folder / "personas", data_dir=folder / "data"))
    services.personas.save(persona_text(maxTokens=6))
    try:
        with served(services) as client:
            url = str(client.base_url).replace("/api/", "/v1")
            with OpenAI(base_url=url, api_key="x", max_retries=0) as made:
                yield made
    finally:
        services.close()


@pytest.mark.parametrize(
    "more",
    [
        {"tools": [LOOK_UP]},
        {"tools": [LOOK_UP], "tool_choice": "auto", "parallel_tool_calls": True},
        {"tools": [LOOK_UP], "tool_choice": "none"},
        {"user": "ada", "seed": 1, "metadata": {"a": "b"}, "store": False, "service_tier": "auto"},
        {"presence_penalty": 0, "frequency_penalty": 0.5, "logit_bias": {"1": 1}},
        {"reasoning_effort": "low", "verbosity": "low"},
        {"response_format": {"type": "text"}},
        {"tools": None, "user": None, "seed": None, "response_format": None, "stop": None, "n": None},
    ],
    ids="-".join,
)
def test_what_only_tunes_is_left_out(sdk: OpenAI, more: dict[str, Any]) -> None:
    answer = sdk.chat.completions.create(model="tester", messages=HELLO, extra_body=more)
    assert answer.choices[0].message.content
    assert not answer.choices[0].message.tool_calls


def test_our_own_answer_can_be_sent_back_as_the_sdk_holds_it(sdk: OpenAI) -> None:
    said = sdk.chat.completions.create(model="tester", messages=HELLO).choices[0].message
    messages: Any = [*HELLO, said, {"role": "user", "content": "More.", "name": "ada"}]
    assert sdk.chat.completions.create(model="tester", messages=messages).choices[0].message.content
    thinking = {"role": "assistant", "content": "Hi.", "reasoning_content": "Hm.", "tool_calls": []}
    declined = {"role": "assistant", "content": None, "refusal": "No."}
    messages = [*HELLO, thinking, *HELLO, declined, *HELLO]
    assert sdk.chat.completions.create(model="tester", messages=messages).choices[0].message.content


def test_a_schema_is_kept_to(sdk: OpenAI) -> None:
    wanted: Any = {"type": "json_schema", "json_schema": {"name": "city", "schema": CITY, "strict": True}}
    answer = sdk.chat.completions.create(
        model="tester", messages=HELLO, response_format=wanted, max_tokens=100
    )
    found = json.loads(answer.choices[0].message.content or "")
    assert found.keys() == {"city", "people"}
    assert found["city"] in {"Oslo", "Rome"}
    output: Any = {"format": {"type": "json_schema", "name": "city", "schema": CITY, "strict": True}}
    response = sdk.responses.create(model="tester", input="Which?", text=output, max_output_tokens=100)
    assert json.loads(response.output_text).keys() == {"city", "people"}


def schema(wanted: Any) -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": wanted}}}


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"tools": [LOOK_UP], "tool_choice": "required"}, "no tool_choice or tools"),
        (
            {"tools": [LOOK_UP], "tool_choice": {"type": "function", "function": {"name": "look_up"}}},
            "no tool_choice or tools",
        ),
        ({"response_format": {"type": "grammar"}}, "can't produce this response_format"),
        ({"response_format": {"type": "json_schema"}}, "can't produce this response_format"),
        (schema({"type": "banana"}), "can't produce this response_format"),
        (schema({"$ref": "https://elsewhere.example/x.json"}), "can't produce this response_format"),
        (schema({"enum": [str(number) for number in range(20_000)]}), "can't produce this response_format"),
        (schema([1]), "can't produce this response_format"),
    ],
    ids=range(8),
)
def test_what_would_change_the_answer_is_refused(sdk: OpenAI, more: dict[str, Any], what: str) -> None:
    with pytest.raises(openai.BadRequestError, match=what):
        sdk.chat.completions.create(model="tester", messages=HELLO, extra_body=more)


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,x"}}]},
        {"role": "tool", "tool_call_id": "1", "content": "42"},
        {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "x", "arguments": "{}"}}]},
    ],
)
def test_messages_that_it_cannot_read_are_refused(sdk: OpenAI, message: Any) -> None:
    with pytest.raises(openai.BadRequestError, match="accepts plain text only"):
        sdk.chat.completions.create(model="tester", messages=[message, *HELLO])
