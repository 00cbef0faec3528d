"""`personachat conversations`: list, search, export, import and delete this machine's conversations.

They are those of the terminal, and of pages and API over loopback.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from personachat.cli.console import answer, hand_out, mapped, note, plain
from personachat.history.library import ConversationLibrary
from personachat.history.listing import ConversationSummary

FINE, FAILED = 0, 1

Format = Literal["markdown", "json", "csv"]


def list_all(library: ConversationLibrary, *, search: str, limit: int) -> None:
    """Print a line for each, newest first: id, day, persona and title, or the matching text."""
    if search.strip():
        rows = [_row(hit.conversation, hit.excerpt) for hit in library.search(search, limit=limit).hits]
    else:
        rows = [_row(summary, summary.title) for summary in library.list(limit=limit).conversations]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        answer("  ".join(cells).rstrip(), end="\n")
    if not rows:
        note("No matches." if search.strip() else "There are no conversations yet.")


def export(
    library: ConversationLibrary, ids: Sequence[str], *, file_format: Format, output: Path | None
) -> int:
    """Write the conversations, or all of them, to stdout or a file; returns the exit code."""
    exported = library.export(list(ids) or None, file_format)
    return FINE if hand_out(exported.content, exported.filename, output) else FAILED


def import_file(library: ConversationLibrary, file: Path) -> int:
    """Import an export of PersonaChat or another program, and print the new ids; returns the exit code."""
    with mapped(file) as data:
        if data is None:
            return FAILED
        ids = library.import_json(data)
    for conversation_id in ids:
        answer(conversation_id, end="\n")
    return FINE


def delete(library: ConversationLibrary, conversation_id: str) -> None:
    """Delete a conversation; the page and the API can restore it for a while."""
    title = library.summary(conversation_id).title
    library.delete(conversation_id)
    note(f"Deleted: {plain(title) or conversation_id}")


def _row(summary: ConversationSummary, words: str) -> tuple[str, str, str, str]:
    day = summary.updated_at.astimezone().strftime("%Y-%m-%d %H:%M")
    return summary.id, day, plain(summary.persona_name), " ".join(plain(words).split())
