"""The body of a chat completion request, and what a model taught us about it.

Models differ in what they take: newer ones want `max_completion_tokens`, some refuse a temperature,
older servers refuse `stream_options`. Each refusal is adapted to once and remembered for the model.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from personachat.providers.base import ChatRequest
from personachat.providers.openai_report import Report

_REFUSED = re.compile(
    r"unsupported|not support|unrecognized|unknown|unexpected|extra (inputs|fields)"
    r"|not (permitted|allowed|accepted)|deprecated|cannot both"
    r"|not compatible|incompatible|does not accept|only the default",
    re.IGNORECASE,
)
_TOO_LARGE = re.compile(
    r"too (large|high|big)|at most|must be (less|smaller)|less than or equal", re.IGNORECASE
)

_NAMES = {
    "temperature": "a temperature",
    "top_p": "a topP",
    "stop": "stop words",
    "max_completion_tokens": "that maxTokens",
}
"""What a person calls the parameters whose absence they should hear of."""

_ADAPTABLE = ("stream_options", "max_completion_tokens", "max_tokens", "top_p", "temperature", "stop")


@dataclass
class Adaptation:
    """What one model takes and does not take, as far as it has said."""

    model: str
    renames_max_tokens: bool = False
    left_out: set[str] = field(default_factory=set)
    window_tokens: int | None = None

    def body(self, request: ChatRequest) -> dict[str, Any]:
        """The request as JSON, without `model` and `stream`, which the SDK adds."""
        limit = "max_completion_tokens" if self.renames_max_tokens else "max_tokens"
        wanted = {
            limit: request.max_tokens,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "stop": list(request.stop) or None,
            "stream_options": {"include_usage": True},
        }
        messages = [{"role": message.role, "content": message.content} for message in request.messages]
        chosen = {
            name: value for name, value in wanted.items() if value is not None and name not in self.left_out
        }
        more = {name: value for name, value in request.more.items() if name not in self.left_out}
        return {"messages": [*messages, *request.as_sent], **chosen, **more}

    def whole_body(self, request: ChatRequest) -> dict[str, Any]:
        """The request as JSON, as it is on the wire."""
        return {"model": self.model, "stream": True, **self.body(request)}

    def note_window(self, tokens: int | None) -> None:
        """Remember how much the model takes, where the server has said so."""
        self.window_tokens = tokens or self.window_tokens

    def learn(self, report: Report, sent: dict[str, Any]) -> str | None:
        """Adapt to a refusal of one of the parameters sent; None if it was about something else.

        Returns the sentence for the person, empty where nothing changes for them.
        """
        name = _refused_parameter(report, sent)
        if name is None:
            return None
        too_large = _TOO_LARGE.search(report.message) and not _REFUSED.search(report.message)
        if name == "max_tokens" and not too_large:
            self.renames_max_tokens = True
            return ""
        self.left_out.add(name)
        if name == "stream_options":
            return ""
        what = _NAMES.get(name, "that maxTokens")
        return f"{self.model} does not accept {what}; the reply used the model's own."


def _refused_parameter(report: Report, sent: dict[str, Any]) -> str | None:
    refused = bool(_REFUSED.search(report.message) or _REFUSED.search(report.code))
    for name in _ADAPTABLE:
        if name not in sent:
            continue
        named = report.param == name or re.search(rf"(?<![\w-]){name}(?![\w-])", report.message) is not None
        too_large = name.startswith("max_") and _TOO_LARGE.search(report.message)
        if named and (refused or too_large) and (report.param in {"", name} or report.param not in sent):
            return name
    return None
