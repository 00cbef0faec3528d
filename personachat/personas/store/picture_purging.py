"""Permanently removes pictures and card files that no text names any more, a day after they were stored.

Everything that can still be shown or restored counts: every version, drafts, links, templates, and what other
parts name, such as the faces in conversations.
"""

from __future__ import annotations

import re
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import chain
from typing import Any, TypeAlias

from sqlalchemy import Connection, Select, Table, delete, func, select

from personachat.database.connection import Database
from personachat.personas.store.tables import (
    persona_asset_sets,
    persona_assets,
    persona_drafts,
    persona_pictures,
    persona_revisions,
    persona_shares,
    persona_templates,
    personas,
)

Names: TypeAlias = Callable[[Connection], Iterable[str]]
"""Texts of another part that may name pictures."""

UNNAMED_LIFETIME = timedelta(days=1)
"""Seconds. A picture is stored before the text that names it, such as a draft that isn't sent yet."""

EVERY_SECONDS = 24 * 3600.0
"""Seconds between two checks of pictures while a server runs, at most."""

_NAMING = (personas, persona_revisions, persona_drafts, persona_shares, persona_templates)
_DIGEST = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
_AT_ONCE = 300
_r = persona_revisions.c


def purge_pictures(database: Database, *, also: Sequence[Names] = (), texts: Iterable[str] = ()) -> int:
    """Remove what nothing names; returns the number. `texts` are some that the database may lack.

    Raises DatabaseUnavailable and DatabaseDamaged.
    """
    with database.read() as connection:
        named_by_texts = (persona_pictures, persona_asset_sets)
        unnamed = {table: _old(database, connection, table) for table in named_by_texts}
        elsewhere = (text for names in also for text in names(connection))
        for text in chain(texts, _own_texts(connection), elsewhere):
            if not any(unnamed.values()):
                break
            named = _DIGEST.findall(text)
            for digests in unnamed.values():
                digests.difference_update(named)
    count = sum(_removed(database, table, digests) for table, digests in unnamed.items())
    with database.read() as connection:
        files = _old(database, connection, persona_assets)
        if files:
            for listing in connection.scalars(select(persona_asset_sets.c.listing)):
                files.difference_update(_DIGEST.findall(listing))
    return count + _removed(database, persona_assets, files)


class PicturePurging:
    """Purges again while a server runs: when texts that may name pictures were removed, and once per day."""

    def __init__(
        self,
        database: Database,
        *,
        texts: Callable[[], Iterable[str]],
        also: Sequence[Names] = (),
        naming: Sequence[Table] = (),
    ) -> None:
        """`naming` are tables of other parts whose rows may name pictures; for the others see the module."""
        self._database = database
        self._texts = texts
        self._also = also
        self._naming = (*_NAMING, *naming)
        self._counts: tuple[int, ...] | None = None
        self._purged = time.monotonic()

    def purge_if_due(self) -> int:
        """Returns how many were removed. Mostly it only counts rows. Raises what purge_pictures raises."""
        with self._database.read() as connection:
            counts = tuple(
                connection.execute(select(func.count()).select_from(table)).scalar_one()
                for table in self._naming
            )
        before, self._counts = self._counts or counts, counts
        is_less = any(now < then for now, then in zip(counts, before, strict=True))
        if not is_less and time.monotonic() - self._purged < EVERY_SECONDS:
            return 0
        count = purge_pictures(self._database, also=self._also, texts=self._texts())
        self._purged = time.monotonic()
        return count


def _old(database: Database, connection: Connection, table: Table) -> set[str]:
    """The digests of what was stored long enough ago to be removed."""
    before = database.moment(connection) - UNNAMED_LIFETIME
    return set(connection.scalars(select(table.c.digest).where(table.c.created_at < before)))


def _removed(database: Database, table: Table, unnamed: Iterable[str]) -> int:
    count, digests = 0, sorted(unnamed)
    for start in range(0, len(digests), _AT_ONCE):  # each part by itself, so that others can write in between
        with database.write() as connection:
            old = table.c.created_at < database.moment(connection) - UNNAMED_LIFETIME
            some = table.c.digest.in_(digests[start : start + _AT_ONCE])
            count += connection.execute(delete(table).where(some, old)).rowcount
    return count


def _own_texts(connection: Connection) -> Iterator[str]:
    """Everything stored about personas. Of a packed version, what the next one lacks; see `packing`."""
    queries: tuple[Select[Any], ...] = (
        select(personas.c.text),
        select(persona_drafts.c.text),
        select(persona_drafts.c.base_text),
        select(persona_shares.c.text),
        select(persona_templates.c.text),
        select(_r.text).where(_r.text != ""),
    )
    for query in queries:
        yield from (text for text in connection.scalars(query) if text)
    for packed in connection.scalars(select(_r.packed).where(_r.packed.is_not(None))):
        yield zlib.decompress(packed).decode()
