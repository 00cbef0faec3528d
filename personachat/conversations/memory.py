"""Temporary conversations: in this process's memory only, never written.

Beyond `capacity`, the ones that have been idle longest are dropped. One lock guards everything.

A conversation is its head and all its turns in the order they came.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from personachat.conversations.base import no_such_conversation, no_such_turn
from personachat.conversations.model import (
    Conversation,
    QueuedMessage,
    Rating,
    Reply,
    SentRequest,
    Turn,
    branch,
    siblings_of,
)
from personachat.conversations.titles import retitled
from personachat.conversations.variables import merged
from personachat.stamps import new_id, now


@dataclass
class HeldConversation:
    """A conversation's head, without `path`, and all its turns in the order they came."""

    head: Conversation
    turns: dict[str, Turn] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    requests: dict[str, SentRequest] = field(default_factory=dict)

    def visible(self, *, but: set[str] | None = None) -> dict[str, Turn]:
        """The turns that aren't hidden. `but` replaces the set of deleted turns."""
        deleted = self.deleted if but is None else but
        turns: dict[str, Turn] = {}
        for turn in self.turns.values():  # parents come before their children
            if turn.id not in deleted and (turn.parent_id is None or turn.parent_id in turns):
                turns[turn.id] = turn
        return turns

    def newest_below(self, turn_id: str) -> str:
        below = {turn_id}
        newest = turn_id
        for turn in self.visible().values():
            if turn.parent_id in below:
                below.add(turn.id)
                newest = turn.id
        return newest

    def as_seen(self, last: int | None) -> Conversation:
        turns = self.visible()
        whole = branch(turns, self.head.leaf_id)
        path = whole if last is None else whole[max(0, len(whole) - last) :]
        siblings = siblings_of(path, list(turns.values()))
        return replace(self.head, length=len(whole), path=path, siblings=siblings)

    def add(self, turns: Sequence[Turn], requests: Mapping[str, SentRequest]) -> None:
        """Add turns, the last of which becomes the leaf. Raises TurnNotFound, before anything is changed."""
        depths: dict[str | None, int] = {None: -1}
        depths |= {turn.id: turn.depth for turn in self.visible().values()}
        for turn in turns:
            if turn.parent_id not in depths:
                raise no_such_turn()
            depths[turn.id] = depths[turn.parent_id] + 1
        earlier = [turn.as_message() for turn in self.turns.values()]
        title = retitled(self.head.title, earlier, [turn.as_message() for turn in turns])
        self.turns |= {turn.id: replace(turn, depth=depths[turn.id]) for turn in turns}
        self.requests |= requests
        leaf_id = turns[-1].id if turns else self.head.leaf_id
        self.head = replace(self.head, leaf_id=leaf_id, title=title, updated_at=now())

    def give(self, variables: Mapping[str, str]) -> None:
        self.head = replace(self.head, variables=merged(self.head.variables, variables))


class MemoryConversations:
    """A ConversationStore in memory."""

    def __init__(self, *, capacity: int = 5_000) -> None:
        self._capacity = capacity
        self._lock = threading.RLock()
        self._conversations: OrderedDict[str, HeldConversation] = OrderedDict()
        self._places: dict[str, str] = {}  # turn id -> conversation id

    def forget_all_of(self, owner: str) -> int:
        """Forget everything of this owner; returns the number of conversations."""
        with self._lock:
            theirs = [
                conversation
                for conversation in self._conversations.values()
                if conversation.head.owner == owner
            ]
            for conversation in theirs:
                del self._conversations[conversation.head.id]
                for turn_id in conversation.turns:
                    self._places.pop(turn_id, None)
        return len(theirs)

    def __contains__(self, conversation_id: str) -> bool:
        return conversation_id in self._conversations

    def has_turn(self, turn_id: str) -> bool:
        return turn_id in self._places

    def create(
        self,
        owner: str,
        *,
        durable: bool = True,
        turns: Sequence[Turn] = (),
        requests: Mapping[str, SentRequest] | None = None,
        process_id: str | None = None,  # noqa: ARG002  # it can only be this one
        variables: Mapping[str, str] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Conversation:
        head = Conversation(
            id=new_id(),
            owner=owner,
            durable=durable,
            temporary=True,
            variables=merged({}, variables or {}),
            settings=settings or {},
        )
        conversation = HeldConversation(head)
        with self._lock:
            conversation.add(turns, requests or {})
            self._places |= {turn.id: conversation.head.id for turn in turns}
            self._conversations[conversation.head.id] = conversation
            self._make_room()
            return conversation.head

    def get(
        self,
        owner: str,
        conversation_id: str,
        *,
        last: int | None = None,
        with_siblings: bool = True,  # noqa: ARG002  # they cost nothing here
    ) -> Conversation:
        with self._lock:
            return self._conversation(owner, conversation_id).as_seen(last)

    def tree(self, owner: str, conversation_id: str) -> tuple[Turn, ...]:
        with self._lock:
            return tuple(self._conversation(owner, conversation_id).visible().values())

    def turn(self, owner: str, turn_id: str) -> tuple[str, Turn]:
        with self._lock:
            conversation = self._conversation_with_turn(owner, turn_id)
            return conversation.head.id, conversation.turns[turn_id]

    def path(self, owner: str, turn_id: str) -> tuple[Turn, ...]:
        with self._lock:
            return branch(self._conversation_with_turn(owner, turn_id).visible(), turn_id)

    def append(
        self,
        owner: str,
        conversation_id: str,
        turns: Sequence[Turn],
        *,
        only_after: str | None,
        requests: Mapping[str, SentRequest] | None = None,
        process_id: str | None = None,  # noqa: ARG002  # it can only be this one
        variables: Mapping[str, str] | None = None,
    ) -> bool:
        with self._lock:
            conversation = self._conversation(owner, conversation_id)
            if conversation.head.leaf_id != only_after:
                return False
            conversation.add(turns, requests or {})
            conversation.give(variables or {})
            self._places |= {turn.id: conversation.head.id for turn in turns}
            self._conversations.move_to_end(conversation_id)
            return True

    def show(self, owner: str, conversation_id: str, turn_id: str | None) -> None:
        with self._lock:
            conversation = self._conversation(owner, conversation_id)
            if turn_id is not None and turn_id not in conversation.visible():
                raise no_such_turn()
            conversation.head = replace(conversation.head, leaf_id=turn_id)

    def show_branch(self, owner: str, conversation_id: str, turn_id: str) -> None:
        with self._lock:
            conversation = self._conversation(owner, conversation_id)
            if turn_id not in conversation.visible():
                raise no_such_turn()
            conversation.head = replace(conversation.head, leaf_id=conversation.newest_below(turn_id))

    def request(self, owner: str, turn_id: str) -> SentRequest | None:
        with self._lock:
            return self._conversation_with_turn(owner, turn_id).requests.get(turn_id)

    def rate(self, owner: str, turn_id: str, rating: Rating | None, *, note: str = "") -> None:
        with self._lock:
            conversation = self._conversation_with_turn(owner, turn_id)
            conversation.turns[turn_id] = replace(
                conversation.turns[turn_id], rating=rating, rating_note=note
            )

    def delete_turn(self, owner: str, turn_id: str) -> str | None:
        with self._lock:
            conversation = self._conversation_with_turn(owner, turn_id)
            turn, before = conversation.turns[turn_id], conversation.head.leaf_id
            on_path = any(
                visible_turn.id == turn_id for visible_turn in branch(conversation.visible(), before)
            )
            conversation.deleted.add(turn_id)
            if on_path:
                others = [
                    other.id for other in conversation.visible().values() if other.parent_id == turn.parent_id
                ]
                leaf_id = conversation.newest_below(others[-1]) if others else turn.parent_id
                conversation.head = replace(conversation.head, leaf_id=leaf_id)
            return before

    def restore_turn(self, owner: str, turn_id: str, *, leaf_id: str | None) -> None:
        with self._lock:
            conversation = self._conversation_with_turn(owner, turn_id, deleted=True)
            hidden = conversation.deleted - {turn_id}
            if leaf_id is not None and leaf_id not in conversation.visible(but=hidden):
                raise no_such_turn()
            conversation.deleted = hidden
            conversation.head = replace(conversation.head, leaf_id=leaf_id)

    def give(self, owner: str, conversation_id: str, variables: Mapping[str, str]) -> None:
        with self._lock:
            self._conversation(owner, conversation_id).give(variables)

    def adjust(self, owner: str, conversation_id: str, settings: Mapping[str, Any]) -> None:
        with self._lock:
            conversation = self._conversation(owner, conversation_id)
            conversation.head = replace(conversation.head, settings=dict(settings))

    def keep(self, owner: str, conversation_id: str) -> None:
        with self._lock:
            conversation = self._conversation(owner, conversation_id)
            conversation.head = replace(conversation.head, durable=True)

    def queue(self, owner: str, conversation_id: str, message: QueuedMessage) -> None:
        with self._lock:
            conversation = self._conversation(owner, conversation_id)
            queue = conversation.head.queue
            conversation.head = replace(conversation.head, queue=(*queue, message))

    def unqueue(
        self, owner: str, conversation_id: str, message_id: str | None = None
    ) -> QueuedMessage | None:
        with self._lock:
            conversation = self._conversation(owner, conversation_id)
            queued_id = message_id or (conversation.head.queue[0].id if conversation.head.queue else None)
            queued_message = next(
                (message for message in conversation.head.queue if message.id == queued_id), None
            )
            conversation.head = replace(
                conversation.head, queue=tuple(m for m in conversation.head.queue if m.id != queued_id)
            )
            return queued_message

    def waiting(self, owner: str, conversation_id: str) -> tuple[QueuedMessage, ...]:
        with self._lock:
            return self._conversation(owner, conversation_id).head.queue

    def discard(self, owner: str, conversation_id: str) -> None:
        with self._lock:
            conversation = self._conversations.get(conversation_id)
            if conversation is not None and conversation.head.owner == owner:
                self._forget(conversation_id)

    def write_reply(self, turn_id: str, reply: Reply) -> None:
        """Put a reply into its turn as it is now; a deleted turn is no error."""
        with self._lock:
            conversation_id = self._places.get(turn_id)
            if conversation_id is not None:
                turns = self._conversations[conversation_id].turns
                turns[turn_id] = replace(turns[turn_id], reply=reply)

    def _conversation(self, owner: str, conversation_id: str) -> HeldConversation:
        conversation = self._conversations.get(conversation_id)
        if conversation is None or conversation.head.owner != owner:
            raise no_such_conversation()
        return conversation

    def _conversation_with_turn(self, owner: str, turn_id: str, *, deleted: bool = False) -> HeldConversation:
        conversation = self._conversations.get(self._places.get(turn_id, ""))
        if conversation is None or conversation.head.owner != owner:
            raise no_such_turn()
        if not deleted and turn_id not in conversation.visible():
            raise no_such_turn()
        return conversation

    def _forget(self, conversation_id: str) -> None:
        for turn_id in self._conversations.pop(conversation_id).turns:
            del self._places[turn_id]

    def _make_room(self) -> None:
        excess = len(self._conversations) - self._capacity
        if excess > 0:
            idle = [
                conversation_id
                for conversation_id, conversation in self._conversations.items()
                if not any(turn.reply and turn.reply.live for turn in conversation.turns.values())
            ]
            for conversation_id in idle[:excess]:
                self._forget(conversation_id)
