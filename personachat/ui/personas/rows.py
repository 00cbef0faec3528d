"""The rows of the list of personas: what each shows, which ones match, and in which order.

A row is cached while its persona doesn't change: of ten thousand, few change between two runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter
from typing import Literal, TypeAlias

from personachat.personas.search import SearchText, matching
from personachat.personas.store.base import StoredPersona
from personachat.ui.chat.transcript import drawable
from personachat.ui.personas.desk import Entry
from personachat.ui.personas.texts import avatar_in, name_in
from personachat.ui.session import PersonaDraft

MOST_TAGS = 200
"""Of more tags, only the commonest are offered: a widget's options are sent to the browser in every run."""

Order: TypeAlias = Literal["name", "favourites", "changed"]
ORDERS: dict[Order, str] = {
    "name": "By name",
    "favourites": "Favourites first",
    "changed": "Recently changed first",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One persona in the list."""

    id: str
    name: str
    avatar: str
    about: str
    searched: SearchText
    model: str = ""
    tags: frozenset[str] = frozenset()
    is_broken: bool = False
    is_unsaved: bool = False
    is_new: bool = False
    is_namesake: bool = False
    """Whether another row has the same name."""
    picture: str = ""
    etag: str = ""

    @property
    def can_be_chosen(self) -> bool:
        return not self.is_new


@dataclass(frozen=True, slots=True)
class ListFilter:
    """The person's search, filters and order."""

    query: str = ""
    tags: frozenset[str] = frozenset()
    only_favourites: bool = False
    order: Order = "name"
    folder: str | None = None
    """A tag; "" means no tag, None means all."""

    @property
    def filters(self) -> bool:
        return bool(self.tags or self.only_favourites)


_rows: dict[str, tuple[Entry, Row]] = {}
"""Each entry as it was last seen, and its row."""


def rows(entries: Sequence[Entry], drafts: Mapping[str, PersonaDraft]) -> list[Row]:
    """Never saved personas first, then everything stored, in the store's order."""
    if len(_rows) > 2 * len(entries):
        _rows.clear()  # of personas that are gone
    all_rows = [_row(entry) for entry in entries]
    names = Counter(row.name for row in all_rows)
    if len(names) < len(all_rows):
        all_rows = [replace(row, is_namesake=True) if names[row.name] > 1 else row for row in all_rows]
    if not drafts:
        return all_rows
    row_ids = {row.id for row in all_rows}
    new = [_new_row(persona_id, draft) for persona_id, draft in drafts.items() if persona_id not in row_ids]
    return new + [replace(row, is_unsaved=True) if row.id in drafts else row for row in all_rows]


def filtered_rows(
    everything: Sequence[Row],
    list_filter: ListFilter,
    *,
    likes: Collection[str] = (),
    changed: Mapping[str, datetime] | None = None,
) -> list[Row]:
    """The rows that match the search words and have all the tags, in order."""
    allowed = (
        row
        for row in everything
        if list_filter.tags <= row.tags
        and (row.id in likes or not list_filter.only_favourites)
        and _is_in(row, list_filter.folder)
    )
    hits = matching(allowed, list_filter.query, text=attrgetter("searched"))
    if list_filter.order == "favourites":
        hits.sort(key=lambda row: row.id not in likes)
    elif list_filter.order == "changed" and changed:
        hits.sort(
            key=lambda row: (row.id not in changed, -changed[row.id].timestamp() if row.id in changed else 0)
        )
    return hits


def folders_of(everything: Iterable[Row]) -> list[tuple[str, int]]:
    """The commonest tags with their counts, in alphabetical order.

    Personas without a tag come last, as "".
    """
    counted = Counter(tag for row in everything for tag in row.tags or {""})
    bare = counted.pop("", 0)
    commonest = sorted(counted.most_common(MOST_TAGS), key=lambda folder: folder[0].casefold())
    return [*commonest, ("", bare)] if bare else commonest


def _is_in(row: Row, folder: str | None) -> bool:
    if folder is None:
        return True
    return folder in row.tags if folder else not row.tags


def tags_of(everything: Iterable[Row], *, also: Iterable[str] = ()) -> list[str]:
    """All tags, and the named ones, in alphabetical order."""
    counted = Counter(tag for row in everything for tag in row.tags)
    offered = {tag for tag, _ in counted.most_common(MOST_TAGS)}
    return sorted(offered.union(also), key=str.casefold)


def _row(entry: Entry) -> Row:
    cached = _rows.get(entry.id)
    if cached and cached[0] is entry:
        return cached[1]
    new = _row_of(entry)
    _rows[entry.id] = (entry, new)
    return new


def _row_of(entry: Entry) -> Row:
    if isinstance(entry, StoredPersona):
        persona = entry.persona
        return Row(
            entry.id,
            persona.name,
            drawable(persona.avatar),
            persona.description,
            SearchText.of(persona),
            persona.model,
            frozenset(persona.tags),
            picture=persona.picture,
            etag=entry.etag,
        )
    searched = SearchText.about(entry.filename, name_in(entry.text) or "")
    return Row(entry.id, entry.filename, "", "", searched, is_broken=True)


def _new_row(persona_id: str, draft: PersonaDraft) -> Row:
    name = name_in(draft.text) or persona_id
    avatar = drawable(avatar_in(draft.text))
    about = "Deleted elsewhere." if draft.etag else "Not saved yet."
    searched = SearchText.about(name, persona_id)
    return Row(persona_id, name, avatar, about, searched, is_unsaved=True, is_new=True)
