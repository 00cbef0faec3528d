"""Conversations as files: Markdown to read, JSON as a full export, CSV for counting.

Markdown has the active branch, with several conversations in one archive; JSON and CSV have every branch.
Deleted messages are in none. The same conversations give the same bytes.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Literal

from sqlalchemy import Connection, select

from personachat.conversations.base import no_such_conversation
from personachat.conversations.model import Conversation, Turn, branch
from personachat.conversations.rows import TURN_COLUMNS, conversation_of, turn_of
from personachat.conversations.tables import conversations, turns
from personachat.history.csv_table import csv_of
from personachat.history.documents import FORMAT, VERSION, ConversationDocument, Document, document_of
from personachat.history.filenames import file_name, unique_names
from personachat.history.markdown import markdown_of
from personachat.personas.chat_settings import stored_settings

ExportFormat = Literal["markdown", "json", "csv"]

_AT_ONCE = 500
"""Conversations read by one query."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A file to download."""

    filename: str
    media_type: str
    content: bytes


_ZIP_BEGINS, _ZIP_ENDS = (1980, 1, 1, 0, 0, 0), (2107, 12, 31, 23, 59, 58)
"""The times that a ZIP archive can represent."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A conversation and all its turns that aren't deleted, parents before children."""

    head: Conversation
    turns: tuple[Turn, ...]

    @property
    def path(self) -> tuple[Turn, ...]:
        """The active branch."""
        return branch({turn.id: turn for turn in self.turns}, self.leaf_id)

    @property
    def leaf_id(self) -> str | None:
        """The end of the active branch; None if it is empty."""
        return self.head.leaf_id if any(turn.id == self.head.leaf_id for turn in self.turns) else None


def exported(trees: Sequence[Tree], export_format: ExportFormat) -> Exported:
    """The conversations in one file."""
    return _FORMATS[export_format](trees)


def _markdown(trees: Sequence[Tree]) -> Exported:
    if len(trees) == 1:
        text = markdown_of(trees[0].head, trees[0].path)
        return Exported(f"{file_name(trees[0].head.title)}.md", "text/markdown; charset=utf-8", text.encode())
    packed = io.BytesIO()
    names = unique_names([tree.head.title for tree in trees])
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, tree in zip(names, trees, strict=True):
            moment = tree.head.updated_at.astimezone(UTC).timetuple()[:6]
            fitting = min(max(moment, _ZIP_BEGINS), _ZIP_ENDS)
            entry = zipfile.ZipInfo(f"{name}.md", date_time=fitting)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, markdown_of(tree.head, tree.path))
    return Exported("conversations.zip", "application/zip", packed.getvalue())


def _json(trees: Sequence[Tree]) -> Exported:
    document = Document.model_construct(
        format=FORMAT, version=VERSION, conversations=[_document(tree) for tree in trees]
    )
    return Exported(
        f"{_name(trees)}.json",
        "application/json",
        document.model_dump_json(by_alias=True, indent=2).encode() + b"\n",
    )


def _document(tree: Tree) -> ConversationDocument:
    names = ("title", "pinned", "archived", "created_at", "updated_at", "variables")
    return ConversationDocument.model_construct(
        **{name: getattr(tree.head, name) for name in names},
        settings=stored_settings(tree.head.settings),
        leaf_id=tree.leaf_id,
        turns=[document_of(turn) for turn in tree.turns],
    )


def _csv(trees: Sequence[Tree]) -> Exported:
    rows = ((tree.head, tree.turns, {turn.id for turn in tree.path}) for tree in trees)
    return Exported(f"{_name(trees)}.csv", "text/csv; charset=utf-8", csv_of(rows))


_FORMATS: dict[ExportFormat, Callable[[Sequence[Tree]], Exported]] = {
    "markdown": _markdown,
    "json": _json,
    "csv": _csv,
}


def _name(trees: Sequence[Tree]) -> str:
    return file_name(trees[0].head.title) if len(trees) == 1 else "conversations"


def read_trees(connection: Connection, owner: str, ids: Sequence[str] | None) -> list[Tree]:
    """These conversations in this order; None: all with messages, newest first.

    Raises ConversationNotFound.
    """
    c = conversations.c
    mine = select(conversations).where(c.owner == owner, c.deleted_at.is_(None))
    heads: dict[str, Conversation] = {}
    if ids is None:
        rows = connection.execute(mine.where(c.title != "").order_by(c.updated_at.desc(), c.id.desc()))
        heads = {row.id: conversation_of(row) for row in rows}
    else:
        unique_ids = list(dict.fromkeys(ids))
        for part in _parts(unique_ids):
            heads |= {row.id: conversation_of(row) for row in connection.execute(mine.where(c.id.in_(part)))}
        if len(heads) < len(unique_ids):
            raise no_such_conversation()
        heads = {conversation_id: heads[conversation_id] for conversation_id in unique_ids}
    turns_of: dict[str, dict[str, Turn]] = {conversation_id: {} for conversation_id in heads}
    for part in _parts(list(heads)):
        _fill(connection, turns_of, part)
    trees = [Tree(head, tuple(turns_of[head.id].values())) for head in heads.values()]
    return trees if ids is not None else [tree for tree in trees if tree.turns]


def _fill(connection: Connection, turns_of: dict[str, dict[str, Turn]], ids: Sequence[str]) -> None:
    t = turns.c
    query = select(*TURN_COLUMNS).where(t.conversation_id.in_(ids), t.deleted_at.is_(None))
    for row in connection.execute(query.order_by(t.number)):  # parents come before their children
        visible = turns_of[row.conversation_id]
        if row.parent_id is None or row.parent_id in visible:
            visible[row.id] = turn_of(row)


def _parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE))
