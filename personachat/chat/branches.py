"""Branches: what an owner can do with existing turns.

Nothing is overwritten. Another reply or an edited message becomes a sibling, and deleting hides a branch.
Errors are those of ChatService.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from personachat.accounts.audit import UNTRACED, Trail
from personachat.chat.starter import ReplyOptions, ReplyStarter
from personachat.chat.turns import cleaned, turn_like
from personachat.conversations.model import Conversation, Rating, SentRequest, Turn
from personachat.errors import ReplyInProgress, ReplyNotFound
from personachat.messages import storable
from personachat.personas.store.base import PersonaSource
from personachat.replies.live import LiveReply
from personachat.stamps import new_id
from personachat.usage.model import Surface

MAX_NOTE_CHARACTERS = 2_000


class Branches:
    """One owner's branches. Safe for threads; cheap to create."""

    def __init__(
        self,
        answers: ReplyStarter,
        *,
        owner: str,
        personas: PersonaSource | None = None,
        surface: Surface = "page",
        trail: Trail = UNTRACED,
    ) -> None:
        """`personas` are the ones that may answer, if that isn't every persona.

        `trail` records that messages were deleted, and in which conversation.
        """
        self._answers = answers
        self._personas = personas or answers.personas
        self._conversations = answers.conversations
        self._owner = owner
        self._surface = surface
        self._trail = trail

    def tree(self, conversation_id: str) -> tuple[Turn, ...]:
        """Every turn of every branch, parents first, with live replies as they are now."""
        return self._conversations.tree(self._owner, conversation_id)

    def regenerate(
        self,
        turn_id: str,
        *,
        persona_id: str | None = None,
        model: str | None = None,
        offline: bool = False,
    ) -> LiveReply:
        """Generate another reply beside this one.

        `persona_id` answers, or the reply's own persona; with `model`, or else with that persona's model.
        """
        conversation, turn = self._idle_with(turn_id)
        if turn.role != "assistant" or turn.parent_id is None:
            raise ReplyNotFound("This message is not a reply.")
        return self._answers.answer(
            conversation,
            new_turns=[],
            path=self._conversations.path(self._owner, turn.parent_id),
            persona=self._personas.get(persona_id or turn.persona_address),
            asking=ReplyOptions(offline=offline, model=model, surface=self._surface),
        )

    def edit(self, turn_id: str, text: str, *, offline: bool = False) -> LiveReply | None:
        """Put an edited copy beside a turn. A user's message is answered, and the new reply is returned."""
        text = cleaned(text)
        conversation, turn = self._idle_with(turn_id)
        changed = turn_like(turn, text)
        if turn.role == "user":
            return self._answers.answer(
                conversation,
                new_turns=[changed],
                path=[*self._conversations.path(self._owner, turn.parent_id), changed],
                persona=self._personas.get(turn.persona_address),
                asking=ReplyOptions(offline=offline, surface=self._surface),
            )
        store = self._conversations.store_of(conversation.id)
        if not store.append(self._owner, conversation.id, [changed], only_after=conversation.leaf_id):
            raise ReplyInProgress("This conversation was just continued in another window.")
        return None

    def fork(self, turn_id: str) -> Conversation:
        """Copy the turns down to this one into a new conversation."""
        path = self._conversations.path(self._owner, turn_id)
        store = self._conversations.store_with(turn_id)
        conversation_id, _ = store.turn(self._owner, turn_id)
        head = store.get(self._owner, conversation_id, last=1, with_siblings=False)
        copies, requests = copied(path, lambda turn_id: store.request(self._owner, turn_id))
        forked = store.create(
            self._owner,
            turns=copies,
            requests=requests,
            variables=head.variables,
            settings=head.settings,
        )
        return store.get(self._owner, forked.id)

    def show_sibling(self, turn_id: str) -> None:
        """Make the branch of this turn the active one, down to its newest turn."""
        store = self._conversations.store_with(turn_id)
        conversation_id, _ = store.turn(self._owner, turn_id)
        store.show_branch(self._owner, conversation_id, turn_id)

    def delete_turn(self, turn_id: str) -> str | None:
        """Hide a turn and everything below it. A live reply below it is stopped.

        Returns what `restore_turn` needs to undo it.
        """
        store = self._conversations.store_with(turn_id)
        conversation_id, _ = store.turn(self._owner, turn_id)
        conversation = store.get(self._owner, conversation_id)
        if any(turn.id == turn_id for turn in conversation.path):
            live_reply = self._conversations.live(conversation)
            if live_reply:
                live_reply.stop()
        leaf_id = store.delete_turn(self._owner, turn_id)
        if not conversation.temporary:
            where = {"conversation": conversation_id}
            self._trail.note("deleted", kind="message", target=turn_id, before=where)
        return leaf_id

    def restore_turn(self, turn_id: str, leaf_id: str | None) -> None:
        """Undo `delete_turn`."""
        self._conversations.store_with(turn_id).restore_turn(self._owner, turn_id, leaf_id=leaf_id)

    def rate(self, turn_id: str, rating: Rating | None, *, note: str = "") -> None:
        """Rate a reply, with a note if you like; None removes the rating."""
        note = storable(note).strip()[:MAX_NOTE_CHARACTERS]
        self._conversations.store_with(turn_id).rate(self._owner, turn_id, rating, note=note)

    def _idle_with(self, turn_id: str) -> tuple[Conversation, Turn]:
        conversation_id, turn = self._conversations.store_with(turn_id).turn(self._owner, turn_id)
        return self._conversations.idle(self._owner, conversation_id, last=1), turn


def copied(
    path: Sequence[Turn], request_of: Callable[[str], SentRequest | None]
) -> tuple[list[Turn], dict[str, SentRequest]]:
    """Copies of a path's turns, and the request sent for each. A live reply is copied as stopped."""
    requests: dict[str, SentRequest] = {}
    copies: list[Turn] = []
    for turn in path:
        parent_id = copies[-1].id if copies else None
        copies.append(replace(turn, id=new_id(), parent_id=parent_id))
        if turn.reply:
            if turn.reply.live:
                copies[-1] = replace(copies[-1], reply=replace(turn.reply, state="stopped"))
            request = request_of(turn.id)
            requests |= {copies[-1].id: request} if request else {}
    return copies, requests
