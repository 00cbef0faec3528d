"""Which draft of a persona answered in Try out: numbered in the order in which they answered."""

from __future__ import annotations

from personachat.conversations.model import Turn
from personachat.personas.store.persona_file import etag_of
from personachat.ui.personas.desk import OpenPersona
from personachat.ui.personas.state import personas_state


def meet(persona_id: str, turns: tuple[Turn, ...]) -> None:
    """Number the drafts that have answered."""
    drafts = _known_ids(persona_id)
    for turn in turns:
        if turn.reply and turn.persona_revision and turn.persona_revision not in drafts:
            drafts.append(turn.persona_revision)


def forget(persona_id: str) -> None:
    """Begin again with number 1."""
    personas_state().drafts_tried.pop(persona_id, None)


def current(open_persona: OpenPersona) -> str:
    """The name of the draft in the editor, saved or not: the next one, unless it has already answered."""
    return _numbered(open_persona.id, etag_of(open_persona.text.encode()))


def label(open_persona: OpenPersona, turn: Turn) -> str:
    """The name of the draft that a turn came from."""
    return _label(open_persona, turn.persona_revision or "")


def _label(open_persona: OpenPersona, etag: str) -> str:
    is_saved = open_persona.stored is not None and open_persona.stored.etag == etag
    return _numbered(open_persona.id, etag) + (", as saved" if is_saved else "")


def _numbered(persona_id: str, etag: str) -> str:
    drafts = _known_ids(persona_id)
    return f"draft {drafts.index(etag) + 1 if etag in drafts else len(drafts) + 1}"


def _known_ids(persona_id: str) -> list[str]:
    return personas_state().drafts_tried.setdefault(persona_id, [])
