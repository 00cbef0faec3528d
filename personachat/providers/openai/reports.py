"""What an OpenAI-compatible server reports about a failure or its models, in whatever shape.

The shapes are OpenAI's, vLLM's, FastAPI's, Google's, OpenRouter's and plain text. The wordings for a
conversation that is too long, an unknown model or an empty account are those of OpenAI, vLLM, llama.cpp,
Ollama, LM Studio, Anthropic, Google, Groq, Mistral and TGI.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from personachat.messages import Usage

_CONTEXT_TEXTS = re.compile(
    r"maximum (context|prompt) length|context.length.exceeded"
    r"|exceeds? the (available )?context (size|length|window)"
    r"|exceed_context_size|longer than the maximum model length|larger than the (maximum )?context"
    r"|(greater|longer|larger) than the (model's |loaded )?context( length| window| size)?"
    r"|context (length|window|size|limit) (was |is |has been )?(exceeded|overflow)|context the overflows"
    r"|exceeds? (the )?(model's )?(maximum )?context|exceed context limit"
    r"|(prompt|input) (is )?too long|exceeded max context length"
    r"|reduce the length of the (messages|prompt)|exceeds the maximum number of tokens allowed"
    r"|tokens`? \+ `max_new_tokens` must be|reached context length",
    re.IGNORECASE,
)
_MODEL_TEXTS = re.compile(
    r"\bmodels?\b.{0,120}(not found|does ?n.t exist|not exist|no such|unknown|not available|is not loaded)"
    r"|not a valid model|(unknown|invalid|no such) model|try pulling it first",
    re.IGNORECASE | re.DOTALL,
)
_QUOTA_TEXTS = re.compile(
    r"insufficient_quota|exceeded your current quota|insufficient (credits|balance|funds)", re.IGNORECASE
)


_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_TIME = re.compile(r"(\d{1,6}(?:\.\d{1,9})?) ?(ms|[smh])", re.IGNORECASE)
_SAID_WAIT = re.compile(
    r"(?:try again|retry) (?:in|after) ("
    r"(?:\d{1,6}(?:\.\d{1,9})? ?(?:ms|[smh])(?:econds?|ecs?|inutes?|ins?|ours?)?(?![a-z])[ ,]*){1,3})",
    re.IGNORECASE,
)
_MOST_READ = 1_000
_ADVICE = re.compile(r"\s*[^.!?]*\b(?:try again|retry)\b.*?(?:[.!?](?=\s|$)|$)", re.IGNORECASE | re.DOTALL)

_NUMBER = r"(\d[\d,]{2,11})"
_WINDOW_TEXTS = tuple(
    re.compile(text, re.IGNORECASE)
    for text in (
        rf"maximum (?:context |prompt |model |input )?length (?:is|of) (?:only )?{_NUMBER}",
        rf"context (?:length|size|window|limit) (?:is |of )?(?:only )?\(?{_NUMBER}",
        rf"n_ctx\W{{1,3}}{_NUMBER}",
        rf"model with {_NUMBER} maximum context",
        rf"tokens allowed \({_NUMBER}",
        rf"must be <= {_NUMBER}",
        rf"> {_NUMBER}",
    )
)
"""The place in the wordings of _CONTEXT_TEXTS of the tokens that the model accepts."""

LEAST_WINDOW_TOKENS = 128
"""Tokens. A smaller number isn't a window."""


@dataclass(frozen=True, slots=True)
class Report:
    """An error object as servers write it, whatever its shape. Missing values are empty strings."""

    message: str = ""
    code: str = ""
    param: str = ""
    n_ctx: int | None = None
    """The window, if it has a field of its own, as in llama.cpp."""

    @property
    def is_context_too_long(self) -> bool:
        return bool(_CONTEXT_TEXTS.search(self.code) or _CONTEXT_TEXTS.search(self.message))

    @property
    def window_tokens(self) -> int | None:
        """How many tokens the model accepts, if a conversation is too long and the server says so."""
        if not self.is_context_too_long:
            return None
        matches = (text.search(self.message) for text in _WINDOW_TEXTS)
        in_message = next((int(match[1].replace(",", "")) for match in matches if match), None)
        tokens = self.n_ctx or in_message
        return tokens if tokens and tokens >= LEAST_WINDOW_TOKENS else None

    @property
    def is_quota(self) -> bool:
        return bool(_QUOTA_TEXTS.search(self.code) or _QUOTA_TEXTS.search(self.message))

    @property
    def is_unknown_model(self) -> bool:
        return "model_not_found" in self.code or bool(_MODEL_TEXTS.search(self.message))


def read_report(value: Any) -> Report:
    """Find the error in a decoded JSON answer: OpenAI's, vLLM's, FastAPI's, Google's, plain text."""
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, str):
        return Report(value)
    if not isinstance(value, Mapping):
        return Report()
    error = value.get("error")
    if isinstance(error, str) and error:
        return Report(str(value.get("message") or error), _joined(value, "code", "type"))
    if isinstance(error, Mapping):
        value = error
    detail = value.get("detail")
    message = value.get("message") or value.get("msg") or value.get("error_description")
    if not message and isinstance(detail, list):
        message = "; ".join(_validation_fault(fault) for fault in detail[:3])
    metadata = value.get("metadata")
    if (
        isinstance(metadata, Mapping)
        and isinstance(metadata.get("raw"), str)
        and str(message).startswith("Provider")
    ):
        message = metadata["raw"]  # OpenRouter: "Provider returned error", with the reason inside
    n_ctx = value.get("n_ctx")
    return Report(
        _text(message or detail),
        _joined(value, "code", "type", "status"),
        _text(value.get("param")),
        n_ctx if isinstance(n_ctx, int) else None,
    )


def usage_of(value: Mapping[str, Any]) -> Usage:
    """Read the counts of a completion: OpenAI's, DeepSeek's for its cache, xAI's, which adds reasoning."""
    prompt, completion = _count(value.get("prompt_tokens")), _count(value.get("completion_tokens"))
    read, written = value.get("prompt_tokens_details"), value.get("completion_tokens_details")
    cached = _count(read.get("cached_tokens")) if isinstance(read, Mapping) else None
    if cached is None:
        cached = _count(value.get("prompt_cache_hit_tokens"))
    if cached is None:
        cached = _count(value.get("cached_tokens"))
    reasoning = _count(written.get("reasoning_tokens")) if isinstance(written, Mapping) else None
    if reasoning is None:
        reasoning = _count(value.get("reasoning_tokens"))
    if prompt is None or completion is None:
        return Usage(prompt, completion, cached, reasoning)
    if reasoning and value.get("total_tokens") == prompt + completion + reasoning:
        completion += reasoning
    return Usage(
        prompt,
        completion,
        None if cached is None else min(cached, prompt),
        None if reasoning is None else min(reasoning, completion),
    )


def _count(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None


def model_names(value: Any) -> tuple[str, ...]:
    """Find the names in {"data": [{"id"}]}, {"models": [{"name"}]} or a bare list; raises ValueError."""
    if isinstance(value, dict):
        value = value.get("data") or value.get("models") or []
    if not isinstance(value, list):
        raise ValueError  # noqa: TRY004  # as for what is no JSON
    names = [model.get("id") or model.get("name") if isinstance(model, dict) else model for model in value]
    return tuple(dict.fromkeys(name for name in names if isinstance(name, str)))


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Read `retry-after-ms` or `Retry-After`: seconds or an HTTP date (RFC 9110); None if neither."""
    try:
        if (milliseconds := headers.get("retry-after-ms")) is not None:
            return max(0.0, float(milliseconds) / 1000)
        value = headers.get("retry-after")
        if value is None:
            return None
        if re.fullmatch(r"\s*\d+(\.\d+)?\s*", value):
            return float(value)
        return max(0.0, (parsedate_to_datetime(value).astimezone(UTC) - datetime.now(UTC)).total_seconds())
    except ValueError:
        return None


def said_wait_seconds(message: str) -> float | None:
    """When to retry according to a message ("try again in 1m2.5s", "retry after 20 seconds")."""
    if not (match := _SAID_WAIT.search(message[:_MOST_READ])):
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in _TIME.findall(match[1].lower()))


def without_advice(message: str) -> str:
    """A message without its sentences about retrying, which the hint contains."""
    return " ".join(_ADVICE.sub(" ", message[:_MOST_READ]).split())


def _validation_fault(fault: Any) -> str:
    if isinstance(fault, Mapping):
        place = fault.get("loc")
        where = ".".join(str(part) for part in place) if isinstance(place, (list, tuple)) else ""
        return f"{where}: {fault.get('msg', '')}".strip(": ")
    return _text(fault)


def _joined(value: Mapping[str, Any], *keys: str) -> str:
    return " ".join(_text(value.get(key)) for key in keys).strip()


def _text(value: Any) -> str:
    return (
        value
        if isinstance(value, str)
        else ""
        if value is None or isinstance(value, (dict, list))
        else str(value)
    )
