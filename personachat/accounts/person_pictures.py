"""The picture of a person who logs in: downloaded once from their provider, redrawn, stored small.

A browser never requests it from the provider's host. A thread of its own downloads it. Until then, and if
there is none, initials are shown.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import exists, select

from personachat.accounts.people_tables import people, person_pictures
from personachat.accounts.picture_fetching import MOST_ADDRESS_CHARACTERS, fetch_picture
from personachat.database.connection import Database
from personachat.database.upsert import put
from personachat.errors import DatabaseDamaged, DatabaseUnavailable, PersonaChatError
from personachat.personas.pictures.reading import read_picture
from personachat.stamps import now

log = logging.getLogger(__name__)

AGAIN_AFTER = timedelta(days=1)
"""When a picture that couldn't be downloaded is tried again."""

MOST_AT_ONCE = 4
MOST_REMEMBERED = 2_000

_p = person_pictures.c


@dataclass(frozen=True, slots=True)
class _PictureRow:
    """What is stored about a person: the picture's address, and the picture if there is one."""

    source: str
    picture: bytes | None
    fetched_at: datetime

    def is_settled(self, source: str) -> bool:
        recent = now() - self.fetched_at < AGAIN_AFTER
        return self.source == source and (self.picture is not None or recent)


class PersonPictures:
    """One per process; safe for threads. Reports no failures: initials are shown instead."""

    def __init__(
        self, database: Database, *, fetch: Callable[[str], bytes] = fetch_picture, is_on: bool = True
    ) -> None:
        self._database = database
        self._fetch = fetch
        self._is_on = is_on
        self._cached: dict[str, _PictureRow] = {}
        self._on_its_way: set[str] = set()
        self._lock = threading.Lock()

    def of(self, key: str) -> bytes | None:
        """A person's picture, small and square, if this process has it; sends no query."""
        picture = self._cached.get(key)
        return picture.picture if picture else None

    def want(self, key: str, address: object) -> None:
        """Download the picture in a login's claim; returns at once."""
        if not self._is_on or not isinstance(address, str) or not 0 < len(address) <= MOST_ADDRESS_CHARACTERS:
            return
        source = hashlib.sha256(address.encode("utf-8", "surrogatepass")).hexdigest()
        picture = self._cached.get(key)
        if picture and picture.is_settled(source):
            return
        with self._lock:
            if key in self._on_its_way or len(self._on_its_way) >= MOST_AT_ONCE:
                return
            self._on_its_way.add(key)
        try:
            settled = self._find(key, source)
        except (DatabaseUnavailable, DatabaseDamaged):
            settled = True  # for now
        if settled:
            self._on_its_way.discard(key)
            return
        threading.Thread(
            target=self._have, args=(key, address, source), name="personachat-picture", daemon=True
        ).start()

    def forget(self, key: str) -> None:
        """The person was erased."""
        self._cached.pop(key, None)

    def _find(self, key: str, source: str) -> bool:
        """Whether it is in the database."""
        with self._database.read() as connection:
            row = connection.execute(select(person_pictures).where(_p.owner == key)).one_or_none()
        if row is None:
            return False
        picture = _PictureRow(row.source, None if row.picture is None else bytes(row.picture), row.fetched_at)
        self._remember(key, picture)
        return picture.is_settled(source)

    def _have(self, key: str, address: str, source: str) -> None:
        try:
            self._keep(key, _PictureRow(source, self._image(address), now()))
        except PersonaChatError as error:
            log.debug("A person's picture couldn't be stored: %s", error.code)
        except Exception:
            log.exception("The picture of a person can't be had")
        finally:
            self._on_its_way.discard(key)

    def _image(self, address: str) -> bytes | None:
        try:
            return read_picture(self._fetch(address), square=True).thumb
        except PersonaChatError as error:
            log.info("The picture of a person can't be had: %s", error)
        except Exception:  # stored as none, or each of their requests would download it again
            log.exception("The picture of a person can't be had")
        return None

    def _keep(self, key: str, picture: _PictureRow) -> None:
        with self._database.write() as connection:
            if not connection.scalar(select(exists().where(people.c.key == key))):
                return  # erased meanwhile
            row = {
                "owner": key,
                "source": picture.source,
                "picture": picture.picture,
                "fetched_at": picture.fetched_at,
            }
            renewed = ("source", "picture", "fetched_at")
            put(connection, person_pictures, row, key=("owner",), renewed=renewed)
        self._remember(key, picture)

    def _remember(self, key: str, picture: _PictureRow) -> None:
        with self._lock:
            if len(self._cached) >= MOST_REMEMBERED:
                self._cached.clear()
            self._cached[key] = picture


def initials_of(name: str) -> str:
    """E.g. "AQ" of Ada Quince; "" if there is no name with letters."""
    words = [word for word in name.partition("@")[0].replace(".", " ").split() if word[0].isalnum()]
    initials = words[:1] + (words[-1:] if len(words) > 1 else [])
    return "".join(word[0] for word in initials).upper()[:2]
