"""Answers: starts, finds and finishes the replies of every conversation of this process.

A user's words and an empty reply are committed before anything is asked of a provider, so whatever fails
afterwards fails as a reply under them, with its reason. A reply's end is recorded off the page's path.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from personachat.checkpoints import Checkpoints
from personachat.conversations.base import ConversationStore, ReplyRecords
from personachat.conversations.memory import MemoryConversations
from personachat.conversations.model import Conversation, Reply, Turn, new_id, now
from personachat.errors import NotContinuable, ReplyInProgress, ReplyNotFound, TurnNotFound
from personachat.generation import Generation
from personachat.generations import Generations
from personachat.persona import Persona
from personachat.replies import Plan, Replies
from personachat.store.base import PersonaStore, StoredPersona

Speaker: TypeAlias = Literal["user", "assistant"]


@dataclass(frozen=True, slots=True)
class Asking:
    """Who is to answer, beyond what the persona says."""

    offline: bool = False
    model: str | None = None
    """Instead of the persona's own."""


class Answers:
    """Safe for threads. One a process."""

    def __init__(
        self,
        *,
        personas: PersonaStore,
        stored: ConversationStore,
        temporary: MemoryConversations,
        records: ReplyRecords,
        replies: Replies,
        generations: Generations,
        checkpoints: Checkpoints,
    ) -> None:
        self.personas = personas
        self.replies = replies
        self.temporary = temporary
        self._stored = stored
        self._records = records
        self._generations = generations
        self._checkpoints = checkpoints
        self.sending = threading.RLock()
        """Held while turns are added and their reply starts, so that nobody sees one without the other."""
        self.when_done: Callable[[str, str], object] = lambda *_: None
        """Called with owner and conversation after a reply has ended well and that was recorded."""

    def store_of(self, conversation_id: str) -> ConversationStore:
        return self.temporary if conversation_id in self.temporary else self._stored

    def store_with(self, turn_id: str) -> ConversationStore:
        return self.temporary if self.temporary.has_turn(turn_id) else self._stored

    def create(self, owner: str, *, kept: bool, temporary: bool) -> Conversation:
        store: ConversationStore = self.temporary if temporary else self._stored
        return store.create(owner, kept=kept)

    def conversation(self, owner: str, conversation_id: str, *, last: int | None = None) -> Conversation:
        """The conversation as it is now: the text of live replies included, those of dead processes ended."""
        store = self.store_of(conversation_id)
        found = self._current(store.get(owner, conversation_id, last=last))
        if any(turn.reply and turn.reply.live and not self._find(turn.id) for turn in found.path):
            self._records.interrupt()
            found = self._current(store.get(owner, conversation_id, last=last))
        return found

    def path(self, owner: str, turn_id: str | None) -> tuple[Turn, ...]:
        """The turns down to this one, with the text of live replies; none for None."""
        if turn_id is None:
            return ()
        return self._with_snapshots(self.store_with(turn_id).path(owner, turn_id))

    def generation(self, owner: str, reply_id: str) -> Generation:
        """The reply of a turn: running here or in another process, or ended, however long ago.

        Raises ReplyNotFound.
        """
        try:
            conversation_id, turn = self.store_with(reply_id).turn(owner, reply_id)
        except TurnNotFound:
            raise _no_such_reply() from None
        found = self._find(reply_id)
        if found is not None:
            return found
        stored = self._records.look(reply_id)
        if turn.reply is None or stored is None:
            raise _no_such_reply()
        if stored[0].live and reply_id in self._records.interrupt():
            stored = self._records.look(reply_id) or stored
        reply, journal = stored
        if not reply.live:
            return Generation.ended(
                reply_id, reply, journal, conversation_id=conversation_id, persona_id=turn.persona_id
            )
        mirror = Generation(
            reply_id, first=Reply(), conversation_id=conversation_id, persona_id=turn.persona_id
        )
        return self._generations.start(mirror, self._checkpoints.mirrored(mirror))

    def generation_in(self, conversation: Conversation, reply_id: str) -> Generation:
        """The reply of a turn on the path of a conversation, which was read for its owner."""
        return self._find(reply_id) or self.generation(conversation.owner, reply_id)

    def tree(self, owner: str, conversation_id: str) -> tuple[Turn, ...]:
        """Every turn of every branch, with the text of live replies."""
        return self._with_snapshots(self.store_of(conversation_id).tree(owner, conversation_id))

    def idle(self, owner: str, conversation_id: str, *, last: int | None = None) -> Conversation:
        """The conversation, ready for another reply. Raises ReplyInProgress."""
        conversation = self.conversation(owner, conversation_id, last=last)
        if self.live(conversation):
            raise ReplyInProgress(
                "This conversation is still being answered.", hint="Wait for it, or stop it."
            )
        return conversation

    def live(self, conversation: Conversation) -> Generation | None:
        """The reply that is being streamed into a conversation, if any; a paused one counts."""
        leaf = conversation.leaf
        if leaf is None or leaf.reply is None or not leaf.reply.live:
            return None
        found = self.generation_in(conversation, leaf.id)
        return found if found.live else None

    def answer(
        self,
        conversation: Conversation,
        *,
        said: Sequence[Turn],
        path: Sequence[Turn],
        persona: StoredPersona,
        asking: Asking,
    ) -> Generation:
        """Add `said` (which end `path`, the turns to be answered) and the reply to them.

        Raises ReplyInProgress where the conversation has gone on since it was read.
        """
        plan = self.replies.plan(persona.persona, path, offline=asking.offline, model=asking.model)
        turn = _reply_turn(path[-1], plan, persona)
        with self.sending:
            added = self.store_of(conversation.id).append(
                conversation.owner,
                conversation.id,
                [*said, turn],
                only_after=conversation.leaf_id,
                requests={turn.id: plan.request} if plan.request else None,
                process_id=self._checkpoints.process_id,
            )
            if not added:
                raise ReplyInProgress(
                    "This conversation has just gone on in another window.", hint="Send it again."
                )
            return self._start(_generation(turn, plan, conversation), plan, conversation)

    def begin(
        self,
        owner: str,
        *,
        kept: bool,
        temporary: bool,
        said: Sequence[Turn],
        persona: StoredPersona,
        asking: Asking,
    ) -> Generation:
        """A new conversation with `said` and the reply to it."""
        plan = self.replies.plan(persona.persona, said, offline=asking.offline, model=asking.model)
        turn = _reply_turn(said[-1], plan, persona)
        store: ConversationStore = self.temporary if temporary else self._stored
        with self.sending:
            conversation = store.create(
                owner,
                kept=kept,
                turns=[*said, turn],
                requests={turn.id: plan.request} if plan.request else None,
                process_id=self._checkpoints.process_id,
            )
            return self._start(_generation(turn, plan, conversation), plan, conversation)

    def go_on(
        self,
        conversation: Conversation,
        turn: Turn,
        *,
        path: Sequence[Turn],
        persona: Persona,
        asking: Asking,
    ) -> Generation:
        """Extend a reply that ended before the model was done; `path` is what it answers.

        Raises NotContinuable, and ReplyInProgress where somebody else was quicker.
        """
        with self.sending:
            earlier = self.generation(conversation.owner, turn.id)
            reply = earlier.snapshot()
            if not reply.continuable:
                raise NotContinuable("This reply has come to its end.", hint="Ask for more in a message.")
            if not conversation.temporary:
                # its end may still be on its way to the database
                self._checkpoints.flush(timeout_seconds=5, live=False)
                if not self._records.claim(turn.id, process_id=self._checkpoints.process_id):
                    raise ReplyInProgress("This reply is just being continued in another window.")
            plan = self.replies.plan(persona, path, offline=asking.offline, model=asking.model)
            generation = Generation.continued(earlier, first=plan.first, kept=conversation.kept)
            return self._start(generation, plan, conversation)

    def _start(self, generation: Generation, plan: Plan, conversation: Conversation) -> Generation:
        # It is remembered with the generation, so it must not hold the conversation as it was.
        owner, conversation_id, temporary = conversation.owner, conversation.id, conversation.temporary

        def then() -> None:
            if generation.state in {"finished", "stopped"}:
                self.when_done(owner, conversation_id)

        def ended(generation: Generation) -> None:
            if temporary:
                self.temporary.write_reply(generation.id, generation.snapshot())
                then()
            else:
                self._checkpoints.ended(generation, then=then)

        if not temporary:
            self._checkpoints.watch(generation)
        return self._generations.start(generation, plan.events, on_ended=ended)

    def _find(self, reply_id: str) -> Generation | None:
        """The reply as this process has it, where nobody can know more of it."""
        found = self._generations.find(reply_id)
        if found is None:
            with self.sending:  # it may be just about to start
                found = self._generations.find(reply_id)
        if found is None or found.live:
            return found
        newest = self.temporary.has_turn(reply_id) or self._checkpoints.is_watched(reply_id)
        return found if newest else None  # once its end is written another process may go on with it

    def _current(self, found: Conversation) -> Conversation:
        path = self._with_snapshots(found.path)
        said = {turn.id for turn in path}  # a queued message becomes a turn before it leaves the queue
        waiting = tuple(message for message in found.queue if message.id not in said)
        return replace(found, path=path, queue=waiting)

    def _with_snapshots(self, path: Sequence[Turn]) -> tuple[Turn, ...]:
        return tuple(self._with_snapshot(turn) if turn.reply and turn.reply.live else turn for turn in path)

    def _with_snapshot(self, turn: Turn) -> Turn:
        generation = self._find(turn.id)
        return replace(turn, reply=generation.snapshot()) if generation else turn


def new_turn(role: Speaker, content: str, *, parent_id: str | None, persona: StoredPersona) -> Turn:
    """A turn of now."""
    return Turn(
        id=new_id(),
        parent_id=parent_id,
        role=role,
        content=content,
        persona_id=persona.id,
        persona_name=persona.persona.name,
        avatar=persona.persona.avatar,
        persona_revision=persona.etag,
    )


def _reply_turn(asked: Turn, plan: Plan, persona: StoredPersona) -> Turn:
    return replace(new_turn("assistant", "", parent_id=asked.id, persona=persona), reply=plan.first)


def _generation(turn: Turn, plan: Plan, conversation: Conversation) -> Generation:
    return Generation(
        turn.id,
        kept=conversation.kept,
        first=plan.first,
        conversation_id=conversation.id,
        persona_id=turn.persona_id,
    )


def turn_like(turn: Turn, text: str) -> Turn:
    """The same turn with other words: the person's own, not generated."""
    return replace(
        turn,
        id=new_id(),
        content=text,
        reply=None,
        edited=True,
        rating=None,
        rating_note="",
        created_at=now(),
    )


def _no_such_reply() -> ReplyNotFound:
    return ReplyNotFound("This reply does not exist, or no longer.")
