"""Everything that a provider does wrong, or ends a reply with, and what a person is then to read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.fake_provider import (
    Gate,
    Repeat,
    Reply,
    Reset,
    chunk,
    events,
    failure,
    hang,
    raw,
    sse,
    status,
    tokens,
)

LATER = {"Retry-After": "60"}
"""So that nothing is asked again meanwhile."""

FIRST_TOKEN_SOON = {"PERSONACHAT_FIRST_TOKEN_TIMEOUT_SECONDS": "0.4"}
NEVER_IDLE = {"PERSONACHAT_IDLE_TIMEOUT_SECONDS": "0.4"}


@dataclass(frozen=True)
class Fault:
    """`reply` makes what the provider sends; `says` is part of the sentence, `kept` the text that stays."""

    reply: Callable[[], Reply]
    says: str
    kept: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    ways_on: frozenset[str] = frozenset({"retry"})
    """Keys of the buttons that have to be there."""


def broken(*data: object) -> Reply:
    """A reply that begins, then these events or bytes."""
    return events(chunk("Half of"), *data, done=False)


CONTINUES = frozenset({"continue", "retry"})
HALF = "Half of"

FAULTS: Mapping[str, Fault] = {
    # --- ends that are no failure
    "refusal in a field": Fault(
        lambda: events(chunk({"refusal": "I would rather not."}), chunk({}, finish="stop")),
        "The model declined to answer. Rephrase your message",
        "I would rather not.",
    ),
    "refusal as a reason": Fault(lambda: tokens([], finish="refusal"), "The model declined to answer."),
    "refusal after text": Fault(
        lambda: events(chunk("Half of"), chunk({"refusal": " No."}), chunk({}, finish="content_filter")),
        "The model declined to answer.",
        "Half of No.",
    ),
    "reasoning alone": Fault(
        lambda: events(chunk({"reasoning_content": "Hm."}), chunk({}, finish="stop")),
        "finished thinking but wrote no answer. Try again with a higher maxTokens.",
        "Hm.",
    ),
    "reasoning up to the limit": Fault(
        lambda: events(chunk({"reasoning_content": "Hm."}), chunk({}, finish="length")),
        "used up its token limit on thinking, before it wrote any answer. Retry with a higher maxTokens",
        "Hm.",
    ),
    "reasoning, then the filter": Fault(
        lambda: events(chunk({"reasoning": "Hm."}), chunk({}, finish="content_filter")),
        "content filter removed the whole reply. Rephrase your message",
        "Hm.",
    ),
    "limit": Fault(
        lambda: tokens([HALF], finish="length"),
        "reached its token limit. Continue it, or raise maxTokens",
        HALF,
        ways_on=CONTINUES,
    ),
    "limit before a word": Fault(
        lambda: tokens([], finish="length"), "token limit was reached before the model wrote anything"
    ),
    "filter": Fault(
        lambda: tokens([HALF], finish="content_filter"),
        "content filter ended the reply; the text so far",
        HALF,
    ),
    "filter before a word": Fault(
        lambda: tokens([], finish="content_filter"), "filter removed the whole reply"
    ),
    "an unknown end": Fault(
        lambda: tokens([HALF], finish="banana"),
        "for an unknown reason (banana), so it may be incomplete. If it is, regenerate it",
        HALF,
        ways_on=frozenset(),
    ),
    "an end through a fault": Fault(
        lambda: tokens([HALF], finish="abort"), "stopped with an error. Try again", HALF, ways_on=CONTINUES
    ),
    # --- replies that are none
    "an empty reply": Fault(lambda: tokens([]), "returned an empty reply. Try again"),
    "blanks alone": Fault(lambda: tokens([" \n"]), "returned an empty reply. Try again"),
    "a tool instead": Fault(
        lambda: events(chunk({"tool_calls": [{"index": 0, "id": "a"}]}), chunk({}, finish="tool_calls")),
        "tried to call a tool instead of answering. Try again",
    ),
    "nothing": Fault(raw, "answered with nothing instead of a reply. Check OPENAI_BASE_URL"),
    "a web page": Fault(lambda: raw(b"<html>secret"), "answered with a web page instead of a reply. Check"),
    "plain JSON": Fault(lambda: raw(b'{"secret": 1}'), "answered with JSON that contains no reply"),
    "comments alone": Fault(lambda: raw(b": ping\n\n"), "answered with no reply instead of a reply"),
    # --- errors in the stream
    "an error object": Fault(
        lambda: broken({"error": {"message": "Overheated."}}),
        "stopped with an error: Overheated. Try again.",
        HALF,
        ways_on=CONTINUES,
    ),
    "an error as text": Fault(
        lambda: broken({"error": "Overheated."}),
        "stopped with an error: Overheated.",
        HALF,
        ways_on=CONTINUES,
    ),
    "a flat error": Fault(
        lambda: broken(sse({"type": "error", "message": "Overheated."}, event="error")),
        "stopped with an error: Overheated.",
        HALF,
        ways_on=CONTINUES,
    ),
    "an error beside choices": Fault(
        lambda: broken({**chunk({}, finish="error"), "error": {"code": 502, "message": "Overheated."}}),
        "stopped with an error: Overheated.",
        HALF,
        ways_on=CONTINUES,
    ),
    "bad JSON": Fault(lambda: broken(b"data: {oops\n\n"), "sent an event that can't be read", HALF),
    "bad UTF-8": Fault(
        lambda: broken(b'data: {"a": "\xff\xfe"}\n\n'), "sent an event that can't be read", HALF
    ),
    "an end without an end": Fault(
        lambda: tokens([HALF], finish=None, done=False),
        "stopped in the middle of the reply. Continue the reply",
        HALF,
        ways_on=CONTINUES,
    ),
    "a reset": Fault(lambda: tokens([HALF, Reset()]), "The connection to", HALF, ways_on=CONTINUES),
    # --- silence
    "no first token": Fault(
        hang, "did not start to answer within 0.4 seconds. Try again", settings=FIRST_TOKEN_SOON
    ),
    "keep-alive alone": Fault(
        lambda: raw(Repeat(b": ping\n\n")),
        "did not start to answer within 0.4 seconds",
        settings=FIRST_TOKEN_SOON,
    ),
    "silence in the middle": Fault(
        lambda: tokens([HALF, Gate()]),
        "sent nothing for 0.4 seconds in the middle of the reply. Continue the reply",
        HALF,
        settings=NEVER_IDLE,
        ways_on=CONTINUES,
    ),
    # --- statuses
    "a refused request": Fault(
        lambda: failure(400, "The roof is on fire."),
        "rejected the request (HTTP 400): The roof is on fire. Change the setting it rejects",
        ways_on=frozenset({"retry", "edit_persona"}),
    ),
    "a refused key": Fault(
        lambda: failure(401, "No."), "does not accept the API key: No. Check OPENAI_API_KEY."
    ),
    "a forbidden key": Fault(lambda: failure(403, "No."), "does not allow this with the API key: No. Check"),
    "an unknown model": Fault(
        lambda: failure(404, "No such model.", error_code="model_not_found"),
        "has no model gpt-4. It has fake-",
        ways_on=frozenset({"retry", "edit_persona"}),
    ),
    "a wrong address": Fault(lambda: status(404), "at the configured address (HTTP 404). Check"),
    "too many requests": Fault(lambda: status(429, LATER), "is limiting requests. Try again in 60 sec"),
    "no money left": Fault(
        lambda: failure(429, "Pay.", error_code="insufficient_quota"),
        "no quota or credit left: Pay. Check its plan",
    ),
    "a fault of the server": Fault(
        lambda: status(500, LATER, "<html>secret"),
        "failed with an internal error (HTTP 500). Try again in 60 seconds.",
    ),
    "a proxy's page": Fault(
        lambda: status(502, LATER, "<html>secret"),
        "failed with an internal error (HTTP 502). Try again in 60 seconds.",
    ),
    "an overloaded server": Fault(lambda: status(529, LATER), "is overloaded (HTTP 529). Try again in 60"),
    "a redirect": Fault(
        lambda: status(307, {"Location": "https://elsewhere.example/v1"}),
        "tried to redirect the request to elsewhere.example",
    ),
    "a conversation too long": Fault(
        lambda: failure(400, "maximum context length is 10 tokens", error_code="context_length_exceeded"),
        "is longer than gpt-4's context window. Shorten the message",
    ),
}
