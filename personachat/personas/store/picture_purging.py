"""Pictures that no text names any more are removed for good, a day after they were last given.

Whatever can still be shown or brought back counts: every version, drafts, links, templates, and what other
parts name, such as the faces in conversations.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import chain
from typing import Any, TypeAlias

from sqlalchemy import Connection, Select, delete, select

from personachat.database.connection import Database
from personachat.personas.store.tables import (
    persona_drafts,
    persona_pictures,
    persona_revisions,
    persona_shares,
    persona_templates,
    personas,
)

Names: TypeAlias = Callable[[Connection], Iterable[str]]
"""The texts of another part that may name pictures."""

UNNAMED_KEPT = timedelta(days=1)
"""A picture is kept before the text that names it: as a draft that nobody has sent yet."""

_DIGEST = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
_AT_ONCE = 300
_p, _r = persona_pictures.c, persona_revisions.c


def purge_pictures(database: Database, *, also: Sequence[Names] = (), texts: Iterable[str] = ()) -> int:
    """Remove what nobody names; returns how many went. `texts` are ones that the database may not have.

    Raises DatabaseUnavailable and DatabaseDamaged.
    """
    with database.read() as connection:
        old = _p.created_at < database.moment(connection) - UNNAMED_KEPT
        unnamed = set(connection.scalars(select(_p.digest).where(old)))
        elsewhere = (text for names in also for text in names(connection))
        for text in chain(texts, _own_texts(connection), elsewhere):
            if not unnamed:
                return 0
            unnamed.difference_update(_DIGEST.findall(text))
    gone, digests = 0, sorted(unnamed)
    for start in range(0, len(digests), _AT_ONCE):  # each part for itself: others can write in between
        with database.write() as connection:
            old = _p.created_at < database.moment(connection) - UNNAMED_KEPT
            some = _p.digest.in_(digests[start : start + _AT_ONCE])
            gone += connection.execute(delete(persona_pictures).where(some, old)).rowcount
    return gone


def _own_texts(connection: Connection) -> Iterator[str]:
    """Everything that is kept of personas. Of a packed version what the next one has not; see `packing`."""
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
