"""What a server says about a parameter it refused: which one, and what it would have accepted.

The wordings are those of OpenAI, Azure, Anthropic, Google, Mistral, DeepSeek, DashScope, Groq, Bedrock,
OpenRouter, vLLM and FastAPI.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from personachat.providers.openai.reports import Report

LIMITS = ("max_completion_tokens", "max_tokens")
"""The two names of the limit on a reply's tokens."""

ADAPTABLE = ("stream_options", *LIMITS, "top_p", "temperature", "stop")
"""What can be left out or renamed without changing the question."""

LEAST_REPLY_TOKENS = 128
"""Tokens. A lower limit, because the conversation fills the window, leaves no room for a reply."""

_REFUSED = re.compile(
    r"unsupported|not support|unrecognized|unknown|unexpected|extra (inputs|fields)"
    r"|not (permitted|allowed|accepted)|deprecated|cannot both"
    r"|not compatible|incompatible|does not accept|only the default",
    re.IGNORECASE,
)
_TOO_LARGE = re.compile(
    r"too (large|high|big)|at most|must be (less|smaller|lower|below)|less than|lower than|exceed"
    r"|range|between \d|> ?\d|<= ?\d|maximum (allowed|value|number|output|tokens)|greater than",
    re.IGNORECASE,
)
_ONE_VALUE = re.compile(r"unsupported.value|does not support .{1,40} with|only the default", re.IGNORECASE)
_DEFAULT = re.compile(r"only the default \(`?(\d+(?:\.\d+)?)`?\)", re.IGNORECASE)

_A_LIMIT = re.compile(r"max_?(output_?|completion_?|new_?)?tokens|maximum tokens", re.IGNORECASE)

_NUMBER = r"[`'\"]?(\d[\d,_]*)"
_ROOM = (
    re.compile(rf"{_NUMBER} > {_NUMBER} - {_NUMBER}"),
    re.compile(
        rf"maximum context length is {_NUMBER} tokens.*?\({_NUMBER} (?:in the messages|of text input)"
    ),
    re.compile(rf"maximum context length is {_NUMBER} tokens.*? has {_NUMBER} input tokens"),
)
_MOST = tuple(
    re.compile(text, re.IGNORECASE | re.DOTALL)
    for text in (
        rf"at most {_NUMBER}",
        rf"less than or equal to {_NUMBER}",
        rf"<= ?{_NUMBER}",
        rf"\[ *\d+ *, *{_NUMBER} *\]",
        rf"\d > {_NUMBER}",
        rf"between \d+ and {_NUMBER}",
        rf"{_NUMBER} \(inclusive\)(?!.*\((?:in|ex)clusive\))",
        rf"limit (?:of|is|:) ?{_NUMBER}",
        rf"maximum (?:allowed |output |completion )?(?:value |number |tokens? )?(?:is|of|:) ?{_NUMBER}",
    )
)
_BELOW = tuple(
    re.compile(text, re.IGNORECASE)
    for text in (rf"{_NUMBER} \(exclusive\)", rf"(?:less|lower|smaller) than {_NUMBER}", rf"below {_NUMBER}")
)
_ANY_NUMBER = re.compile(r"(?<![\w.-])\d[\d,_]*(?![\w-]|\.\d)")

_WITHOUT_MODE = frozenset(
    {
        "frequency_penalty",
        "logit_bias",
        "metadata",
        "parallel_tool_calls",
        "presence_penalty",
        "prompt_cache_key",
        "safety_identifier",
        "seed",
        "store",
        "tool_choice",
        "user",
    }
)
"""Further parameters that don't change a model's mode."""

_SAYING_NOTHING = frozenset(
    {"annotations", "name", "reasoning", "reasoning_content", "reasoning_details", "refusal"}
)
"""Keys of a message that not every server accepts and that don't change its meaning."""

_LONGEST_SETTING = 40

Mode = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class RefusedParameter:
    """A parameter that a model refused, and what it was sent with: it is only true of that."""

    name: str
    value: str = ""
    """The one value that was refused, as JSON; "" if it is the parameter itself."""
    default: float | None = None
    """The one value that is accepted, if the server named it."""
    beside: frozenset[str] = frozenset()
    """Other parameters that the refusal blames."""
    mode: Mode | None = None
    """In which mode of the model; None if that makes no difference."""

    def holds_for(self, body: Mapping[str, Any], mode: Mode) -> bool:
        """Whether a request with these parameters, in this mode, would be refused for the same reason."""
        if self.name not in body or not self.beside <= body.keys() or self.mode not in {None, mode}:
            return False
        if self.default is not None:
            return bool(body[self.name] != self.default)
        return not self.value or json.dumps(body[self.name]) == self.value


def mode_of(more: Mapping[str, Any]) -> Mode:
    """The model's mode by the further parameters: whether it reasons, calls tools, writes JSON.

    Many models accept a temperature, for example, in one of their modes and not in another.
    """
    return frozenset((name, _gist(name, value)) for name, value in more.items() if name not in _WITHOUT_MODE)


def refusal_of(
    report: Report, parameters: Mapping[str, Any], mode: Mode, *, tuning: Collection[str] = ()
) -> RefusedParameter | None:
    """Which parameter was refused, of ADAPTABLE or of further ones that only tune.

    None if it was about something else, or a limit was too large.
    """
    if not (_REFUSED.search(report.message) or _REFUSED.search(report.code)):
        return None
    names = (*ADAPTABLE, *tuning)
    name = next((name for name in names if name in parameters and _is_blamed(name, report, parameters)), None)
    if name is None:
        return None
    if name == "stream_options" or name in LIMITS:
        return RefusedParameter(name)
    if name in tuning:
        of_value = _ONE_VALUE.search(report.code) or _ONE_VALUE.search(report.message)
        return RefusedParameter(name, json.dumps(parameters[name]) if of_value else "")
    beside = frozenset(other for other in parameters if other in ADAPTABLE and other != name)
    blamed = frozenset(other for other in beside if _is_named(other, report.message))
    of_value = _ONE_VALUE.search(report.code) or _ONE_VALUE.search(report.message)
    default = _DEFAULT.search(report.message)
    return RefusedParameter(
        name,
        json.dumps(parameters[name]) if of_value else "",
        float(default[1]) if default else None,
        blamed,
        mode,
    )


def refused_message_key(report: Report, used: Collection[str]) -> str | None:
    """Which key of messages was refused, of those that don't change the meaning; None if none was."""
    if not (_REFUSED.search(report.message) or _REFUSED.search(report.code)):
        return None
    complaint = f"{report.param} {report.message}"
    names = sorted(_SAYING_NOTHING & set(used), key=len, reverse=True)
    return next((name for name in names if _is_named(name, complaint)), None)


def allowed_tokens(report: Report, parameters: Mapping[str, Any]) -> int | None:
    """The most tokens of a reply, if too many were requested; None if it was about something else.

    0 if the server doesn't say.
    """
    name = next((name for name in LIMITS if name in parameters), None)
    if name is None or (report.param in parameters and report.param not in LIMITS):
        return None
    sent_tokens: int = parameters[name]
    if room := _room(report.message):
        return room if min(sent_tokens, LEAST_REPLY_TOKENS) <= room < sent_tokens else None
    is_about_it = report.param in LIMITS or _A_LIMIT.search(report.message)
    if not is_about_it or not _TOO_LARGE.search(report.message) or report.is_context_too_long:
        return None
    return next(_most_tokens(report.message, sent_tokens), 0)


def _room(message: str) -> int | None:
    """What the conversation leaves of the window, if the message names both."""
    for pattern in _ROOM:
        if match := pattern.search(message):
            *_, window, used = map(_number, match.groups())
            return window - used
    return None


def _most_tokens(message: str, sent_tokens: int) -> Iterator[int]:
    """What may be the limit in this message, likeliest first; all lower than the requested one."""
    named = [_number(match[1]) for pattern in _MOST if (match := pattern.search(message))]
    named += [_number(match[1]) - 1 for pattern in _BELOW if (match := pattern.search(message))]
    named += sorted(map(_number, _ANY_NUMBER.findall(message)), reverse=True)
    return (number for number in named if 0 < number < sent_tokens)


def _is_blamed(name: str, report: Report, parameters: Mapping[str, Any]) -> bool:
    """Whether the refusal is about this parameter, by its `param` or else by its message."""
    if report.param and report.param != name and report.param in parameters:
        return False
    return report.param == name or _is_named(name, report.message)


def _is_named(name: str, message: str) -> bool:
    return re.search(rf"(?<![\w-]){name}(?![\w-])", message) is not None


def _gist(name: str, value: Any) -> str:
    if name == "tools":
        return "some"
    text = json.dumps(value, sort_keys=True, default=str)
    return text if len(text) <= _LONGEST_SETTING else sha256(text.encode()).hexdigest()


def _number(digits: str) -> int:
    return int(digits.replace(",", "").replace("_", ""))
