"""Trying out a persona as it stands in an editor: chats that are never stored, answered by the draft."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from personachat.chat.service import ChatService
from personachat.chat.starter import ReplyStarter
from personachat.personas.persona import parse_persona
from personachat.personas.store.base import StoredPersona
from personachat.personas.store.persona_file import etag_of
from personachat.personas.variables import with_values


@dataclass(frozen=True, slots=True)
class OnlyDraft:
    """The draft as the only persona. It answers whichever persona spoke before, even under another id."""

    draft: StoredPersona

    def get(self, _persona_id: str) -> StoredPersona:
        return self.draft


def trying_out(
    answers: ReplyStarter, text: str, *, owner: str, variables: Mapping[str, str] = MappingProxyType({})
) -> ChatService:
    """Chats with the persona of this JSON text. Start them as temporary ones.

    `variables` override its defaults. Raises PersonaInvalid.
    """
    draft = StoredPersona(with_values(parse_persona(text), variables), text, etag_of(text.encode()))
    return ChatService(answers, owner=owner, personas=OnlyDraft(draft), purpose="try_out")
