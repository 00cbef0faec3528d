"""An owner's library of conversations: finding, organizing, sharing, exporting and importing them.

Everything belongs to one owner; another's conversation doesn't exist. What other parts need from
`personachat.conversations` for this can be imported from here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Literal, TypeAlias

from personachat.accounts.audit import UNTRACED, Trail
from personachat.conversations.base import no_such_conversation
from personachat.database.connection import Database
from personachat.errors import ImportRepeated
from personachat.history import (
    exporting,
    import_repeats,
    import_writing,
    importing,
    listing,
    organizing,
    search,
    sharing,
)
from personachat.history.chats.documents import as_document
from personachat.history.exporting import Exported, ExportFormat
from personachat.history.filters import Filters
from personachat.history.import_writing import Progress
from personachat.history.listing import ConversationSummary, ListPage
from personachat.history.search import SearchPage
from personachat.history.sharing import Share
from personachat.messages import storable
from personachat.personas.formats.safe_zip import Content

Repeats: TypeAlias = Literal["copy", "skip", "refuse"]
"""What an import does with conversations that already exist."""

_ALL = Filters()


class ConversationLibrary:
    """One owner's library; cheap to create. Methods raise ConversationNotFound and what `Database` raises.

    `settle` writes ended replies and is called before replies are read.
    """

    def __init__(
        self,
        database: Database,
        *,
        owner: str,
        settle: Callable[[], object] = lambda: None,
        trail: Trail = UNTRACED,
    ) -> None:
        self._database = database
        self._settle = settle
        self._trail = trail
        self._owner = storable(owner)

    def list(self, filters: Filters = _ALL, *, limit: int = 30, cursor: str | None = None) -> ListPage:
        """A page of conversations with messages, newest first, including pinned ones.

        Raises CursorInvalid.
        """
        self._settle()
        with self._database.read() as connection:
            return listing.list_page(
                connection, self._owner, _storable_filters(filters), limit=limit, cursor=cursor
            )

    def count(self, filters: Filters = _ALL) -> int:
        """How many conversations `list` has on all its pages."""
        with self._database.read() as connection:
            return listing.count(connection, self._owner, _storable_filters(filters))

    def pinned(self) -> tuple[ConversationSummary, ...]:
        """All pinned conversations that aren't archived, newest first."""
        with self._database.read() as connection:
            return listing.pinned(connection, self._owner)

    def search(
        self, query: str, filters: Filters = _ALL, *, limit: int = 30, cursor: str | None = None
    ) -> SearchPage:
        """A page of the turns with all words of the query, newest first. Raises only CursorInvalid.

        "Quoted words" match an exact phrase; the last word may be the start of one. Any text is a query.
        """
        self._settle()
        with self._database.read() as connection:
            return search.find_hits(
                connection, self._owner, query, _storable_filters(filters), limit=limit, cursor=cursor
            )

    def summary(self, conversation_id: str) -> ConversationSummary:
        with self._database.read() as connection:
            summaries = listing.summaries(connection, self._owner, [storable(conversation_id)])
        if not summaries:
            raise no_such_conversation()
        return summaries[storable(conversation_id)]

    def models(self) -> tuple[str, ...]:
        """The models that answered in the owner's newest conversations, by name."""
        with self._database.read() as connection:
            return listing.models(connection, self._owner)

    def personas(self) -> tuple[tuple[str, str], ...]:
        """Id and newest name of the personas in the owner's newest conversations, by name."""
        with self._database.read() as connection:
            return listing.personas(connection, self._owner)

    def rename(self, conversation_id: str, title: str) -> None:
        """Give it a title of 1 to 200 characters. Raises MessageInvalid."""
        clean_title = organizing.checked_title(title)
        with self._database.write() as connection:
            organizing.change(
                connection, self._owner, storable(conversation_id), title=clean_title, has_own_title=True
            )

    def pin(self, conversation_id: str, pinned: bool) -> None:  # noqa: FBT001  # says itself
        with self._database.write() as connection:
            organizing.change(connection, self._owner, storable(conversation_id), pinned=pinned)

    def archive(self, conversation_id: str, archived: bool) -> None:  # noqa: FBT001  # the name of the method says it
        with self._database.write() as connection:
            organizing.change(connection, self._owner, storable(conversation_id), archived=archived)

    def delete(self, conversation_id: str) -> None:
        """Delete it; `restore` undoes that until it is purged."""
        if not self.delete_many([conversation_id]):
            raise no_such_conversation()

    def restore(self, conversation_id: str) -> None:
        """Undo `delete`; one that isn't deleted stays as it is."""
        with self._database.write() as connection:
            if not organizing.is_there(connection, self._owner, storable(conversation_id)):
                raise no_such_conversation()
            organizing.set_deleted(connection, self._owner, [storable(conversation_id)], deleted=False)
        self._trail.note("restored", kind="conversation", target=conversation_id)

    def delete_many(self, ids: Iterable[str]) -> int:
        """Delete those of them that exist; returns how many."""
        storable_ids = [storable(conversation_id) for conversation_id in ids]
        with self._database.write() as connection:
            deleted = organizing.set_deleted(connection, self._owner, storable_ids, deleted=True)
        if deleted:
            self._trail.note_many("deleted", storable_ids, kind="conversation")
        return deleted

    def restore_many(self, ids: Iterable[str]) -> int:
        """Undo `delete_many`; returns how many were restored."""
        storable_ids = [storable(conversation_id) for conversation_id in ids]
        with self._database.write() as connection:
            restored = organizing.set_deleted(connection, self._owner, storable_ids, deleted=False)
        if restored:
            self._trail.note_many("restored", storable_ids, kind="conversation")
        return restored

    def share(self, conversation_id: str) -> Share:
        """Share the active branch as it is now; the link stays the same if there was one.

        Raises MessageInvalid if there is nothing to share.
        """
        self._settle()
        with self._database.write() as connection:
            share = sharing.share(connection, self._owner, storable(conversation_id))
        self._trail.note("shared", kind="conversation", target=conversation_id)
        return share

    def share_of(self, conversation_id: str) -> Share | None:
        with self._database.read() as connection:
            return sharing.share_of(connection, self._owner, storable(conversation_id))

    def revoke(self, conversation_id: str) -> None:
        """Revoke its link, if there is one."""
        with self._database.write() as connection:
            revoked = sharing.revoke(connection, self._owner, storable(conversation_id))
        if revoked:
            self._trail.note("unshared", kind="conversation", target=conversation_id)

    def export(self, ids: Sequence[str] | None, format: ExportFormat) -> Exported:  # noqa: A002  # what callers call it
        """These conversations, or all (None), as one file without deleted messages."""
        self._settle()
        storable_ids = None if ids is None else [storable(conversation_id) for conversation_id in ids]
        with self._database.read() as connection:
            trees = exporting.read_trees(connection, self._owner, storable_ids)
        exported = exporting.exported(trees, format)
        self._trail.note_many("exported", [tree.head.id for tree in trees], kind="conversation")
        return exported

    def import_json(
        self,
        data: Content,
        *,
        repeats: Repeats = "copy",
        progress: Progress = lambda _done, _total: None,
    ) -> tuple[str, ...]:
        """Import a JSON export, also of another program; returns the new ids.

        What already exists is copied, skipped, or a reason to raise ImportRepeated, depending on `repeats`.
        Others can write meanwhile. `progress` gets the number of turns written, and cancels by raising.
        Raises ImportRefused, and keeps nothing then.
        """
        imported = importing.read_document(as_document(data))
        if repeats != "copy":
            with self._database.read() as connection:
                here = import_repeats.repeated(connection, self._owner, imported)
            if here and repeats == "refuse":
                raise ImportRepeated(repeated=len(here), total=len(imported))
            imported = [one for one in imported if one.id not in here]
        import_writing.write(self._database, self._owner, imported, progress=progress)
        self._trail.note_many("imported", [one.id for one in imported], kind="conversation")
        return tuple(one.id for one in imported)


def _storable_filters(filters: Filters) -> Filters:
    """The filters with text that a database accepts."""
    return replace(
        filters,
        persona_id=None if filters.persona_id is None else storable(filters.persona_id),
        model=None if filters.model is None else storable(filters.model),
    )
