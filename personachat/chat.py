"""ChatService: send, retry, stop, queue. It owns what a message does to a conversation.

The user's words are recorded before anything is asked of a provider, so whatever fails afterwards
fails as a reply under them, with its reason, and can be retried. A reply's end is recorded on the
engine's loop, never by whoever watches it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from personachat.conversations.memory import MemoryConversations
from personachat.conversations.model import Conversation, QueuedMessage, Turn, new_id
from personachat.errors import (
    ConversationNotFound,
    MessageInvalid,
    PersonaChatError,
    ReplyInProgress,
    ReplyNotFound,
)
from personachat.generation import Generation
from personachat.generations import Generations
from personachat.messages import ChatMessage, storable
from personachat.persona import Persona
from personachat.prompts import greeting
from personachat.replies import Replies
from personachat.store.base import PersonaStore

log = logging.getLogger(__name__)

MAX_MESSAGE_CHARACTERS = 200_000
"""Beyond any model's window in use; a paste larger than that is a mistake."""


class ChatService:
    """Safe for threads. Ids that nobody knows raise ConversationNotFound or ReplyNotFound."""

    def __init__(
        self,
        *,
        personas: PersonaStore,
        conversations: MemoryConversations,
        replies: Replies,
        generations: Generations,
    ) -> None:
        self._personas = personas
        self._conversations = conversations
        self._replies = replies
        self._generations = generations
        self._sending = threading.RLock()

    def start(self, *, kept: bool = True) -> Conversation:
        """A new, empty conversation."""
        return self._conversations.create(kept=kept)

    def conversation(self, conversation_id: str) -> Conversation:
        """The conversation as it is now, a running reply's text included."""
        found = self._conversations.get(conversation_id)
        leaf = found.leaf
        if leaf and leaf.reply and leaf.reply.state == "running":
            generation = self._generations.find(leaf.id)
            if generation is not None:
                shown = replace(leaf, reply=generation.snapshot())
                return replace(found, turns={**found.turns, leaf.id: shown})
        return found

    def generation(self, reply_id: str) -> Generation:
        """The reply of an assistant's turn, whose id it has, running or ended."""
        generation = self._generations.find(reply_id)
        if generation is None:
            raise ReplyNotFound("This reply does not exist, or no longer.")
        return generation

    def running(self, conversation_id: str) -> Generation | None:
        """The reply being streamed into a conversation, if any."""
        leaf = self._conversations.get(conversation_id).leaf
        generation = self._generations.find(leaf.id) if leaf else None
        return generation if generation and generation.running else None

    def send(
        self,
        conversation_id: str,
        text: str,
        *,
        persona_id: str,
        history: Sequence[ChatMessage] = (),
        offline: bool = False,
    ) -> Generation:
        """Record the user's words and start the reply to them.

        `history` goes before them where the conversation is still empty. What a provider refuses comes
        as the generation's Failed event. Raises MessageInvalid, PersonaNotFound, PersonaBroken,
        and ReplyInProgress while another reply is running.
        """
        text = cleaned(text)
        persona = self._personas.get(persona_id).persona
        with self._sending:
            conversation = self._idle(conversation_id)
            turns: list[Turn] = []
            parent = conversation.leaf_id
            if parent is None:
                words = opening_words(persona)
                greeted = [ChatMessage("assistant", words)] if words else []
                for message in history or greeted:
                    content = storable(message.content)
                    turns.append(_turn(message.role, content, parent=parent, persona=persona))
                    parent = turns[-1].id
            turns.append(_turn("user", text, parent=parent, persona=persona))
            return self._answer(conversation, turns, persona, offline=offline)

    def retry(self, conversation_id: str, *, offline: bool = False) -> Generation:
        """Answer the last user turn again, beside the reply that is there. Errors as for `send`."""
        with self._sending:
            conversation = self._idle(conversation_id)
            asked = next((turn for turn in reversed(conversation.path) if turn.role == "user"), None)
            if asked is None:
                raise ReplyNotFound("There is nothing to answer again yet.")
            persona = self._personas.get(asked.persona_id).persona
            conversation = replace(
                self._conversations.show(conversation_id, asked.id), turns=conversation.turns
            )
            return self._answer(conversation, [], persona, offline=offline)

    def stop(self, reply_id: str) -> None:
        """End a running reply at once and keep its text; an ended one is left alone."""
        self.generation(reply_id).stop()

    def queue(self, conversation_id: str, text: str, *, persona_id: str, offline: bool = False) -> None:
        """Send `text` as soon as the running reply is done, or now if none is."""
        message = QueuedMessage(new_id(), cleaned(text), persona_id, offline)
        self._conversations.queue(conversation_id, message)
        if self.running(conversation_id) is None:
            self.send_queued(conversation_id)

    def send_queued(self, conversation_id: str) -> Generation | None:
        """Send the first queued message, if there is one and no reply is running. Errors as for `send`."""
        with self._sending:
            if self.running(conversation_id):
                return None
            message = self._conversations.unqueue(conversation_id)
            if message is None:
                return None
            try:
                return self.send(
                    conversation_id, message.content, persona_id=message.persona_id, offline=message.offline
                )
            except PersonaChatError:
                self._conversations.queue(conversation_id, message, first=True)
                raise

    def unqueue(self, conversation_id: str, message_id: str) -> str:
        """Take a message back out of the queue; returns its text, empty where it has gone out."""
        message = self._conversations.unqueue(conversation_id, message_id)
        return message.content if message else ""

    def clear(self, conversation_id: str) -> str | None:
        """Stop what is running, drop what is queued and show the conversation empty.

        Returns what `restore` needs to undo it; None where there was nothing.
        """
        while self._conversations.unqueue(conversation_id):
            pass
        generation = self.running(conversation_id)
        if generation:
            generation.stop()
        leaf_id = self._conversations.get(conversation_id).leaf_id
        self._conversations.show(conversation_id, None)
        return leaf_id

    def restore(self, conversation_id: str, leaf_id: str) -> None:
        """Undo `clear`, unless the conversation has gone on meanwhile."""
        conversation = self._conversations.get(conversation_id)
        if conversation.leaf_id is None and leaf_id in conversation.turns:
            self._conversations.show(conversation_id, leaf_id)

    def keep(self, conversation_id: str) -> None:
        """From now on its replies go on without a follower, the running one included."""
        self._conversations.keep(conversation_id)
        running = self.running(conversation_id)
        if running:
            running.kept = True

    def discard(self, conversation_id: str) -> None:
        """Forget a conversation that is not kept."""
        if not self._conversations.get(conversation_id).kept:
            self._conversations.delete(conversation_id)

    def _idle(self, conversation_id: str) -> Conversation:
        """The conversation, ready for another reply. Raises ReplyInProgress."""
        conversation = self.conversation(conversation_id)
        if self.running(conversation_id):
            raise ReplyInProgress(
                "This conversation is still being answered.", hint="Wait for it, or stop it."
            )
        return conversation

    def _answer(
        self, conversation: Conversation, turns: list[Turn], persona: Persona, *, offline: bool
    ) -> Generation:
        before, conversation_id = conversation.leaf_id, conversation.id
        asked = turns[-1].id if turns else before
        history = [turn.as_message() for turn in (*conversation.path, *turns)]
        said = [message for message in history if message.content]
        first, events = self._replies.plan(persona, said, offline=offline)
        turn = replace(_turn("assistant", "", parent=asked, persona=persona), reply=first)
        added = self._conversations.append(conversation_id, [*turns, turn], only_after=before)
        if turn.id not in added.turns:
            raise ReplyInProgress(
                "This conversation has just gone on in another window.", hint="Send it again."
            )

        # It is remembered with the generation, so it must not hold the conversation as it was.
        def ended(generation: Generation) -> None:
            try:
                self._conversations.update(conversation_id, replace(turn, reply=generation.snapshot()))
                if generation.state != "failed":
                    self.send_queued(conversation_id)
            except ConversationNotFound:
                log.debug("A reply ended after its conversation was discarded")
            except PersonaChatError as error:  # it stays in the queue, where the page offers it again
                log.warning("A queued message was not sent: %s", error.code)

        generation = Generation(
            turn.id,
            kept=conversation.kept,
            first=first,
            conversation_id=conversation_id,
            persona_id=persona.id,
        )
        return self._generations.start(generation, events, on_ended=ended)


def opening_words(persona: Persona) -> str:
    """What the persona says first in a new conversation, or nothing."""
    return greeting(persona, today=date.today())  # noqa: DTZ011  # the server's own day


def cleaned(text: str) -> str:
    """The text as it can be stored and sent. Raises MessageInvalid where it is empty or too long."""
    text = storable(text).strip()
    if not text:
        raise MessageInvalid("The message is empty.", hint="Write something first.")
    if len(text) > MAX_MESSAGE_CHARACTERS:
        raise MessageInvalid(
            f"The message has {len(text):,} characters; {MAX_MESSAGE_CHARACTERS:,} are the most.",
            hint="Shorten it, or send it in parts.",
        )
    return text


def _turn(role: str, content: str, *, parent: str | None, persona: Persona) -> Turn:
    return Turn(
        id=new_id(),
        parent_id=parent,
        role="user" if role == "user" else "assistant",
        content=content,
        persona_id=persona.id,
        persona_name=persona.name,
        avatar=persona.avatar,
    )
