"""Conversations in the memory of this process.

Every change goes through one lock and replaces an immutable Conversation, so a reader always holds a
consistent one. The oldest idle conversations make room once there are `capacity` of them.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import replace

from personachat.conversations.model import Conversation, QueuedMessage, Turn, new_id
from personachat.errors import ConversationNotFound


class MemoryConversations:
    """Safe for threads. Methods raise ConversationNotFound for an unknown id."""

    def __init__(self, *, capacity: int = 5_000) -> None:
        self._capacity = capacity
        self._lock = threading.Lock()
        self._conversations: OrderedDict[str, Conversation] = OrderedDict()

    def create(self, *, kept: bool = True) -> Conversation:
        conversation = Conversation(id=new_id(), kept=kept)
        with self._lock:
            self._conversations[conversation.id] = conversation
            self._make_room()
        return conversation

    def get(self, conversation_id: str) -> Conversation:
        with self._lock:
            return self._get(conversation_id)

    def append(self, conversation_id: str, turns: Iterable[Turn], *, only_after: str | None) -> Conversation:
        """Add turns as a branch and make its last one the leaf.

        Nothing is added, and the conversation comes back as it is, where its leaf is no longer
        `only_after`: somebody else was quicker.
        """

        def change(conversation: Conversation) -> Conversation:
            added = list(turns)
            if conversation.leaf_id != only_after or not added:
                return conversation
            return replace(
                conversation,
                turns={**conversation.turns, **{turn.id: turn for turn in added}},
                leaf_id=added[-1].id,
            )

        return self._change(conversation_id, change)

    def update(self, conversation_id: str, turn: Turn) -> Conversation:
        """Put a turn in the place of the one with its id."""
        return self._change(
            conversation_id, lambda found: replace(found, turns={**found.turns, turn.id: turn})
        )

    def show(self, conversation_id: str, leaf_id: str | None) -> Conversation:
        """Make a turn the leaf; None shows the conversation empty and keeps every turn."""
        return self._change(conversation_id, lambda found: replace(found, leaf_id=leaf_id))

    def keep(self, conversation_id: str) -> Conversation:
        return self._change(conversation_id, lambda found: replace(found, kept=True))

    def queue(self, conversation_id: str, message: QueuedMessage, *, first: bool = False) -> Conversation:
        """Put a message at the end of the queue, or first."""
        return self._change(
            conversation_id,
            lambda found: replace(found, queue=(message, *found.queue) if first else (*found.queue, message)),
        )

    def unqueue(self, conversation_id: str, message_id: str | None = None) -> QueuedMessage | None:
        """Take a message out of the queue (None: the first) and return it; None where it is gone."""
        taken: list[QueuedMessage] = []

        def change(conversation: Conversation) -> Conversation:
            wanted = message_id or (conversation.queue[0].id if conversation.queue else None)
            taken.extend(message for message in conversation.queue if message.id == wanted)
            return replace(conversation, queue=tuple(m for m in conversation.queue if m.id != wanted))

        self._change(conversation_id, change)
        return taken[0] if taken else None

    def delete(self, conversation_id: str) -> None:
        with self._lock:
            self._conversations.pop(conversation_id, None)

    def _change(self, conversation_id: str, change: Callable[[Conversation], Conversation]) -> Conversation:
        with self._lock:
            changed = change(self._get(conversation_id))
            self._conversations[conversation_id] = changed
            self._conversations.move_to_end(conversation_id)
            return changed

    def _get(self, conversation_id: str) -> Conversation:
        try:
            return self._conversations[conversation_id]
        except KeyError:
            raise ConversationNotFound(
                "This conversation does not exist, or no longer.", hint="Start a new chat."
            ) from None

    def _make_room(self) -> None:
        excess = len(self._conversations) - self._capacity
        if excess <= 0:
            return
        idle = [
            conversation.id
            for conversation in self._conversations.values()
            if not (
                conversation.leaf and conversation.leaf.reply and conversation.leaf.reply.state == "running"
            )
        ]
        for conversation_id in idle[:excess]:
            del self._conversations[conversation_id]
