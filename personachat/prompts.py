"""Turns a persona and a history into the messages a provider gets. Pure: no clock, no files, no network.

Placeholders ({{user}}, {{char}}, {{date}}) are replaced as plain text, in one pass over what the persona's
author wrote and never in the history. A value that was put in is never expanded again; nothing is evaluated.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from personachat.lore import triggered
from personachat.messages import ChatMessage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from personachat.persona import Persona

# ASCII: otherwise U+017F, an old form of "s", matches one when case is ignored.
_PLACEHOLDER = re.compile(r"\{\{[ \t]*(user|char|date)[ \t]*\}\}", re.IGNORECASE | re.ASCII)

_BYTES_PER_TOKEN = 4

_LORE = "## Background"

_SUM_UP = (
    "Sum up the conversation you are given, for somebody who has to go on with it and cannot read it: "
    "who the user is and what they want, facts, names, numbers, decisions, promises and open questions. "
    "At most 200 words, in the language of the conversation. Write the summary and nothing else."
)


@dataclass(frozen=True, slots=True)
class CompiledPrompt:
    """What would be sent; the first `pinned` messages are the persona's and never dropped to save room."""

    messages: tuple[ChatMessage, ...]
    pinned: int


def compile_prompt(
    persona: Persona, history: Sequence[ChatMessage], *, user_name: str = "User", today: date
) -> CompiledPrompt:
    """Put together the system message, the examples as user/assistant pairs, then the history as it is."""
    values = _values(persona, user_name, today)
    told = system_message(persona, history, user_name=user_name, today=today)
    messages = [ChatMessage("system", told)]
    for example in persona.examples:
        messages.append(ChatMessage("user", _replaced(example.user, values)))
        messages.append(ChatMessage("assistant", _replaced(example.assistant, values)))
    return CompiledPrompt(messages=(*messages, *history), pinned=len(messages))


def system_message(
    persona: Persona, history: Sequence[ChatMessage] = (), *, user_name: str = "User", today: date
) -> str:
    """Return the system prompt and a block for the traits that are set; without any, the prompt alone.

    What the history brings up of the persona's lore stands before or after the prompt, under a heading.
    """
    values = _values(persona, user_name, today)
    before, after = (_replaced(text, values) for text in triggered(persona, history))
    prompt = _replaced(persona.system_prompt, values)
    if before:
        prompt = f"{_LORE}\n{before}\n\n{prompt}"
    if after:
        prompt = f"{prompt}\n\n{_LORE}\n{after}"
    manner = persona.personality
    traits = (("Tone", manner.tone), ("Style", manner.style), ("Formality", manner.formality))
    # One line a trait: a line break in it would end the list item.
    lines = [f"- {label}: {' '.join(_replaced(text, values).split())}" for label, text in traits if text]
    return "\n".join((f"{prompt}\n\n## Manner", *lines)) if lines else prompt


def greeting(persona: Persona, *, user_name: str = "User", today: date) -> str:
    """Return the persona's first message, or "" if it has none."""
    return _replaced(persona.greeting, _values(persona, user_name, today))


def greetings(persona: Persona, *, user_name: str = "User", today: date) -> tuple[str, ...]:
    """Return the first messages there are to choose from, the usual one first."""
    values = _values(persona, user_name, today)
    return tuple(_replaced(text, values) for text in (persona.greeting, *persona.alternate_greetings) if text)


def summary_message(summary: str) -> ChatMessage:
    """What the model is told instead of the turns that were summed up."""
    return ChatMessage("system", f"Summary of the conversation so far:\n{summary}")


def summary_prompt(
    messages: Sequence[ChatMessage], *, earlier: str, name: str, at_most_tokens: int
) -> tuple[ChatMessage, ...]:
    """What asks for a summary of `messages`, and of the `earlier` one, so that it can stand for both.

    `name` is the persona's. Of a talk with more than `at_most_tokens`, by the estimate, the end is told.
    """
    speakers = {"user": "User", "assistant": name}
    talk = "\n\n".join(f"{speakers.get(each.role, each.role)}: {each.content}" for each in messages)
    told = talk.encode("utf-8", "replace")[-max(at_most_tokens, 1) * _BYTES_PER_TOKEN :]
    talk = told.decode("utf-8", "ignore")
    before = f"Summary of what came before:\n{earlier}\n\nWhat came then:\n" if earlier else ""
    return ChatMessage("system", _SUM_UP), ChatMessage("user", f"{before}{talk}")


def estimate_tokens(text: str) -> int:
    """Guess the number of tokens: one for every four bytes of UTF-8, rounded up.

    The usual rule of thumb for English (four characters a token); bytes instead of characters, because
    tokenizers spend more tokens on other scripts. Off by up to a half: good for a hint, not for a limit.
    """
    return -(-len(text.encode("utf-8", "surrogatepass")) // _BYTES_PER_TOKEN)


def _values(persona: Persona, user_name: str, today: date) -> dict[str, str]:
    return {"user": user_name, "char": persona.name, "date": today.isoformat()}


def _replaced(text: str, values: dict[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda found: values[found[1].lower()], text)
