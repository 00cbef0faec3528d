"""Personas as files whose every version is kept in the database, including edits by people and git.

A save writes the file and then the revision, both under the folder's lock. If the database fails, the save
stands and is recorded later. Whatever differs from the newest revision when a file is looked at becomes a
revision. The picture and the card files that a persona names are beside it, see `picture_files` and
`asset_files`. Reading never fails because of that, and sends no query as long as nothing has changed.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from personachat.database.connection import Database
from personachat.errors import (
    DatabaseDamaged,
    DatabaseUnavailable,
    PersonaChatError,
    PersonaNotFound,
    StoreUnavailable,
)
from personachat.jsontext.edits import with_value
from personachat.personas.assets.sets import OURS, PLACE, set_named_by
from personachat.personas.persona import KEYS, Persona, parse_persona
from personachat.personas.store.asset_files import AssetFiles
from personachat.personas.store.assets import PersonaAssets
from personachat.personas.store.base import PLAIN_SAVE, Action, BrokenPersona, Saving, StoredPersona
from personachat.personas.store.files import LOOKING_SECONDS, FilePersonaStore, FolderListing
from personachat.personas.store.folder_renaming import Pending, drop
from personachat.personas.store.id_in_text import Renaming
from personachat.personas.store.persona_file import PICTURE_SUFFIX, SUFFIX, Mark
from personachat.personas.store.picture_files import PictureFiles
from personachat.personas.store.pictures import PersonaPictures
from personachat.personas.store.renaming import Move, Redirects
from personachat.personas.store.revisions import Latest, Recording, SqlRevisions

log = logging.getLogger(__name__)

RETRY_SECONDS = 30.0
"""Seconds without recording after the database has failed."""

FOLDERS_SECONDS = 2.0
"""Seconds between two looks at the folders of card files."""

PICTURES_SECONDS = 0.3
"""Seconds of one pass over pictures that were added by hand; the next pass continues."""


class RecordedFiles(FilePersonaStore):
    """A PersonaStore over a folder, with its revisions."""

    def __init__(
        self, folder: Path, revisions: SqlRevisions, database: Database, *, moves: Sequence[Move] = ()
    ) -> None:
        """`moves` are run as well when a persona gets another id."""
        super().__init__(folder)
        self._moves = moves
        self._redirects = Redirects(database, place=revisions.place)
        self._revisions = revisions
        self._database = database
        self._recorded: dict[str, str] | None = None
        """The etag of each persona's newest revision; None before the first look."""
        self._all_recorded: FolderListing | None = None
        """The listing whose personas are all recorded; the same one needn't be looked at again."""
        self._not_before = 0.0
        self._picture_files = PictureFiles(folder, PersonaPictures(database))
        self._all_pictured: tuple[FolderListing, dict[str, Mark]] | None = None
        """The listing, and the files beside it, whose pictures are all known."""
        self._asset_files = AssetFiles(folder, PersonaAssets(database))
        self._folders_not_before = 0.0

    def all(self) -> list[StoredPersona | BrokenPersona]:
        listing = self._list()
        if self._take_in_pictures(listing):
            listing = self._list()
        if self._take_in_folders(listing):
            listing = self._list()
        if listing is not self._all_recorded and self._look(listing.ordered, whole=True):
            self._all_recorded = listing
        return list(listing.ordered)

    def get(self, persona_id: str) -> StoredPersona:
        persona = super().get(persona_id)
        self._look((persona,), whole=False)
        return persona

    def _write(self, persona: Persona, text: str) -> StoredPersona:
        self._picture_files.lay(persona.id, persona.picture)
        self._asset_files.lay(persona.id, set_named_by(persona.extensions))
        return super()._write(persona, text)

    def _changed(
        self,
        entry: StoredPersona,
        before: StoredPersona | BrokenPersona | None,
        *,
        action: Action,
        saving: Saving,
    ) -> None:
        """Record our own change, and before it any earlier edit that nobody has recorded."""
        if action == "deleted" or not entry.persona.picture:
            self._picture_files.clear(entry.id)
        if action == "deleted" or not set_named_by(entry.persona.extensions):
            self._asset_files.clear(entry.id)
        change = _recording(entry, action, saving)
        try:
            with self._database.write() as connection:
                if isinstance(before, StoredPersona):
                    self._revisions.record_many(connection, [_recording(before, "found", PLAIN_SAVE)])
                self._revisions.record_many(connection, [change])
        except PersonaChatError as error:
            self._failed(error)
            return
        if self._recorded is not None:
            if action == "deleted":
                self._recorded.pop(entry.id, None)
            else:
                self._recorded[entry.id] = entry.etag

    def _take_in_pictures(self, listing: FolderListing) -> bool:
        """Give personas the pictures that someone put beside them; returns whether any got one."""
        beside = self._pictures_beside
        pictured_before = self._all_pictured
        if (
            pictured_before and pictured_before[0] is listing and pictured_before[1] == beside
        ) or time.monotonic() < self._not_before:
            return False
        until = time.monotonic() + PICTURES_SECONDS
        any_new = False
        for persona in listing.personas:
            if persona.id not in beside or not isinstance(persona, StoredPersona):
                continue
            if time.monotonic() > until:
                return any_new
            any_new |= self._take_in_picture(persona, beside[persona.id])
        self._all_pictured = listing, beside
        return any_new

    def _take_in_picture(self, persona: StoredPersona, mark: Mark) -> bool:
        name = f"{persona.id}{SUFFIX}"
        changed, status_changed, size, _ = self._seen[name].signature
        try:
            digest = self._picture_files.digest_from_file(
                persona, picture=mark, text=(changed, status_changed, size)
            )
            note = f"Picture from {persona.id}{PICTURE_SUFFIX}"
            return bool(digest) and self._name(persona, ("picture",), digest, note=note)
        except PersonaChatError as error:
            self._failed(error)
            return False

    def _take_in_folders(self, listing: FolderListing) -> bool:
        """Give personas the files that someone put into their folders; returns whether any got some."""
        with_folder = [each for each in listing.personas if each.id in self._folders_beside]
        moment = time.monotonic()
        if not with_folder or moment < max(self._not_before, self._folders_not_before):
            return False
        any_new = False
        for persona in with_folder:
            if isinstance(persona, StoredPersona):
                any_new |= self._take_in_folder(persona)
        self._folders_not_before = moment + FOLDERS_SECONDS
        return any_new

    def _take_in_folder(self, persona: StoredPersona) -> bool:
        changed = max(self._seen[f"{persona.id}{SUFFIX}"].signature[:2])
        try:
            digest = self._asset_files.digest_from_folder(persona, text_changed=changed)
            note = f"Files from {persona.id}/"
            return bool(digest) and self._name(persona, PLACE, digest, note=note)
        except PersonaChatError as error:
            self._failed(error)
            return False

    def _name(self, entry: StoredPersona, place: tuple[str, ...], digest: str, *, note: str) -> bool:
        """Write a digest into the text; returns whether the text was unchanged until then."""
        if place[0] == "extensions" and not isinstance(entry.persona.extensions.get(OURS, {}), dict):
            return False
        with self._locked(timeout_seconds=LOOKING_SECONDS):
            if self._find(entry.id) is not entry:
                return False
            text = with_value(entry.text, place, digest, order=KEYS)
            written = self._write(parse_persona(text), text)
            self._changed(written, entry, action="found", saving=Saving(note=note))
        return True

    def _missing(self, persona_id: str) -> PersonaNotFound:
        return self._redirects.missing(persona_id)

    def _rename_rows(self, renaming: Renaming, *, saving: Saving) -> None:
        """The point of no return. Raises StoreUnavailable if the database fails; nothing has changed then."""
        try:
            with self._database.write() as connection:
                self._revisions.rename(connection, renaming, saving=saving, also=self._moves)
        except BaseException as error:
            is_done = self._is_renamed_now(renaming.mark)
            if is_done is False:
                drop(self._folder)
            if not isinstance(error, DatabaseUnavailable | DatabaseDamaged):
                raise
            if not is_done:
                raise StoreUnavailable(str(error), hint=error.hint, advice=error.advice) from None
        if self._recorded is not None:
            self._recorded.pop(renaming.before.id, None)
            self._recorded[renaming.after.id] = renaming.after.etag

    def _is_renamed(self, pending: Pending) -> bool | None:
        return self._is_renamed_now(pending.mark)

    def _is_renamed_now(self, mark: str) -> bool | None:
        """Whether the database has it; None if it can't be queried."""
        try:
            return self._redirects.is_done(mark)
        except PersonaChatError as error:
            self._failed(error)
            return None

    def _look(self, listing: Sequence[StoredPersona | BrokenPersona], *, whole: bool) -> bool:
        """Record what differs from the last known state; with the whole folder, also deletions.

        Returns whether nothing is left to record. Whatever fails is tried again later.
        """
        if time.monotonic() < self._not_before:
            return False
        try:
            if self._recorded is None:
                with self._database.read() as connection:
                    self._recorded = _etags(self._revisions.latest(connection))
            recorded = self._recorded
            new = [
                persona.id
                for persona in listing
                if isinstance(persona, StoredPersona) and recorded.get(persona.id) != persona.etag
            ]
            deleted_ids = (
                recorded.copy().keys() - {persona.id for persona in listing} if whole else ()
            )  # others change it
            if new or deleted_ids:
                self._record([*new, *deleted_ids])
        except PersonaChatError as error:
            self._failed(error)
            return False
        return True

    def _record(self, ids: Sequence[str]) -> None:
        """Compare these with the database and the folder as they are now, and record unknown changes."""
        with self._folder_locked(), self._database.write() as connection:
            latest = self._revisions.latest(connection, ids)
            recordings = list(self._differing(ids, latest))
            self._revisions.record_many(connection, recordings)
            etags = _etags(latest)
        etags |= {each.persona_id: each.etag for each in recordings if each.action != "deleted"}
        for each in recordings:
            if each.action == "deleted":
                etags.pop(each.persona_id, None)
        recorded = self._recorded if self._recorded is not None else {}
        for persona_id in ids:
            if persona_id in etags:
                recorded[persona_id] = etags[persona_id]
            else:
                recorded.pop(persona_id, None)
        self._recorded = recorded

    def _differing(self, ids: Sequence[str], latest: dict[str, Latest]) -> Iterator[Recording]:
        for persona_id in ids:
            persona, newest = self._find(persona_id), latest.get(persona_id)
            there = newest is not None and not newest.deleted
            if isinstance(persona, StoredPersona):
                if not there or (newest and newest.etag != persona.etag):
                    yield _recording(persona, "found", PLAIN_SAVE)
            elif persona is None and there and newest:
                last = self._revisions.get(persona_id, newest.number)
                yield Recording(persona_id, last.name, last.text, last.etag, "deleted")

    @contextmanager
    def _folder_locked(self) -> Iterator[None]:
        """Keep writers out; a read-only folder needs no lock. Raises StoreUnavailable."""
        writable = self._folder.is_dir() and _is_writable(self._folder)
        with self._locked(timeout_seconds=LOOKING_SECONDS) if writable else nullcontext():
            yield

    def _failed(self, error: PersonaChatError) -> None:
        if not isinstance(error, StoreUnavailable):  # a locked folder is free in a moment
            self._not_before = time.monotonic() + RETRY_SECONDS
            log.warning("The history of personas can't be written: %s", error)


def _etags(latest: dict[str, Latest]) -> dict[str, str]:
    return {persona_id: newest.etag for persona_id, newest in latest.items() if not newest.deleted}


def _recording(entry: StoredPersona, action: Action, saving: Saving) -> Recording:
    return Recording(entry.id, entry.persona.name, entry.text, entry.etag, action, saving)


def _is_writable(folder: Path) -> bool:
    return os.access(folder, os.W_OK)
