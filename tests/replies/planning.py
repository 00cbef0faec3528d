"""A planner over a scripted provider, for tests: conversations of any length, and what a reply says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from personachat.conversations.model import Reply, Turn
from personachat.messages import (
    Noticed,
    ReplyEvent,
    TextDelta,
)
from personachat.personas.persona import Persona
from personachat.replies.planner import ReplyPlan

KEY = "sk-of-the-replies"

SUMMARY = "Grace wants tea."


def persona(**keys: Any) -> Persona:
    required = {"id": "ada", "name": "Ada", "systemPrompt": "You help.", "model": "fake-1", "maxTokens": 50}
    return Persona.model_validate(required | keys)


def question(text: str, *, depth: int = 0) -> Turn:
    return Turn(f"q{depth}-{text[:9]}", None, "user", text, "ada", "Ada", depth=depth)


def answer(text: str, *, depth: int, **known: Any) -> Turn:
    reply = Reply(state="finished", text=text, provider="openai", model="fake-1", **known)
    return Turn(f"a{depth}-{text[:9]}", None, "assistant", "", "ada", "Ada", depth=depth, reply=reply)


def talk(exchanges: int, *, letters: int = 400) -> list[Turn]:
    """So many numbered questions and answers of about a hundred tokens, and a last question."""
    path: list[Turn] = []
    for number in range(exchanges):
        path.append(question(f"q{number} ".ljust(letters, "x"), depth=2 * number))
        path.append(answer(f"a{number} ".ljust(letters, "x"), depth=2 * number + 1))
    return [*path, question("last", depth=2 * exchanges)]


async def events_of(plan: ReplyPlan, text: str = "") -> list[ReplyEvent]:
    return [event async for event in plan.events(text)]


def words(events: Sequence[ReplyEvent]) -> str:
    return "".join(event.content for event in events if isinstance(event, TextDelta))


def notices(events: Sequence[ReplyEvent]) -> list[Noticed]:
    return [event for event in events if isinstance(event, Noticed)]


def said(body: dict[str, Any]) -> list[str]:
    return [message["content"].split(" ")[0] for message in body["messages"]]


SUMMING = {"contextTokens": 4000, "summarize": True}
