"""OpenAI's own SDK of any version: both endpoints, tools, streams, and the helper that puts them together."""

from __future__ import annotations

import os
from typing import Any

import openai

client: Any = openai.OpenAI(base_url=f"{os.environ['BASE_URL']}/v1", api_key="x", max_retries=0)
MODEL = os.environ["MODEL"]
PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": PARAMETERS, "strict": True}}
FUNCTION = {"type": "function", "name": "weather", "parameters": PARAMETERS, "strict": True}
ASKED = [{"role": "user", "content": "How is the weather?"}]
ANSWER = "The tool said rain after I thought deeply"

assert MODEL in [model.id for model in client.models.list()]

# A conversation with a tool, the answer appended as it came.
talk: list[Any] = [*ASKED]
message = client.chat.completions.create(model=MODEL, messages=talk, tools=[TOOL]).choices[0].message
(call,) = message.tool_calls
assert (call.function.name, call.function.arguments) == ("weather", '{"city": "Paris"}')
talk += [message, {"role": "tool", "tool_call_id": call.id, "content": "rain"}]
answer = client.chat.completions.create(model=MODEL, messages=talk, tools=[TOOL])
assert answer.choices[0].message.content == ANSWER, answer
assert answer.usage.total_tokens == 25

# The helper that puts a stream together: in `beta` before it left it.
chat = client.chat.completions if hasattr(client.chat.completions, "stream") else client.beta.chat.completions
with chat.stream(model=MODEL, messages=ASKED, tools=[TOOL]) as stream:
    kinds = {event.type for event in stream}
    final = stream.get_final_completion().choices[0].message
assert "tool_calls.function.arguments.done" in kinds, kinds
assert [each.function.arguments for each in final.tool_calls] == ['{"city": "Paris"}']
with chat.stream(model=MODEL, messages=ASKED) as stream:
    text = "".join(event.delta for event in stream if event.type == "content.delta")
assert text == "Hello there.", text

# Responses: a call, its output with the items sent back, and the same by reference to the response.
said: list[Any] = [*ASKED]
first = client.responses.create(model=MODEL, input=said, tools=[FUNCTION])
call = next(item for item in first.output if item.type == "function_call")
output = {"type": "function_call_output", "call_id": call.call_id, "output": "rain"}
repeated = client.responses.create(model=MODEL, input=[*said, *first.output, output], tools=[FUNCTION])
assert repeated.output_text == ANSWER, repeated.output_text
followed = client.responses.create(
    model=MODEL, input=[output], previous_response_id=first.id, tools=[FUNCTION]
)
assert followed.output_text == ANSWER, followed.output_text
told = [event.type for event in client.responses.create(model=MODEL, input="Hi", stream=True)]
assert told[-1] == "response.completed", told
print("openai", openai.__version__)
