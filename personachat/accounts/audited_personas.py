"""The personas for someone whose changes are recorded in the audit: id, name and version, but no text.

Everything built on this store is audited, however it saves or deletes.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from personachat.accounts.audit import Trail
from personachat.errors import PersonaChatError
from personachat.personas.store.base import PLAIN_SAVE, BrokenPersona, PersonaStore, Saving, StoredPersona


class AuditedPersonas:
    """A PersonaStore over another one."""

    def __init__(self, personas: PersonaStore, trail: Trail) -> None:
        self._personas = personas
        self._trail = trail

    def all(self) -> list[StoredPersona | BrokenPersona]:
        return self._personas.all()

    def get(self, persona_id: str) -> StoredPersona:
        return self._personas.get(persona_id)

    def create(self, text: str, *, saving: Saving = PLAIN_SAVE) -> StoredPersona:
        persona = self._personas.create(text, saving=saving)
        self._note(saving.action or "created", persona, after=_facts(persona))
        return persona

    def save(self, text: str, *, etag: str | None = None, saving: Saving = PLAIN_SAVE) -> StoredPersona:
        before = self._etag_of(named_id(text))
        persona = self._personas.save(text, etag=etag, saving=saving)
        if before != persona.etag:
            action = saving.action or ("created" if before is None else "saved")
            self._note(
                action, persona, before=None if before is None else {"etag": before}, after=_facts(persona)
            )
        return persona

    def delete(
        self, persona_id: str, *, etag: str | None = None, saving: Saving = PLAIN_SAVE
    ) -> StoredPersona:
        persona = self._personas.delete(persona_id, etag=etag, saving=saving)
        self._note("deleted", persona, before=_facts(persona))
        return persona

    def rename(
        self, persona_id: str, new_id: str, *, etag: str | None = None, saving: Saving = PLAIN_SAVE
    ) -> StoredPersona:
        persona = self._personas.rename(persona_id, new_id, etag=etag, saving=saving)
        self._trail.note(
            "renamed", kind="persona", target=persona.id, before={"id": persona_id}, after={"id": persona.id}
        )
        return persona

    def put_away(self, persona_id: str, *, etag: str | None = None) -> BrokenPersona:
        broken = self._personas.put_away(persona_id, etag=etag)
        self._trail.note("deleted", kind="persona", target=persona_id, before={"etag": broken.etag})
        return broken

    def put_back(self, persona_id: str) -> None:
        self._personas.put_back(persona_id)
        self._trail.note("restored", kind="persona", target=persona_id)

    def rename_broken(self, persona_id: str, new_id: str, *, etag: str | None = None) -> None:
        self._personas.rename_broken(persona_id, new_id, etag=etag)
        self._trail.note(
            "renamed", kind="persona", target=new_id, before={"id": persona_id}, after={"id": new_id}
        )

    def _etag_of(self, persona_id: str) -> str | None:
        with suppress(PersonaChatError):
            return self._personas.get(persona_id).etag
        return None

    def _note(
        self,
        action: str,
        persona: StoredPersona,
        *,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
    ) -> None:
        self._trail.note(action, kind="persona", target=persona.id, before=before, after=after)


def named_id(text: str) -> str:
    """The id in a persona's text; "" if it has none."""
    with suppress(ValueError, RecursionError):
        value = json.loads(text)
        if isinstance(value, dict) and isinstance(value.get("id"), str):
            return str(value["id"])
    return ""


def _facts(entry: StoredPersona) -> dict[str, Any]:
    return {"name": entry.persona.name, "etag": entry.etag}
