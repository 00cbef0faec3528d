"""Frameworks of Python's that speak to OpenAI: each with a tool, and an answer of a certain shape.

python python_clients.py NAME...    of those below; all of them without a name
"""

from __future__ import annotations

import asyncio
import os
import sys
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel

BASE = os.environ["BASE_URL"]
V1, MODEL = f"{BASE}/v1", os.environ["MODEL"]
ANSWER = "The tool said rain in Paris after I thought"


class Place(BaseModel):
    """A city and how many live there."""

    city: str
    people: int


PLACE = Place(city="Paris", people=7)


def langchain() -> None:
    from langchain_core.tools import tool
    from langchain_openai import ChatOpenAI

    @tool
    def weather(city: str) -> str:
        """How the weather is."""
        return f"rain in {city}"

    for more in ({}, {"use_responses_api": True}):
        model: Any = ChatOpenAI(base_url=V1, api_key="x", model=MODEL, max_retries=0, **more)
        bound = model.bind_tools([weather])
        said: list[Any] = [("human", "How is the weather?")]
        called = bound.invoke(said)
        (call,) = called.tool_calls
        assert call["args"] == {"city": "Paris"}, call
        result = weather.invoke(call)
        answer = bound.invoke([*said, called, result])
        assert "The tool said rain in Paris" in str(answer.content), answer
        streamed = None
        for part in bound.stream(said):
            streamed = part if streamed is None else streamed + part
        assert [each["args"] for each in streamed.tool_calls] == [{"city": "Paris"}], streamed
        found = model.with_structured_output(Place, method="json_schema").invoke("Which city?")
        assert found == PLACE, found


def pydantic_ai() -> None:
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
    from pydantic_ai.providers.openai import OpenAIProvider

    provider = OpenAIProvider(base_url=V1, api_key="x")
    for kind in (OpenAIChatModel, OpenAIResponsesModel):
        agent = Agent(kind(MODEL, provider=provider), system_prompt="Be brief.")

        @agent.tool_plain
        def weather(city: str) -> str:
            return f"rain in {city}"

        first = agent.run_sync("How is the weather?")
        assert ANSWER in first.output, first.output
        second = agent.run_sync("And now?", message_history=first.all_messages())
        assert "The tool said" in second.output, second.output

        async def streamed(agent: Any = agent) -> str:
            async with agent.run_stream("How is the weather?") as result:
                return str(await result.get_output())

        assert ANSWER in asyncio.run(streamed())
        placed = Agent(kind(MODEL, provider=provider), output_type=Place).run_sync("Which city?")
        assert placed.output == PLACE, placed.output


def litellm() -> None:
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # it would fetch one
    import litellm

    litellm.telemetry = False
    given: dict[str, Any] = {"api_base": V1, "api_key": "x", "model": f"openai/{MODEL}"}
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}}
    tools = [{"type": "function", "function": {"name": "weather", "parameters": parameters}}]
    said: list[Any] = [{"role": "user", "content": "How is the weather?"}]
    message = litellm.completion(messages=said, tools=tools, **given).choices[0].message
    assert message.tool_calls[0].function.arguments == '{"city": "Paris"}', message
    said += [
        message.model_dump(),
        {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "rain"},
    ]
    answer = litellm.completion(messages=said, tools=tools, **given).choices[0].message.content
    assert answer == "The tool said rain after I thought deeply", answer
    parts = list(litellm.completion(messages=said[:1], tools=tools, stream=True, **given))
    built = litellm.stream_chunk_builder(parts).choices[0].message
    assert [each.function.arguments for each in built.tool_calls] == ['{"city": "Paris"}'], built
    more = litellm.completion(messages=said[:1], top_k=40, user="ada", **given)
    assert more.choices[0].message.content == "Hello there."


def instructor() -> None:
    import instructor
    from openai import OpenAI

    client = instructor.from_openai(OpenAI(base_url=V1, api_key="x"), mode=instructor.Mode.TOOLS)
    said: Any = [{"role": "user", "content": "Which city?"}]
    found = client.create(model=MODEL, response_model=Place, messages=said)
    assert found.model_dump() == PLACE.model_dump(), found  # it is of a class made from ours
    parts = list(client.create_partial(model=MODEL, response_model=Place, messages=said))
    assert parts[-1].model_dump() == PLACE.model_dump(), parts
    assert list(client.create_iterable(model=MODEL, response_model=Place, messages=said))


def fastmcp() -> None:
    from fastmcp import Client

    async def talk() -> None:
        async with Client(f"{BASE}/mcp") as client:
            names = {tool.name for tool in await client.list_tools()}
            assert len(names) > 1, names
            assert MODEL in {prompt.name for prompt in await client.list_prompts()}

    asyncio.run(talk())


CLIENTS = {
    "langchain-openai": langchain,
    "pydantic-ai-slim": pydantic_ai,
    "litellm": litellm,
    "instructor": instructor,
    "fastmcp": fastmcp,
}

if __name__ == "__main__":
    for name in sys.argv[1:] or CLIENTS:
        CLIENTS[name]()
        print(name, version(name), flush=True)
