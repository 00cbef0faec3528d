"""Turns as a table, one row each (RFC 4180, UTF-8 with the mark that Excel needs).

Text that a spreadsheet would treat as a formula gets an apostrophe before it, at the start of a cell and
inside it. Where a semicolon separates cells, as in much of Europe, a spreadsheet splits each of our cells at
semicolons and line ends. List items stay as they are. See
https://owasp.org/www-community/attacks/CSV_Injection
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime

from personachat.conversations.model import Conversation, Reply, Turn

COLUMNS = (
    "conversation",
    "conversation_title",
    "turn",
    "parent",
    "position",
    "on_active_branch",
    "role",
    "persona_id",
    "persona_name",
    "created_at",
    "text",
    "edited",
    "rating",
    "rating_note",
    "state",
    "provider",
    "model",
    "prompt_tokens",
    "completion_tokens",
    "cost_usd",
    "first_token_seconds",
    "duration_seconds",
    "finish_reason",
    "error_code",
)

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001  # spreadsheets take these signs for the ASCII ones

_FORMULA_INSIDE = re.compile(r"(?<=[;\t\r\n\v\f])(?= *(?:[=@＝＠]|[-+－＋][^\s+-]))")  # noqa: RUF001  # spreadsheets take these signs for the ASCII ones


def csv_of(conversations: Iterable[tuple[Conversation, Sequence[Turn], Collection[str]]]) -> bytes:
    """Each conversation with its turns and the ids of those on the active branch."""
    table = io.StringIO(newline="")
    writer = csv.writer(table)
    writer.writerow(COLUMNS)
    for head, turns, active in conversations:
        for turn in turns:
            writer.writerow([cell(value) for value in _row(head, turn, on_active_branch=turn.id in active)])
    return table.getvalue().encode("utf-8-sig")


def _row(head: Conversation, turn: Turn, *, on_active_branch: bool) -> list[object]:
    reply = turn.reply or Reply(state="finished")
    usage = reply.usage
    return [
        head.id,
        head.title,
        turn.id,
        turn.parent_id,
        turn.depth + 1,
        on_active_branch,
        turn.role,
        turn.persona_id,
        turn.persona_name,
        turn.created_at,
        turn.text,
        turn.edited,
        turn.rating,
        turn.rating_note,
        reply.state if turn.reply else None,
        reply.provider,
        reply.model,
        usage.prompt_tokens if usage else None,
        usage.completion_tokens if usage else None,
        reply.cost_usd,
        reply.first_token_seconds,
        reply.duration_seconds,
        reply.finish_reason,
        reply.error.code if reply.error else None,
    ]


def is_guarded(text: str) -> bool:
    """Whether it begins with the apostrophe that `cell` puts before text like a formula."""
    return text.startswith("'") and text[1:].startswith(_FORMULA_STARTS)


def cell(value: object) -> object:
    """A value in a form that a spreadsheet may read."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds")
    if not isinstance(value, str):
        return value
    begins = "'" if value.startswith(_FORMULA_STARTS) else ""
    return begins + _FORMULA_INSIDE.sub("'", value)
