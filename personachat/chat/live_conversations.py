"""Conversations as they are now: what is stored, plus the text of live replies of any process.

Replies that a dead process left running are ended on the way. Ids that are unknown or belong to someone else
raise ConversationNotFound, TurnNotFound or ReplyNotFound.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

from personachat.chat.checkpoints import Checkpoints
from personachat.conversations.base import ConversationStore, ReplyRecords
from personachat.conversations.memory import MemoryConversations
from personachat.conversations.model import Conversation, Reply, Turn
from personachat.errors import ReplyInProgress, ReplyNotFound, TurnNotFound
from personachat.replies.live import LiveReply
from personachat.replies.runner import ReplyRunner


class CurrentConversations:
    """Safe for threads. One per process."""

    def __init__(
        self,
        *,
        store: ConversationStore,
        temporary: MemoryConversations,
        records: ReplyRecords,
        runner: ReplyRunner,
        checkpoints: Checkpoints,
    ) -> None:
        self._store = store
        self.temporary = temporary
        self._records = records
        self._runner = runner
        self._checkpoints = checkpoints
        self.sending = threading.RLock()
        """Locked while turns are added and their reply starts, so that nobody sees one without the other."""

    def store_for(self, *, temporary: bool) -> ConversationStore:
        """The store for a new conversation."""
        return self.temporary if temporary else self._store

    def store_of(self, conversation_id: str) -> ConversationStore:
        """The store that has a conversation, if any."""
        return self.store_for(temporary=conversation_id in self.temporary)

    def store_with(self, turn_id: str) -> ConversationStore:
        """The store that has a turn, if any."""
        return self.store_for(temporary=self.temporary.has_turn(turn_id))

    def get(
        self, owner: str, conversation_id: str, *, last: int | None = None, with_siblings: bool = True
    ) -> Conversation:
        """The conversation as it is now, with the text of live replies.

        Replies of dead processes are ended first.
        """
        store = self.store_of(conversation_id)
        conversation = self._current(
            store.get(owner, conversation_id, last=last, with_siblings=with_siblings)
        )
        if any(turn.reply and turn.reply.live and not self._find(turn.id) for turn in conversation.path):
            self._records.interrupt()
            conversation = self._current(
                store.get(owner, conversation_id, last=last, with_siblings=with_siblings)
            )
        return conversation

    def path(self, owner: str, turn_id: str | None) -> tuple[Turn, ...]:
        """The turns down to this one, with the text of live replies; none for None."""
        if turn_id is None:
            return ()
        return self._with_snapshots(self.store_with(turn_id).path(owner, turn_id))

    def live_reply(self, owner: str, reply_id: str) -> LiveReply:
        """The reply of a turn: running here or in another process, or ended, however long ago.

        Raises ReplyNotFound.
        """
        try:
            conversation_id, turn = self.store_with(reply_id).turn(owner, reply_id)
        except TurnNotFound:
            raise _no_such_reply() from None
        live_reply = self._find(reply_id)
        if live_reply is not None:
            return live_reply
        record = self._records.look(reply_id)
        if turn.reply is None or record is None:
            raise _no_such_reply()
        if record[0].live and (reply_id in self._records.interrupt() or self._abandoned(reply_id)):
            record = self._records.look(reply_id) or record
        reply, journal = record
        if not reply.live:
            return LiveReply.ended(
                reply_id, reply, journal, conversation_id=conversation_id, persona_id=turn.persona_id
            )
        mirror = LiveReply(
            reply_id, first=Reply(), conversation_id=conversation_id, persona_id=turn.persona_id
        )
        return self._runner.start(mirror, self._checkpoints.mirrored(mirror))

    def live_reply_in(self, conversation: Conversation, reply_id: str) -> LiveReply:
        """The reply of a turn on the path of a conversation, which was read for its owner."""
        return self._find(reply_id) or self.live_reply(conversation.owner, reply_id)

    def tree(self, owner: str, conversation_id: str) -> tuple[Turn, ...]:
        """Every turn of every branch, with the text of live replies."""
        return self._with_snapshots(self.store_of(conversation_id).tree(owner, conversation_id))

    def idle(
        self,
        owner: str,
        conversation_id: str,
        *,
        last: int | None = None,
        conversation: Conversation | None = None,
    ) -> Conversation:
        """The conversation without siblings, ready for another reply. Raises ReplyInProgress.

        A caller that has just read it passes it, and it isn't read again.
        """
        conversation = conversation or self.get(owner, conversation_id, last=last, with_siblings=False)
        if self.live(conversation):
            raise ReplyInProgress(
                "A reply to this conversation is still being written.",
                hint="Wait for it to finish, or stop it.",
            )
        return conversation

    def live(self, conversation: Conversation) -> LiveReply | None:
        """The reply that is being streamed into a conversation, if any; a paused one counts."""
        leaf = conversation.leaf
        if leaf is None or leaf.reply is None or not leaf.reply.live:
            return None
        live_reply = self.live_reply_in(conversation, leaf.id)
        return live_reply if live_reply.live else None

    def _find(self, reply_id: str) -> LiveReply | None:
        """The reply as this process has it, if no other process can know more of it."""
        live_reply = self._runner.find(reply_id)
        if live_reply is None:
            with self.sending:  # it may be about to start
                live_reply = self._runner.find(reply_id)
        if live_reply is None or live_reply.live:
            return live_reply
        newest = self.temporary.has_turn(reply_id) or self._checkpoints.is_watched(reply_id)
        return live_reply if newest else None  # once its end is written, another process may continue it

    def _abandoned(self, reply_id: str) -> bool:
        """Whether a live reply belonged to this process and nobody generates it; then it is ended.

        This happens when the connection to the database is lost just after it wrote something.
        """
        with self.sending:
            if self._runner.find(reply_id) or self._checkpoints.is_watched(reply_id):
                return False
            return self._records.abandon(reply_id, process_id=self._checkpoints.process_id)

    def _current(self, conversation: Conversation) -> Conversation:
        path = self._with_snapshots(conversation.path)
        turn_ids = {turn.id for turn in path}  # a queued message becomes a turn before it leaves the queue
        waiting = tuple(message for message in conversation.queue if message.id not in turn_ids)
        return replace(conversation, path=path, queue=waiting)

    def _with_snapshots(self, path: Sequence[Turn]) -> tuple[Turn, ...]:
        return tuple(self._with_snapshot(turn) if turn.reply and turn.reply.live else turn for turn in path)

    def _with_snapshot(self, turn: Turn) -> Turn:
        live_reply = self._find(turn.id)
        return replace(turn, reply=live_reply.snapshot()) if live_reply else turn


def _no_such_reply() -> ReplyNotFound:
    return ReplyNotFound("This reply no longer exists.")
