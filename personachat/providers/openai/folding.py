"""Messages in the form that strict chat templates accept.

Templates of Gemma, Mistral, Qwen and others, and Bedrock, refuse an assistant's turn before the user's first,
two turns of one role in a row, a second system message, or any at all. Everyone else gets the PLAIN form.
Every form contains all words of the messages.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from personachat.providers.openai.reports import Report

PLAIN, ALTERNATING, WITHOUT_SYSTEM = range(3)
"""Unchanged; one system message first and alternating roles; the same with it in the user's first message."""

Message = Mapping[str, Any]

_SAID_FIRST = "You have begun the conversation; your first words to the user were:"

_NOT_ALTERNATING = re.compile(
    r"must alternate|roles? alternat|alternating|after role|in a row|consecutive (user|assistant|system)"
    r"|(start|begin)s? with (a |an |the )?\W?user"
    r"|first (non-system )?(message|turn|content).{0,40}(must|should|needs? to|has to).{0,30}user"
    r"|system messages? (must|should|may|can|has to|need).{0,40}(begin|first|start)"
    r"|(one|single|multiple|more than one) system (message|prompt)"
    r"|unexpected (message )?role|invalid (message )?role|unknown (message )?role|unsupported role|jinja"
    r"|(render|apply)\w* .{0,30}(chat |prompt )?template|template.{0,30}error",
    re.IGNORECASE,
)
_NO_SYSTEM = re.compile(
    r"(system|developer) (role|message|prompt|instruction)s?.{0,24}"
    r"(not (be )?(supported|allowed|permitted|enabled|accepted)|n.t (support|allow))"
    r"|(not support|n.t support|unsupported|unknown|invalid)\W.{0,24}\bsystem\b"
    r"|only (the )?\W?user\W.{0,24}assistant.{0,24} (role|message)s? (is|are) (supported|allowed)"
    r"|role.{0,60}(should|must) be (one of )?\W*user\W(?!.{0,80}\bsystem\b)",
    re.IGNORECASE | re.DOTALL,
)


def next_form(report: Report, messages: Sequence[Message], *, form: int, pinned: int) -> int | None:
    """The next form to try after a server refused these messages in `form`; None if there is none."""
    folded_messages = folded(messages, form, pinned=pinned)
    no_system = _NO_SYSTEM.search(report.message) and "system" in _roles(folded_messages)
    if not no_system and not _NOT_ALTERNATING.search(report.message):
        return None
    first = WITHOUT_SYSTEM if no_system else form + 1
    others = range(first, WITHOUT_SYSTEM + 1)
    return next((each for each in others if folded(messages, each, pinned=pinned) != folded_messages), None)


def folded(messages: Sequence[Message], form: int, *, pinned: int) -> list[Message]:
    """The messages in a form. The first `pinned` are the persona's own; the conversation follows."""
    if form == PLAIN:
        return list(messages)
    system, turns = _system_apart(messages, pinned)
    turns = _joined(turns)
    if not system:
        return turns
    if form == ALTERNATING:
        return [{"role": "system", "content": _together(system)}, *turns]
    at = next((at for at, turn in enumerate(turns) if turn["role"] == "user"), None)
    if at is None:
        return [{"role": "user", "content": _together(system)}, *turns]
    turns[at] = {**turns[at], "content": _together([*system, turns[at].get("content")])}
    return turns


def _system_apart(messages: Sequence[Message], pinned: int) -> tuple[list[Any], list[Message]]:
    """The content of the system message, and the turns, which begin with one of the user's."""
    system: list[Any] = []
    turns: list[Message] = []
    begun = False  # whether there is a user's message that isn't an example
    for number, message in enumerate(messages):
        if message["role"] in {"system", "developer"}:
            system.append(message.get("content"))
            continue
        begun = begun or (number >= pinned and message["role"] != "assistant")
        comes_first = not turns or (number >= pinned and not begun)
        if message["role"] == "assistant" and comes_first and _is_plain(message):
            system.append(_together([_SAID_FIRST, message.get("content")], between="\n"))
        else:
            turns.append(message)
    return system, turns


def _joined(turns: Sequence[Message]) -> list[Message]:
    """Join turns of one role in a row; tool calls and their results stay as they are."""
    joined: list[Message] = []
    for turn in turns:
        last = joined[-1] if joined else None
        if last and last["role"] == turn["role"] and _is_plain(last) and _is_plain(turn):
            both = [last.get("content"), turn.get("content")]
            joined[-1] = {"role": turn["role"], "content": _together(both)}
        else:
            joined.append(turn)
    return joined


def _is_plain(message: Message) -> bool:
    return message["role"] in {"user", "assistant"} and not message.keys() - {"role", "content"}


def _together(contents: Sequence[Any], *, between: str = "\n\n") -> Any:
    """Join contents: as text, or as parts if any of them has parts."""
    if any(isinstance(content, list) for content in contents):
        return [part for content in contents for part in _parts(content)]
    return between.join(str(content) for content in contents if content)


def _parts(content: Any) -> list[Any]:
    if isinstance(content, list):
        return content
    return [{"type": "text", "text": str(content)}] if content else []


def _roles(messages: Sequence[Message]) -> set[str]:
    return {"system" if message["role"] == "developer" else str(message["role"]) for message in messages}
