"""The body of a chat completion request, and what earlier answers taught about the model.

Models differ in what they accept: newer ones want `max_completion_tokens`, some refuse a temperature, older
servers refuse `stream_options`. A refused request is adapted and sent again. What is remembered is only what
is true of the model, with the refused values, and for an hour: nobody loses anything because of someone
else's request. The operator's limit on tokens is always sent, whatever a model refuses.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from personachat.errors import ContextTooLong, ProviderError
from personachat.messages import Started
from personachat.providers.base import ChatRequest
from personachat.providers.openai.folding import PLAIN, folded, next_form
from personachat.providers.openai.reader import ReplyReader
from personachat.providers.openai.refusals import (
    ADAPTABLE,
    LIMITS,
    RefusedParameter,
    allowed_tokens,
    mode_of,
    refusal_of,
    refused_message_key,
)
from personachat.providers.openai.reports import Report
from personachat.providers.openai.server import Server
from personachat.providers.openai.thinking import without_thoughts
from personachat.providers.parameters import only_tunes

Clock = Callable[[], float]

REMEMBERED_SECONDS = 3600.0
"""Seconds that a refusal is remembered: servers are updated."""

MOST_REFUSALS = 32
"""How many refusals are remembered per model."""

_NAMES = {"temperature": "a temperature", "top_p": "a topP", "stop": "stop words"}
"""The names that people use for parameters whose absence they should hear about."""

_OF_A_MESSAGE = "messages[]."
"""Prefix of the name of a refusal that is about a key of messages."""

_OURS = frozenset({"model", "messages", "stream", "stream_options", "n", *LIMITS})
"""Parameters that further ones never replace."""


class Adaptation:
    """What one model accepts and refuses, as far as it has said. Used on one loop, read anywhere."""

    def __init__(self, model: str, *, most_tokens: int | None = None, clock: Clock = time.monotonic) -> None:
        self.model = model
        self.window_tokens: int | None = None
        self._most_tokens = most_tokens
        self._clock = clock
        self._thinks_until = 0.0
        self._form = PLAIN
        self._form_until = 0.0
        self._refusals: dict[RefusedParameter, float] = {}

    def begin(self, request: ChatRequest) -> Attempt:
        """The request without what the model is known to refuse."""
        return Attempt(self, request, most_tokens=self._most_tokens)

    def whole_body(self, request: ChatRequest) -> dict[str, Any]:
        """The request as JSON, as it would be on the wire now."""
        return self.begin(request).whole_body()

    def note_window(self, tokens: int | None) -> None:
        """Remember how many tokens the model accepts, if the server has said so."""
        self.window_tokens = tokens or self.window_tokens

    @property
    def thinks_first(self) -> bool:
        """Whether it is known to begin with thoughts that no tag opens."""
        return self._thinks_until > self._clock()

    def note_thoughts(self, *, closed_alone: bool) -> None:
        """Remember whether it closed thoughts that no tag had opened."""
        self._thinks_until = self._clock() + REMEMBERED_SECONDS if closed_alone else 0.0

    def remember(self, refusal: RefusedParameter) -> None:
        others = {each: until for each, until in self._refusals.items() if each != refusal}
        if len(others) >= MOST_REFUSALS:
            del others[next(iter(others))]
        self._refusals = {**others, refusal: self._clock() + REMEMBERED_SECONDS}

    @property
    def form(self) -> int:
        """The form in which the model accepts messages, as far as it is known now."""
        return self._form if self._form_until > self._clock() else PLAIN

    def took(self, form: int) -> None:
        """Remember that it accepted a form after refusing a plainer one."""
        self._form, self._form_until = form, self._clock() + REMEMBERED_SECONDS

    def refusals(self) -> tuple[RefusedParameter, ...]:
        """What it is known to refuse now."""
        refusals = self._refusals  # never changed in place, only replaced
        if not refusals:
            return ()
        now = self._clock()
        return tuple(refusal for refusal, until in refusals.items() if until > now)


class Attempt:
    """One request to one model, changed until the model accepts it."""

    def __init__(self, adaptation: Adaptation, request: ChatRequest, *, most_tokens: int | None) -> None:
        self._adaptation = adaptation
        self._request = request
        self._ceiling = most_tokens
        self._left_out: set[str] = set()
        self._limit_name = "max_tokens"
        self.form = adaptation.form
        """See personachat.providers.openai.folding."""
        self._refolded = False
        self._bare: frozenset[str] = frozenset()
        limits = [tokens for tokens in (request.max_tokens, most_tokens) if tokens is not None]
        self._limit = min(limits, default=None)
        if refusals := adaptation.refusals():
            self._avoid(refusals)

    def body(self) -> dict[str, Any]:
        """The request as JSON, without `model` and `stream`, which the SDK adds."""
        messages = _messages(self._request, self.form)
        if self._bare:
            messages = [_without(message, self._bare) for message in messages]
        return {"messages": messages, **self.parameters()}

    def parameters(self) -> dict[str, Any]:
        """The body without the messages."""
        request = self._request
        values = {
            self._limit_name: self._limit,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "stop": list(request.stop) or None,
            "stream_options": {"include_usage": True},
        }
        all_values = {**values, **{name: value for name, value in request.more.items() if name not in _OURS}}
        return {
            name: value
            for name, value in all_values.items()
            if value is not None and name not in self._left_out
        }

    def whole_body(self) -> dict[str, Any]:
        """The request as JSON, as it is on the wire."""
        return {"model": self._adaptation.model, "stream": True, **self.body()}

    def learn(self, report: Report) -> str | None:
        """Adapt to the refusal of a parameter; None if that isn't possible.

        Returns the sentence for the person, empty if nothing changes for them.
        """
        parameters = self.parameters()
        tokens = allowed_tokens(report, parameters)
        more = self._request.more
        refusal = None if tokens else refusal_of(report, parameters, mode_of(more), tuning=self._tuning())
        if refusal is None and tokens is None:
            return "" if self._bares(report) or self.refold(report) else None
        if refusal is None:
            return self._clamp(tokens or 0, report)
        if refusal.name == "max_tokens":
            self._limit_name = "max_completion_tokens"
        elif refusal.name in LIMITS and self._ceiling is not None:
            return None  # a model that accepts no limit may not answer if there has to be one
        else:
            self._left_out.add(refusal.name)
        self._adaptation.remember(refusal)
        if refusal.name in {"stream_options", "max_tokens"}:
            return ""
        if refusal.name in self._request.more:
            return (
                f"{self._adaptation.model} does not support {refusal.name}, so the reply was "
                "requested without it."
            )
        what = _NAMES.get(refusal.name, "a maxTokens")
        return f"{self._adaptation.model} does not accept {what}, so the model's default was used."

    def _bares(self, report: Report) -> bool:
        """Remove a key that doesn't change the meaning of messages; False if none was refused."""
        used = {key for message in self._request.as_sent for key in message} - self._bare
        key = refused_message_key(report, used)
        if key is None:
            return False
        self._bare |= {key}
        self._adaptation.remember(RefusedParameter(f"{_OF_A_MESSAGE}{key}"))
        return True

    def refold(self, report: Report) -> bool:
        """Put the messages into another form; False if their form wasn't what was refused."""
        messages = _messages(self._request)
        form = next_form(report, messages, form=self.form, pinned=self._request.pinned)
        if form is None:
            return False
        self.form, self._refolded = form, True
        return True

    def goes_on(self, error: ProviderError, refusal: Report | None) -> bool:
        """Whether to retry after an error inside the answer, which may have been a `refusal`."""
        if isinstance(error, ContextTooLong):
            self._adaptation.note_window(error.window_tokens)
        return refusal is not None and self.refold(refusal)

    def reader(self, server: Server) -> ReplyReader:
        """The reader for the answer."""
        return ReplyReader(
            server,
            self._adaptation.model,
            tools="tools" in self._request.more,
            thinks_first=self._adaptation.thinks_first,
        )

    def note_success(self, *, closed_alone: bool | None) -> None:
        """The model has answered: remember the form that it needed, and how it thinks."""
        if self._refolded:
            self._adaptation.took(self.form)
        if closed_alone is not None:
            self._adaptation.note_thoughts(closed_alone=closed_alone)

    def _clamp(self, tokens: int, report: Report) -> str | None:
        """Request a shorter reply, this once: a reply that is too long says nothing about others."""
        self._adaptation.note_window(report.window_tokens)
        model = self._adaptation.model
        if tokens:
            self._limit = tokens
            return (
                f"{model} writes at most {tokens:,} tokens, so maxTokens was lowered to that for this reply."
            )
        if self._ceiling is not None:
            return None
        self._left_out.add(self._limit_name)
        return f"{model} does not accept this maxTokens value, so the model's default was used."

    def _tuning(self) -> list[str]:
        """Further parameters without which it would still be an answer to the question."""
        more = self._request.more
        return [name for name in more if only_tunes(name, more) and name not in {"tools", "tool_choice"}]

    def _avoid(self, refusals: tuple[RefusedParameter, ...]) -> None:
        names = [each.name for each in refusals if each.name.startswith(_OF_A_MESSAGE)]
        self._bare = frozenset(name.removeprefix(_OF_A_MESSAGE) for name in names)
        if any(refusal.name == "max_tokens" for refusal in refusals):
            self._limit_name = "max_completion_tokens"
        mode = mode_of(self._request.more)
        for name in (*ADAPTABLE, *self._tuning()):
            parameters = self.parameters()
            if any(each.name == name and each.holds_for(parameters, mode) for each in refusals):
                self._left_out.add(name)


def body_as_sent(request: ChatRequest, start: Started) -> dict[str, Any]:
    """The request as it was on the wire when a model accepted it."""
    messages = _messages(request, start.form)
    return {"model": request.model, "stream": True, "messages": messages, **(start.sent or {})}


def _without(message: Mapping[str, Any], keys: frozenset[str]) -> Mapping[str, Any]:
    return {name: value for name, value in message.items() if name not in keys}


def _content(role: str, content: str) -> str:
    return without_thoughts(content) if role == "assistant" else content


def _messages(request: ChatRequest, form: int = PLAIN) -> list[Mapping[str, Any]]:
    messages = [
        {"role": each.role, "content": _content(each.role, each.content)} for each in request.messages
    ]
    return folded([*messages, *request.as_sent], form, pinned=request.pinned)
