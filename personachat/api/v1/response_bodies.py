"""What programs that speak the Responses API send, and what of it a persona's provider is asked.

Nothing is stored here, so what refers to an earlier response, or is to be fetched later, is refused.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from personachat.api.v1.bodies import Body, Count, Penalty, Share, Temperature
from personachat.api.v1.errors import BadRequest
from personachat.api.v1.response_input import messages_of
from personachat.completions import Ask

_OF_WHAT_IS_STORED = ("previous_response_id", "conversation", "background")


class FunctionTool(Body):
    """A function of the caller's that the model may call; nothing else is a tool here."""

    type: Literal["function"]
    name: Annotated[str, Field(pattern="^[a-zA-Z0-9_-]{1,64}$")]
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None

    def on_the_wire(self) -> dict[str, Any]:
        """The tool as it is offered in a chat."""
        return {"type": "function", "function": self.model_dump(exclude={"type"}, exclude_none=True)}


class TextOptions(Body):
    format: dict[str, Any] | None = None
    verbosity: Literal["low", "medium", "high"] | None = None

    def response_format(self) -> dict[str, Any] | None:
        """The format as a chat names it; None for text, which is what everybody writes anyway."""
        kind = (self.format or {}).get("type", "text")
        if self.format is None or kind == "text":
            return None
        if kind != "json_schema":
            return self.format
        schema = {name: value for name, value in self.format.items() if name != "type"}
        return {"type": "json_schema", "json_schema": schema}


class ReasoningOptions(Body):
    effort: str | None = None
    # Of no consequence: no summaries are made.
    summary: str | None = None
    generate_summary: str | None = None


class ResponseBody(Body):
    """POST /v1/responses; `model` is a persona's id."""

    model: Annotated[str, Field(min_length=1, max_length=200)]
    input: str | Annotated[list[dict[str, Any]], Field(min_length=1, max_length=10_000)]
    instructions: str | None = None
    stream: bool | None = None
    temperature: Temperature = None
    top_p: Share = None
    presence_penalty: Penalty = None
    frequency_penalty: Penalty = None
    max_output_tokens: Count = None
    text: TextOptions | None = None
    reasoning: ReasoningOptions | None = None
    tools: tuple[FunctionTool, ...] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    user: str | None = None
    truncation: Literal["disabled"] | None = None
    include: Annotated[list[str], Field(max_length=0)] | None = None
    previous_response_id: str | None = None
    conversation: str | dict[str, Any] | None = None
    background: bool | None = None
    # Of no consequence here: nothing is stored, cached or billed by these.
    store: bool | None = None
    metadata: dict[str, str] | None = None
    service_tier: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    stream_options: dict[str, Any] | None = None

    def ask(self) -> Ask:
        """What is asked of the persona. Raises BadRequest for what no persona can do."""
        for name in _OF_WHAT_IS_STORED:
            if getattr(self, name):
                raise BadRequest(
                    f"Nothing is stored here: there is no '{name}'.",
                    param=name,
                    reason="unsupported_parameter",
                )
        text = self.text or TextOptions()
        told = [{"role": "system", "content": self.instructions}] if self.instructions else []
        more = {
            "response_format": text.response_format(),
            "tools": [tool.on_the_wire() for tool in self.tools or ()] or None,
            "tool_choice": self._tool_choice(),
            "parallel_tool_calls": self.parallel_tool_calls if self.tools else None,
            "presence_penalty": self.presence_penalty,
            "frequency_penalty": self.frequency_penalty,
            "reasoning_effort": self.reasoning and self.reasoning.effort,
            "verbosity": text.verbosity,
            "user": self.user,
        }
        return Ask(
            [*told, *messages_of(self.input)],
            temperature=self.temperature,
            top_p=self.top_p,
            max_tokens=self.max_output_tokens,
            more={name: value for name, value in more.items() if value is not None},
        )

    def _tool_choice(self) -> str | dict[str, Any] | None:
        """The choice as a chat names it; None where there is nothing to choose from."""
        names = {tool.name for tool in self.tools or ()}
        match self.tool_choice:
            case None | "none" | "auto":
                return self.tool_choice if names else None
            case "required" if names:
                return "required"
            case {"type": "function", "name": str(name)} if name in names:
                return {"type": "function", "function": {"name": name}}
        raise BadRequest(
            "It has to be 'none', 'auto', 'required' or a function that is among the tools.",
            param="tool_choice",
            reason="invalid_value",
        )
