"""Requests of OpenAI's clients: every parameter of OpenAI's, and those that other servers accept.

Known parameters are checked, the provider's are passed on, and unknown ones are refused, as OpenAI does. A
parameter that is null counts as missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from personachat.api.v1 import legacy_functions
from personachat.api.v1.errors import BadRequest
from personachat.chat.completions import CompletionRequest
from personachat.providers.parameters import is_known
from personachat.variables import GivenValues

Role = Literal["developer", "system", "user", "assistant", "tool", "function"]

_OF_TOOLS = ("tools", "tool_choice", "parallel_tool_calls")


def _texts(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Stops = Annotated[tuple[str, ...], BeforeValidator(_texts), Field(max_length=4)]
Temperature = Annotated[float | None, Field(ge=0, le=2)]
Share = Annotated[float | None, Field(ge=0, le=1)]
Count = Annotated[int | None, Field(ge=1)]
Penalty = Annotated[float | None, Field(ge=-2, le=2)]


class StrictBody(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Request(BaseModel):
    """A request's body. Other fields are passed on to the provider or ignored."""

    model_config = ConfigDict(extra="allow", frozen=True)

    logprobs: bool | None = None
    top_logprobs: int | None = None
    seed: int | None = None
    presence_penalty: Penalty = None
    frequency_penalty: Penalty = None
    parallel_tool_calls: bool | None = None
    user: str | None = None
    store: bool | None = None
    metadata: dict[str, str] | None = None
    service_tier: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    variables: GivenValues | None = None

    def _passed_on(self) -> dict[str, Any]:
        """Undeclared parameters, which go to the provider as they are. Raises BadRequest for unknown ones."""
        further = {name: value for name, value in (self.model_extra or {}).items() if value is not None}
        for name in self.model_extra or ():
            if not is_known(name):
                raise BadRequest(
                    f"Unrecognized request argument supplied: {name}", param=name, reason="unknown_parameter"
                )
        return further

    def _refuse_logprobs(self) -> None:
        if self.logprobs or self.top_logprobs:
            param = "logprobs" if self.logprobs else "top_logprobs"
            raise BadRequest(
                "Log probabilities are not passed on.", param=param, reason="unsupported_parameter"
            )


class MessageBody(BaseModel):
    """One message. Its other fields are passed on unchanged."""

    model_config = ConfigDict(extra="allow", frozen=True)

    role: Role
    content: str | list[dict[str, Any]] | None = None

    def on_the_wire(self) -> Mapping[str, Any]:
        """The message as it came, without what is left out. Parts that are only text become plain text."""
        message = self.model_dump(exclude_unset=True)
        # Our own answers come back unchanged, with `refusal: null`, and not every server accepts that.
        message = {
            name: value
            for name, value in message.items()
            if value not in (None, [], {}) or (name == "content" and value is None)
        }
        parts = self.content
        if isinstance(parts, list) and all(part.get("type") == "text" for part in parts):
            message["content"] = "\n".join(str(part.get("text", "")) for part in parts)
        return message


class StreamOptions(BaseModel):
    """Options of a stream. Unknown ones are ignored."""

    model_config = ConfigDict(frozen=True)

    include_usage: bool = False


class CompletionBody(Request):
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
    response_format: dict[str, Any] | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    functions: list[dict[str, Any]] | None = None
    function_call: str | dict[str, Any] | None = None
    logit_bias: dict[str, float] | None = None
    reasoning_effort: str | None = None
    verbosity: str | None = None
    modalities: list[str] | None = None
    audio: dict[str, Any] | None = None

    def ask(self) -> CompletionRequest:
        """The request to the persona. Raises BadRequest for what no persona can do."""
        if self.n is not None and self.n != 1:
            raise BadRequest("Only one choice is possible: n must be 1.", param="n", reason="invalid_value")
        self._refuse_logprobs()
        if self.modalities and set(self.modalities) != {"text"}:
            raise BadRequest(
                "Only text is passed on.", param="modalities", reason="unsupported_parameter"
            )  # without it `audio` means nothing
        if self.stream_options is not None and not self.stream:
            raise BadRequest(
                "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
                param="stream_options",
                reason="invalid_value",
            )
        longest = self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens
        messages = [message.on_the_wire() for message in self.messages]
        return CompletionRequest(
            messages=legacy_functions.messages_of(messages),
            temperature=self.temperature,
            top_p=self.top_p,
            max_tokens=longest,
            stop=self.stop,
            more=self._more(),
            variables=self.variables or {},
        )

    def _more(self) -> dict[str, Any]:
        parameters = self.model_dump(include=_PASSED_ON, exclude_none=True)
        if self.calls_functions:
            parameters |= legacy_functions.tools_of(self.functions or [], self.function_call)
        if not parameters.get("tools"):
            parameters = {name: value for name, value in parameters.items() if name not in _OF_TOOLS}
        if parameters.get("response_format") == {"type": "text"}:
            del parameters["response_format"]  # the default anyway
        return parameters | self._passed_on()

    @property
    def calls_functions(self) -> bool:
        """Whether it uses functions, from before tools, and expects such an answer."""
        return bool(self.functions) and not self.tools

    @property
    def reports_usage(self) -> bool:
        return bool(self.stream_options and self.stream_options.include_usage)


_PASSED_ON = {
    name
    for name in CompletionBody.model_fields
    if is_known(name)
    and name not in {"functions", "function_call", "modalities", "audio", "logprobs", "top_logprobs"}
}
