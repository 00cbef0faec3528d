"""Inspection: the request a reply was sent with, the next request, and how full the model's window is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile

from personachat.chat.starter import NO_VALUES, ReplyStarter, filled
from personachat.chat.turns import new_turn
from personachat.conversations.model import Conversation, Turn
from personachat.errors import PromptHidden, ReplyNotFound
from personachat.messages import ReasoningDelta, Started, TextDelta
from personachat.personas.chat_settings import AS_IN_THE_PERSONA, ChatSettings, with_settings
from personachat.personas.persona import Persona
from personachat.personas.store.base import PersonaSource
from personachat.replies.context import ContextUse
from personachat.replies.request_code import RequestBody


class Inspection:
    """Inspection for one owner. Safe for threads; cheap to create."""

    def __init__(
        self,
        answers: ReplyStarter,
        *,
        owner: str,
        personas: PersonaSource | None = None,
        sees_prompt: Callable[[str], bool] = lambda _: True,
    ) -> None:
        """`sees_prompt` tells by a persona's id whether its prompt may be shown: requests contain it."""
        self._answers = answers
        self._personas = personas or answers.personas
        self._sees_prompt = sees_prompt
        self._conversations = answers.conversations
        self._owner = owner

    def sent_request(self, turn_id: str) -> RequestBody | None:
        """The request that was sent for a reply; None if none was sent or it isn't known.

        Raises TurnNotFound, PromptHidden.
        """
        store = self._conversations.store_with(turn_id)
        _, turn = store.turn(self._owner, turn_id)
        self._refuse_unless_seen(turn.persona_id)
        request = store.request(self._owner, turn_id) if turn.reply else None
        if request is None:
            return None
        above = self._conversations.path(self._owner, turn.parent_id)
        return self._answers.replies.sent_request(turn, above, request, start=self._start_of(turn_id))

    def next(
        self,
        conversation_id: str | None,
        persona_id: str,
        text: str,
        *,
        offline: bool = False,
        variables: Mapping[str, str] = NO_VALUES,
        settings: ChatSettings = AS_IN_THE_PERSONA,
    ) -> RequestBody:
        """The request that this message would be sent with. `settings` are those of a new chat.

        Raises ProviderError if no model can answer, ConversationNotFound, PersonaNotFound, PromptHidden.
        """
        persona = self._personas.get(persona_id)
        self._refuse_unless_seen(persona.id)
        conversation = self._conversations.get(self._owner, conversation_id) if conversation_id else None
        path = conversation.path if conversation else ()
        words = new_turn("user", text, parent_id=path[-1].id if path else None, persona=persona)
        own = persona.persona if conversation else with_settings(persona.persona, settings)
        filled_persona = filled(own, conversation, variables)
        return self._answers.replies.preview(filled_persona, [*path, words], offline=offline)

    def first(self, persona: Persona, path: Sequence[Turn], *, offline: bool = False) -> RequestBody:
        """The first request of a new chat with a persona that may be unsaved.

        Raises ProviderError if no model can answer.
        """
        return self._answers.replies.preview(persona, path, offline=offline)

    def memory(self, conversation: Conversation, persona: Persona, *, offline: bool = False) -> ContextUse:
        """How full the model's window is. The whole conversation is read only if that has to be estimated."""
        path, persona = conversation.path, filled(persona, conversation)
        counted = self._answers.replies.counted_memory(persona, path[-1] if path else None, offline=offline)
        if counted:
            return counted
        if len(path) < conversation.length:
            path = self._conversations.path(self._owner, conversation.leaf_id)
        return self._answers.replies.memory(persona, path, offline=offline)

    def _refuse_unless_seen(self, persona_id: str) -> None:
        if persona_id and not self._sees_prompt(persona_id):
            raise PromptHidden(
                "This persona's prompt is hidden from you, and with it what is sent to the model.",
                hint="Ask its owner.",
            )

    def _start_of(self, turn_id: str) -> Started | None:
        """The event with which a model accepted the request; None if none did or it isn't known."""
        try:
            events = self._conversations.live_reply(self._owner, turn_id).wait(0, timeout_seconds=0)
        except ReplyNotFound:
            return None
        begun = list(takewhile(lambda event: not isinstance(event, (TextDelta, ReasoningDelta)), events))
        return next((event for event in reversed(begun) if isinstance(event, Started)), None)
