"""Requests of the Responses API, and what a persona's provider gets from them.

A response may follow an earlier one or refer to items of one; `response_references` finds them. Requests for
answers to be fetched later are refused. So are tools that don't exist here, unless there are others to use.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from personachat.api.v1.bodies import Count, Request, Share, StrictBody, Temperature
from personachat.api.v1.errors import BadRequest
from personachat.api.v1.response_input import messages_of
from personachat.chat.completions import CompletionRequest

ENCRYPTED_REASONING = "reasoning.encrypted_content"
LOGPROBS = "message.output_text.logprobs"

Includable = Literal[
    "reasoning.encrypted_content",
    "message.output_text.logprobs",
    "message.input_image.image_url",
    # Of tools that don't exist here:
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
]

_ELSEWHERE = ("conversation", "background", "prompt")
"""Parameters that refer to something stored elsewhere or fetched later."""

_OF_NO_CONSEQUENCE = frozenset(
    {"access_programs", "background_options", "client_metadata", "context_management", "image"}
)
"""Known parameters that change nothing here."""


class Tool(BaseModel):
    """A function of the caller's that the model may call. Other types of tools are not supported."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    type: str
    name: Annotated[str, Field(pattern="^[a-zA-Z0-9_-]{1,64}$")] | None = None
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_its_type(cls, value: Any) -> Any:
        """Only the type of an unknown tool is read."""
        if not isinstance(value, Mapping) or "type" not in value:
            return value
        if value["type"] != "function":
            return {"type": value["type"]}
        return {**value, "name": value.get("name") or ""}

    @property
    def is_function(self) -> bool:
        return self.type == "function"

    def as_json(self) -> dict[str, Any]:
        return self.model_dump()

    def on_the_wire(self) -> dict[str, Any]:
        """The tool as a chat completion offers it."""
        return {"type": "function", "function": self.model_dump(exclude={"type"}, exclude_none=True)}


class TextOptions(StrictBody):
    format: dict[str, Any] | None = None
    verbosity: Literal["low", "medium", "high"] | None = None

    def response_format(self) -> dict[str, Any] | None:
        """The format in the terms of a chat completion; None for plain text, the default."""
        kind = (self.format or {}).get("type", "text")
        if self.format is None or kind == "text":
            return None
        if kind != "json_schema":
            return self.format
        schema = {name: value for name, value in self.format.items() if name != "type"}
        return {"type": "json_schema", "json_schema": schema}


class ReasoningOptions(BaseModel):
    """How to reason. If a `summary` is requested, reasoning is sent as a summary."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    effort: str | None = None
    summary: str | None = None
    generate_summary: str | None = None


class ResponseBody(Request):
    """POST /v1/responses; `model` is a persona's id."""

    model: Annotated[str, Field(min_length=1, max_length=200)]
    input: str | Annotated[list[dict[str, Any]], Field(min_length=1, max_length=10_000)]
    instructions: str | None = None
    stream: bool | None = None
    temperature: Temperature = None
    top_p: Share = None
    max_output_tokens: Count = None
    text: TextOptions | None = None
    reasoning: ReasoningOptions | None = None
    tools: tuple[Tool, ...] | None = None
    tool_choice: str | dict[str, Any] | None = None
    max_tool_calls: Count = None
    truncation: Literal["auto", "disabled"] | None = None
    include: list[Includable] | None = None
    previous_response_id: str | None = None
    conversation: str | dict[str, Any] | None = None
    background: bool | None = None
    prompt: dict[str, Any] | None = None
    stream_options: dict[str, Any] | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_what_changes_nothing(cls, fields: Any) -> Any:
        if not isinstance(fields, Mapping):
            return fields
        return {name: value for name, value in fields.items() if name not in _OF_NO_CONSEQUENCE}

    @property
    def own_items(self) -> Sequence[dict[str, Any]]:
        """The input as items."""
        if isinstance(self.input, str):
            return [{"type": "message", "role": "user", "content": self.input}]
        return self.input

    @property
    def functions(self) -> tuple[Tool, ...]:
        """The tools that the model is offered."""
        return _among(self.tools or (), self.tool_choice)

    @property
    def left_out(self) -> list[str]:
        """The types of tools that the model isn't offered, because they don't exist here."""
        return list(dict.fromkeys(tool.type for tool in self.tools or () if not tool.is_function))

    @property
    def is_kept(self) -> bool:
        """Whether later requests may refer to it."""
        return self.store is not False

    @property
    def tells_encrypted_reasoning(self) -> bool:
        return ENCRYPTED_REASONING in (self.include or ())

    @property
    def tells_summary(self) -> bool:
        """Whether reasoning is sent as a summary."""
        return bool(self.reasoning and (self.reasoning.summary or self.reasoning.generate_summary))

    def ask(
        self, items: Sequence[Mapping[str, Any]], *, earlier: Sequence[Mapping[str, Any]] = ()
    ) -> CompletionRequest:
        """The request to the persona with these items, after those of earlier responses.

        Raises BadRequest for what no persona can do.
        """
        self._refuse_what_is_elsewhere()
        self._refuse_logprobs()
        if LOGPROBS in (self.include or ()):
            raise BadRequest(
                "Log probabilities are not passed on.", param="include", reason="unsupported_parameter"
            )
        messages = [{"role": "system", "content": self.instructions}] if self.instructions else []
        return CompletionRequest(
            [*messages, *messages_of(items, earlier=earlier)],
            temperature=self.temperature,
            top_p=self.top_p,
            max_tokens=self.max_output_tokens,
            more=self._more(),
            variables=self.variables or {},
            may_shorten=self.truncation == "auto",
        )

    def _more(self) -> dict[str, Any]:
        text = self.text or TextOptions()
        tools = [tool.on_the_wire() for tool in self.functions] or None
        more = {
            **self.model_dump(include=_PASSED_ON, exclude_none=True),
            "response_format": text.response_format(),
            "tools": tools,
            "tool_choice": self._tool_choice(),
            "parallel_tool_calls": self.parallel_tool_calls if tools else None,
            "reasoning_effort": self.reasoning and self.reasoning.effort,
            "verbosity": text.verbosity,
            **self._passed_on(),
        }
        return {name: value for name, value in more.items() if value is not None}

    def _refuse_what_is_elsewhere(self) -> None:
        for name in _ELSEWHERE:
            if getattr(self, name):
                raise BadRequest(f"There is no '{name}' here.", param=name, reason="unsupported_parameter")
        if self.left_out and not any(tool.is_function for tool in self.tools or ()):
            raise _no_such_tool(self.left_out[0], param="tools[0].type")

    def _tool_choice(self) -> str | dict[str, Any] | None:
        """The tool choice in the terms of a chat completion; None if there is nothing to choose from."""
        names = {tool.name for tool in self.functions}
        match self.tool_choice:
            case None | "none" | "auto":
                return self.tool_choice if names else None
            case "required" if names:
                return "required"
            case {"type": "function", "name": str(name)} if name in names:
                return {"type": "function", "function": {"name": name}}
            case {"type": "allowed_tools", "mode": "auto" | "required" as mode} if names:
                return str(mode)
            case {"type": str(kind)} if kind in self.left_out:
                raise _no_such_tool(kind, param="tool_choice")
        raise BadRequest(
            "It must be 'none', 'auto', 'required' or one of the functions in tools.",
            param="tool_choice",
            reason="invalid_value",
        )


_PASSED_ON = {
    "frequency_penalty",
    "metadata",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "seed",
    "service_tier",
    "user",
}
"""Parameters that have the same name in a chat completion; `store` is handled here."""


def _among(tools: Sequence[Tool], choice: str | Mapping[str, Any] | None) -> tuple[Tool, ...]:
    """The functions, without those that the tool choice excludes."""
    functions = tuple(tool for tool in tools if tool.is_function)
    if not isinstance(choice, Mapping) or choice.get("type") != "allowed_tools":
        return functions
    allowed = [each for each in choice.get("tools") or () if isinstance(each, Mapping)]
    names = {each.get("name") for each in allowed if each.get("type") == "function"}
    return tuple(tool for tool in functions if tool.name in names)


def _no_such_tool(kind: str, *, param: str) -> BadRequest:
    return BadRequest(
        f"Invalid value for '{param}'. Only function tools are supported, not {kind}.",
        param=param,
        reason="invalid_value",
    )
