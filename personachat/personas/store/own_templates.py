"""Templates that people made from their own personas; shared by everyone on the same database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select

from personachat.database.connection import Database
from personachat.database.upsert import put
from personachat.errors import PersonaInvalid, TemplateNotFound
from personachat.jsontext.faults import excerpt
from personachat.personas.persona import Persona, parse_persona
from personachat.personas.store.base import MOST_AUTHOR_CHARACTERS
from personachat.personas.store.tables import persona_templates

_t = persona_templates.c


@dataclass(frozen=True, slots=True)
class OwnTemplate:
    """A persona to begin with, with its text at the time it was saved."""

    persona: Persona
    text: str
    author: str
    created_at: datetime

    @property
    def id(self) -> str:
        return self.persona.id


class OwnTemplates:
    """Safe for threads and processes. Methods raise DatabaseUnavailable and DatabaseDamaged."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> tuple[OwnTemplate, ...]:
        """By name; templates that don't follow today's schema are left out."""
        with self._database.read() as connection:
            rows = connection.execute(select(persona_templates)).all()
        own_templates = []
        for row in rows:
            try:
                persona = parse_persona(row.text)
            except PersonaInvalid:
                continue
            own_templates.append(OwnTemplate(persona, row.text, row.author, row.created_at))
        return tuple(
            sorted(own_templates, key=lambda template: (template.persona.name.casefold(), template.id))
        )

    def save(self, text: str, *, author: str) -> OwnTemplate:
        """Save a persona as a template, replacing the one with its id. Raises PersonaInvalid."""
        persona = parse_persona(text)
        author = author[:MOST_AUTHOR_CHARACTERS]
        with self._database.write() as connection:
            moment = self._database.moment(connection)
            row = {"id": persona.id, "text": text, "author": author, "created_at": moment}
            put(connection, persona_templates, row, key=("id",), renewed=("text", "author", "created_at"))
        return OwnTemplate(persona, text, author, moment)

    def delete(self, template_id: str) -> OwnTemplate:
        """Delete a template and return it. Raises TemplateNotFound."""
        existing = next((template for template in self.all() if template.id == template_id), None)
        if existing is None:
            raise TemplateNotFound(f'You have no template "{excerpt(template_id)}" of your own.')
        with self._database.write() as connection:
            connection.execute(delete(persona_templates).where(_t.id == template_id))
        return existing
