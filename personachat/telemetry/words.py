"""Prompts and replies as spans have them, where the operator asks for that; secrets in them are masked.

It is asked for as with every other instrumentation of generative AI, by the variable CAPTURE. Their form is
that of the conventions: https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, SecretStr

from personachat.providers.addresses import HIDDEN, LEAST_SECRET_CHARACTERS, secrets_in, spellings
from personachat.settings import Settings
from personachat.telemetry import names
from personachat.usage.words import Words

CAPTURE: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_ON = frozenset({"true", "1", "span_only", "span_and_event"})

_KEYS = re.compile(
    r"\b(?:sk|pk|rk|gsk|xai|hf|nvapi|pplx|fw|tgp|csk|ghp|gho|glpat|xox[abp])[-_][\w\-]{12,}"
    r"|\bAIza[\w\-]{30,}|\bAKIA[A-Z0-9]{16}\b|\beyJ[\w\-]+\.[\w\-]+\.[\w\-]+"
    r"|(?<=Bearer )[\w\-.+/=~]{8,}|(?<=://)[^\s/@:]+:[^\s/@]+(?=@)"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    re.DOTALL,
)
"""What is a key wherever it stands: people paste them into chats."""


def are_wanted(environment: Mapping[str, str]) -> bool:
    """Whether the operator asks for texts in spans. Nothing else is a yes."""
    return environment.get(CAPTURE, "").strip().lower() in _ON


class Masking:
    """Hides secrets in texts: this server's own, and what looks like a key."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets for form in spellings(secret)}
        telling = sorted(
            (each for each in forms if len(each) >= LEAST_SECRET_CHARACTERS), key=len, reverse=True
        )
        self._own = re.compile("|".join(map(re.escape, telling))) if telling else None

    @classmethod
    def of(cls, settings: Settings) -> Masking:
        return cls(_secrets(settings))

    def masked(self, text: str) -> str:
        return _KEYS.sub(HIDDEN, self._own.sub(HIDDEN, text) if self._own else text)


def _secrets(value: Any) -> Iterator[str]:
    """Every secret in settings, however deep; of an address, what of it may be one."""
    if isinstance(value, SecretStr):
        text = value.get_secret_value()
        yield text
        if "://" in text:  # a database's address: its other parts are ordinary words
            password = urlsplit(text).password or ""
            yield from (password, unquote(password))
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secrets(getattr(value, name))
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _secrets(each)
    elif isinstance(value, tuple | list | frozenset | set):
        for each in value:
            yield from _secrets(each)
    elif isinstance(value, str) and "://" in value:
        yield from secrets_in(value)


def attributes(words: Words, masking: Masking, *, finish_reason: str | None) -> dict[str, str]:
    """What a span has of them, as JSON."""
    messages = [_message(each, masking) for each in words.request().get("messages") or ()]
    replied = masking.masked(words.reply())
    answer = {
        "role": "assistant",
        "parts": [{"type": "text", "content": replied}],
        "finish_reason": finish_reason or "",
    }
    values = {}
    if messages:
        values[names.INPUT_MESSAGES] = json.dumps(messages)
    if replied:
        values[names.OUTPUT_MESSAGES] = json.dumps([answer])
    return values


def _message(message: Mapping[str, Any], masking: Masking) -> dict[str, Any]:
    content = message.get("content")
    pieces = content if isinstance(content, list) else [{"type": "text", "text": content or ""}]
    return {"role": str(message.get("role", "")), "parts": [_part(each, masking) for each in pieces]}


def _part(piece: Any, masking: Masking) -> dict[str, str]:
    """A text; of anything else, such as a picture, only what it is."""
    text = piece.get("text") if isinstance(piece, dict) else None
    if isinstance(text, str):
        return {"type": "text", "content": masking.masked(text)}
    return {"type": str(piece.get("type", "unknown")) if isinstance(piece, dict) else "unknown"}
