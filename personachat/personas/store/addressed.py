"""Personas by the names that callers use: an id, an id that was renamed, or an id with a label.

`tutor` is the newest version, `tutor@production` the revision with that label, `tutor@12` revision 12: no
label is a number.
"""

from __future__ import annotations

import re
from contextlib import suppress

from personachat.errors import LabelNotFound, PersonaBroken, PersonaMoved
from personachat.jsontext.faults import excerpt
from personachat.personas.persona import parse_persona
from personachat.personas.store.base import PersonaSource, Revisions, StoredPersona
from personachat.personas.store.labels import Labels

MARK = "@"

_NUMBER = re.compile("[1-9][0-9]{0,8}")


class AddressedPersonas:
    """Safe for threads. For an existing id without a label it reads no more than the store does."""

    def __init__(
        self,
        personas: PersonaSource,
        revisions: Revisions,
        labels: Labels,
        *,
        numbered: Revisions | None = None,
    ) -> None:
        """`numbered` are the revisions that may be named by number, if that isn't all."""
        self._personas = personas
        self._revisions = revisions
        self._labels = labels
        self._numbered = numbered or revisions

    def get(self, name: str) -> StoredPersona:
        """Raises PersonaNotFound, PersonaBroken, PersonaInvalid, LabelNotFound, RevisionNotFound."""
        persona_id, mark, label = name.partition(MARK)
        if not mark:
            return self._newest(persona_id)
        concealed = True
        with suppress(PersonaBroken):  # the revision with the label has another text
            newest = self._newest(persona_id)
            persona_id, concealed = newest.id, newest.concealed
        if not label:
            raise LabelNotFound(
                f'"{excerpt(name)}" has no label after the {{MARK}}.',
                hint=f"Add a label after the {MARK}, or leave the {MARK} out.",
            )
        if _NUMBER.fullmatch(label):
            revision = self._numbered.get(persona_id, int(label))
        else:
            revision = self._revisions.get(persona_id, self._labels.number(persona_id, label))
        persona = parse_persona(revision.text)
        if persona.id != persona_id:  # it is from before the persona was renamed
            persona = persona.model_copy(update={"id": persona_id})
        return StoredPersona(persona, revision.text, revision.etag, label, concealed)

    def _newest(self, persona_id: str) -> StoredPersona:
        try:
            return self._personas.get(persona_id)
        except PersonaMoved as moved:
            return self._personas.get(moved.new_id)
