"""What programs that speak to OpenAI send: known parameters checked, unknown ones refused, as OpenAI does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from personachat.api.v1.errors import BadRequest
from personachat.completions import Ask

Role = Literal["developer", "system", "user", "assistant", "tool", "function"]

PASSED_ON = (
    "seed",
    "response_format",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "reasoning_effort",
    "verbosity",
    "user",
)
"""Parameters of a completion that are the provider's affair."""


def _texts(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Stops = Annotated[tuple[str, ...], BeforeValidator(_texts), Field(max_length=4)]
Temperature = Annotated[float | None, Field(ge=0, le=2)]
Share = Annotated[float | None, Field(ge=0, le=1)]
Count = Annotated[int | None, Field(ge=1)]
Penalty = Annotated[float | None, Field(ge=-2, le=2)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MessageBody(BaseModel):
    """One message; what else it holds is passed on as it is."""

    model_config = ConfigDict(extra="allow", frozen=True)

    role: Role
    content: str | list[dict[str, Any]] | None = None

    def on_the_wire(self) -> Mapping[str, Any]:
        """As it came, but for what was left out; text in parts as plain text where it is nothing else."""
        message = self.model_dump(exclude_unset=True)
        # Answers of ours come back as they were, `refusal: null` and all, and not every server takes that.
        message = {
            name: value
            for name, value in message.items()
            if value not in (None, [], {}) or (name == "content" and value is None)
        }
        parts = self.content
        if isinstance(parts, list) and all(part.get("type") == "text" for part in parts):
            message["content"] = "\n".join(str(part.get("text", "")) for part in parts)
        return message


class StreamOptions(Body):
    include_usage: bool = False
    include_obfuscation: bool | None = None


class CompletionBody(Body):
    """POST /v1/chat/completions; `model` is a persona's id."""

    model: Annotated[str, Field(min_length=1, max_length=200)]
    messages: Annotated[list[MessageBody], Field(min_length=1, max_length=10_000)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: Temperature = None
    top_p: Share = None
    max_tokens: Count = None
    max_completion_tokens: Count = None
    stop: Stops | None = None
    n: Annotated[int | None, Field(ge=1)] = None
    seed: int | None = None
    response_format: dict[str, Any] | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    presence_penalty: Penalty = None
    frequency_penalty: Penalty = None
    logit_bias: dict[str, float] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    reasoning_effort: str | None = None
    verbosity: str | None = None
    user: str | None = None
    # Of no consequence here: nothing is stored, cached or billed by these.
    store: bool | None = None
    metadata: dict[str, str] | None = None
    service_tier: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None

    def ask(self) -> Ask:
        """What is asked of the persona. Raises BadRequest for what no persona can do."""
        if self.n is not None and self.n != 1:
            raise BadRequest("Only one choice is possible: n has to be 1.", param="n", reason="invalid_value")
        if self.logprobs or self.top_logprobs:
            raise BadRequest(
                "Log probabilities are not passed on.", param="logprobs", reason="unsupported_parameter"
            )
        if self.stream_options is not None and not self.stream:
            raise BadRequest(
                "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
                param="stream_options",
                reason="invalid_value",
            )
        longest = self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens
        given = self.model_dump(include=set(PASSED_ON), exclude_none=True)
        if given.get("response_format") == {"type": "text"}:
            del given["response_format"]  # which is what everybody does anyway
        return Ask(
            messages=[message.on_the_wire() for message in self.messages],
            temperature=self.temperature,
            top_p=self.top_p,
            max_tokens=longest,
            stop=self.stop,
            more={name: given[name] for name in PASSED_ON if name in given},
        )

    @property
    def reports_usage(self) -> bool:
        return bool(self.stream_options and self.stream_options.include_usage)
