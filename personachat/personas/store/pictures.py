"""The pictures of all personas, each stored once under its digest, which a persona's text contains.

So every version of a text has its picture, in revisions, drafts, copies and shared texts alike, and none is
stored twice. A picture never changes, and is removed once nothing names it, see `picture_purging`. Only
pictures in our own format are stored, see `personachat.personas.pictures.reading`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from sqlalchemy import Row, select, update

from personachat.database.connection import Database
from personachat.database.upsert import put
from personachat.errors import DatabaseDamaged
from personachat.personas.pictures.shelf import PictureOnItsWay
from personachat.personas.store.tables import persona_pictures

_AT_ONCE = 300
_p = persona_pictures.c


class PersonaPictures:
    """Safe for threads and processes. Methods raise DatabaseUnavailable and DatabaseDamaged."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, picture: PictureOnItsWay) -> None:
        """Store a picture. An existing one stays as it is and counts as stored again now."""
        is_known = picture.digest in self.existing((picture.digest,))
        with self._database.write() as connection:
            moment = self._database.moment(connection)
            if is_known:
                again = update(persona_pictures).where(_p.digest == picture.digest)
                if connection.execute(again.values(created_at=moment)).rowcount:
                    return
            row = {
                "digest": picture.digest,
                "content": picture.content,
                "thumb": picture.thumb,
                "created_at": moment,
            }
            put(connection, persona_pictures, row, key=("digest",))

    def content(self, digest: str) -> bytes | None:
        """The PNG; None if it isn't stored."""
        with self._database.read() as connection:
            content = connection.execute(select(_p.content).where(_p.digest == digest)).scalar()
        return None if content is None else bytes(content)

    def readers(self, digests: Iterable[str]) -> dict[str, Callable[[], bytes]]:
        """Readers for the PNGs of these pictures that are stored."""
        return {digest: partial(self._read, digest) for digest in self.existing(digests)}

    def _read(self, digest: str) -> bytes:
        content = self.content(digest)
        if content is None:
            raise DatabaseDamaged("A picture is missing.", hint="Export again.")
        return content

    def existing(self, digests: Iterable[str]) -> frozenset[str]:
        """Which of these are stored."""
        return frozenset(row.digest for row in self._rows(digests, _p.digest))

    def thumbs(self, digests: Iterable[str]) -> dict[str, bytes]:
        """Small square versions of these pictures that are stored."""
        return {row.digest: bytes(row.thumb) for row in self._rows(digests, _p.digest, _p.thumb)}

    def _rows(self, digests: Iterable[str], *columns: Any) -> Iterator[Row[Any]]:
        unique_digests = sorted(set(digests))
        for start in range(0, len(unique_digests), _AT_ONCE):
            query = select(*columns).where(_p.digest.in_(unique_digests[start : start + _AT_ONCE]))
            with self._database.read() as connection:
                rows = connection.execute(query).all()
            yield from rows
