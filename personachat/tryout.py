"""Trying a persona out as it stands in an editor: chats that are never stored, with a draft that answers."""

from __future__ import annotations

from dataclasses import dataclass

from personachat.answering import Answers
from personachat.chat import ChatService
from personachat.persona import parse_persona
from personachat.store.base import StoredPersona
from personachat.store.persona_file import etag_of


@dataclass(frozen=True, slots=True)
class OnlyDraft:
    """The one persona there is: whoever spoke before, the draft answers, even under another id."""

    draft: StoredPersona

    def get(self, _persona_id: str) -> StoredPersona:
        return self.draft


def trying_out(answers: Answers, text: str, *, owner: str) -> ChatService:
    """Conversations with the persona of this JSON text; begin them as temporary ones.

    Raises PersonaInvalid.
    """
    draft = StoredPersona(parse_persona(text), text, etag_of(text.encode()))
    return ChatService(answers, owner=owner, personas=OnlyDraft(draft), purpose="try_out")
