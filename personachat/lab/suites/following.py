"""Suites go where their personas go: deleted and brought back with them, put into bundles and taken out.

Whatever deletes a persona deletes its suite, and whatever restores it restores the suite that went with it;
one that was deleted by itself before stays deleted.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from personachat.database.connection import Database
from personachat.errors import PersonaChatError
from personachat.lab.suites.store import SuiteStore
from personachat.lab.suites.stored_suite import for_persona
from personachat.personas.persona import parse_persona
from personachat.personas.store.base import (
    PLAIN_SAVE,
    BrokenPersona,
    PersonaStore,
    Revisions,
    Saving,
    StoredPersona,
)
from personachat.settings import Settings

log = logging.getLogger(__name__)


class PersonasWithSuites:
    """A PersonaStore over another one. A suite that can't follow is logged; the persona is what counts."""

    def __init__(self, personas: PersonaStore, revisions: Revisions, suites: SuiteStore) -> None:
        self._personas = personas
        self._revisions = revisions
        self._suites = suites

    def all(self) -> list[StoredPersona | BrokenPersona]:
        return self._personas.all()

    def get(self, persona_id: str) -> StoredPersona:
        return self._personas.get(persona_id)

    def create(self, text: str, *, saving: Saving = PLAIN_SAVE) -> StoredPersona:
        if saving.action != "restored":
            return self._personas.create(text, saving=saving)
        deleted_at = self._deleted_at(text)
        persona = self._personas.create(text, saving=saving)
        if deleted_at:
            try:
                self._suites.bring_back(persona.id, deleted_since=deleted_at, author=saving.author)
            except PersonaChatError as error:
                log.warning("The tests of %s didn't come back with it: %s", persona.id, error.code)
        return persona

    def save(self, text: str, *, etag: str | None = None, saving: Saving = PLAIN_SAVE) -> StoredPersona:
        return self._personas.save(text, etag=etag, saving=saving)

    def delete(
        self, persona_id: str, *, etag: str | None = None, saving: Saving = PLAIN_SAVE
    ) -> StoredPersona:
        persona = self._personas.delete(persona_id, etag=etag, saving=saving)
        try:
            if self._suites.find(persona.id):
                self._suites.delete(persona.id, author=saving.author)
        except PersonaChatError as error:
            log.warning("The tests of %s weren't deleted with it: %s", persona.id, error.code)
        return persona

    def rename(
        self, persona_id: str, new_id: str, *, etag: str | None = None, saving: Saving = PLAIN_SAVE
    ) -> StoredPersona:
        return self._personas.rename(persona_id, new_id, etag=etag, saving=saving)

    def put_away(self, persona_id: str, *, etag: str | None = None) -> BrokenPersona:
        return self._personas.put_away(persona_id, etag=etag)

    def put_back(self, persona_id: str) -> None:
        self._personas.put_back(persona_id)

    def rename_broken(self, persona_id: str, new_id: str, *, etag: str | None = None) -> None:
        self._personas.rename_broken(persona_id, new_id, etag=etag)

    def _deleted_at(self, text: str) -> datetime | None:
        """When the persona of this text was deleted, if that was the last that happened to it."""
        try:
            last = self._revisions.of(parse_persona(text).id, limit=1)
        except PersonaChatError:
            return None
        return last[0].saved_at if last and last[0].action == "deleted" else None


class SuiteTexts:
    """The suites as texts, for bundles. Methods raise what the store raises."""

    def __init__(self, suites: SuiteStore) -> None:
        self._suites = suites

    def of(self, persona_ids: Collection[str]) -> Mapping[str, str]:
        texts = {each: self._suites.find(each) for each in persona_ids}
        return {each: suite.text for each, suite in texts.items() if suite}

    def put(self, persona_id: str, text: str, *, author: str) -> None:
        """Keep a text as the persona's suite; what is wrong with it is shown where it is edited."""
        self._suites.put(persona_id, for_persona(text, persona_id), author=author)


class Following:
    """How suites follow their personas, for whoever opens a store of personas."""

    def __init__(self, suites: SuiteStore, folder: Path) -> None:
        self._suites = suites
        self._folder = folder
        self.texts = SuiteTexts(suites)

    @classmethod
    def of(cls, settings: Settings, database: Database) -> Following:
        return cls(SuiteStore.of(settings, database), settings.personas_dir)

    def move(self, connection: Connection, old_id: str, new_id: str, /) -> None:
        self._suites.move_persona(connection, old_id, new_id)

    def begin(self, connection: Connection, personas: Sequence[StoredPersona], /) -> None:
        self._suites.begin_with(connection, personas, self._folder)

    def around(self, personas: PersonaStore, revisions: Revisions) -> PersonaStore:
        return PersonasWithSuites(personas, revisions, self._suites)
