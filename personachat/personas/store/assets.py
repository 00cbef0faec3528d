"""Files of cards besides their pictures, each stored once under its digest, and the sets that name them.

A persona's text names a set, which never changes: every version of a text has its own files. Their content is
only delivered inside an archive that someone exports. What nothing names is removed, see `picture_purging`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from sqlalchemy import Column, Connection, Table, select, update

from personachat.database.connection import Database
from personachat.database.upsert import put
from personachat.errors import DatabaseDamaged
from personachat.personas.assets.sets import AssetSet, AssetsOnTheirWay
from personachat.personas.store.tables import persona_asset_sets, persona_assets

_AT_ONCE = 300
_a, _s = persona_assets.c, persona_asset_sets.c


class PersonaAssets:
    """Safe for threads and processes. Methods raise DatabaseUnavailable and DatabaseDamaged."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, assets: AssetsOnTheirWay) -> None:
        """Store the set and its files. Existing ones count as stored again now."""
        stored_digests = self._existing(_a.digest, assets.files)
        for digest, file in assets.files.items():
            with self._database.write() as connection:
                if digest not in stored_digests or not self._given_again(connection, persona_assets, digest):
                    moment = self._database.moment(connection)
                    row = {"digest": digest, "content": file.content, "created_at": moment}
                    put(connection, persona_assets, row, key=("digest",))
        with self._database.write() as connection:
            moment = self._database.moment(connection)
            row = {"digest": assets.set.digest, "listing": assets.set.listing, "created_at": moment}
            put(connection, persona_asset_sets, row, key=("digest",), renewed=("created_at",))

    def existing(self, sets: Iterable[str]) -> frozenset[str]:
        """Which of these sets are stored."""
        return self._existing(_s.digest, sets)

    def have(self, file: str) -> bool:
        """Whether a file with this digest is stored."""
        return bool(self._existing(_a.digest, (file,)))

    def are_whole(self, digest: str) -> bool:
        """Whether a set is stored with all its files."""
        with self._database.read() as connection:
            listing = connection.execute(select(_s.listing).where(_s.digest == digest)).scalar()
        digests = set(AssetSet.loads(listing).files.values()) if listing is not None else set()
        return bool(digests) and self._existing(_a.digest, digests) == digests

    def files(self, digest: str) -> Mapping[str, Callable[[], bytes]] | None:
        """Readers for the files of a stored set, by name; None if the set isn't stored."""
        with self._database.read() as connection:
            listing = connection.execute(select(_s.listing).where(_s.digest == digest)).scalar()
        if listing is None:
            return None
        files = AssetSet.loads(listing).files
        here = self._existing(_a.digest, files.values())
        return {name: partial(self._content, file) for name, file in files.items() if file in here}

    def _content(self, digest: str) -> bytes:
        with self._database.read() as connection:
            content = connection.execute(select(_a.content).where(_a.digest == digest)).scalar()
        if content is None:
            raise DatabaseDamaged("A file of the card is missing.", hint="Import the card again.")
        return bytes(content)

    def _given_again(self, connection: Connection, table: Table, digest: str) -> bool:
        moment = self._database.moment(connection)
        again = update(table).where(table.c.digest == digest).values(created_at=moment)
        return bool(connection.execute(again).rowcount)

    def _existing(self, column: Column[str], digests: Iterable[str]) -> frozenset[str]:
        wanted_digests, stored_digests = sorted(set(digests)), set[str]()
        for start in range(0, len(wanted_digests), _AT_ONCE):
            query = select(column).where(column.in_(wanted_digests[start : start + _AT_ONCE]))
            with self._database.read() as connection:
                stored_digests.update(connection.scalars(query))
        return frozenset(stored_digests)
