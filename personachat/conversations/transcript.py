"""A conversation as Markdown to read: who said what and when, the words as they are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from personachat.conversations.model import Conversation, Turn
from personachat.endings import ending_of

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")

_LIVE = {"running": "Still being written", "paused": "Paused"}


def markdown_of(head: Conversation, path: Sequence[Turn]) -> str:
    """The document: a heading, then a section a turn."""
    parts = [f"# {_line(head.title) or 'Conversation'}", f"*{_moment(head.created_at)}*"]
    for turn in path:
        parts.append(f"## {_speaker(turn)} · {_moment(turn.created_at)}")
        if turn.text:
            parts.append(turn.text + _missing_fence(turn.text))
        if turn.reply and (ended := _ended(turn)):
            parts.append(f"*{ended}*")
    return "\n\n".join(parts) + "\n"


def _speaker(turn: Turn) -> str:
    if turn.role == "user":
        return "You"
    icon = f"{turn.avatar} " if turn.avatar and not turn.avatar.startswith(":") else ""
    model = f" ({_line(turn.reply.model)})" if turn.reply and turn.reply.model else ""
    return f"{icon}{_line(turn.persona_name)}{model}"


def _ended(turn: Turn) -> str:
    assert turn.reply is not None
    if turn.reply.error:
        return f"Failed: {_line(turn.reply.error.message)}"
    if turn.reply.live:
        return _LIVE[turn.reply.state]
    ending = ending_of(turn.reply.state, turn.reply.finish_reason)
    return ending.name if ending else ""


def _line(text: str) -> str:
    return " ".join(text.split())


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _missing_fence(text: str) -> str:
    """What ends a code block that a text leaves open, as a stopped reply may: it would go on for ever.

    Follows CommonMark 0.31, section 4.5.
    """
    fence = ""
    for line in text.splitlines():
        if (match := _FENCE.fullmatch(line)) is None:
            continue
        mark, rest = match[1], match[2]
        if not fence:
            fence = mark if mark[0] == "~" or "`" not in rest else ""
        elif mark[0] == fence[0] and len(mark) >= len(fence) and not rest.strip():
            fence = ""
    return f"\n{fence}" if fence and not text.endswith("\n") else fence
