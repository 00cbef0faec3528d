"""Rounds: a message to all variants of a comparison, and replies that are requested again.

The highest possible cost of all calls is reserved before the first of them is made: all columns or none.
"""

from __future__ import annotations

import random
from contextlib import suppress

from personachat.accounts.persona_rights import PersonaRights
from personachat.chat.service import ChatService
from personachat.chat.starter import ReplyStarter
from personachat.chat.tryout import OnlyDraft
from personachat.errors import ComparisonInvalid, PersonaChatError, ReplyInProgress, TurnNotFound, VoteRefused
from personachat.lab.comparisons.answers import answers_of
from personachat.lab.comparisons.columns import asked_again, last_round
from personachat.lab.comparisons.model import MOST_ROUNDS, Comparison, Round, Variant
from personachat.lab.comparisons.spending import Spending
from personachat.lab.comparisons.store import SqlComparisons
from personachat.lab.comparisons.variants import refuse_lost
from personachat.owners import comparing
from personachat.personas.persona import parse_persona
from personachat.personas.store.base import StoredPersona
from personachat.replies.live import LiveReply
from personachat.stamps import new_id
from personachat.usage.model import Surface


class Rounds:
    """The rounds of one owner's comparisons; cheap to create."""

    def __init__(
        self,
        answers: ReplyStarter,
        store: SqlComparisons,
        spending: Spending,
        *,
        owner: str,
        surface: Surface,
        rights: PersonaRights | None,
    ) -> None:
        self._answers = answers
        self._conversations = answers.conversations
        self._store = store
        self._spending = spending
        self._owner = owner
        self._kept_under = comparing(owner)
        self._surface = surface
        self._rights = rights

    def send(
        self, comparison_id: str, message: str, *, waited: bool = False, sending_id: str | None = None
    ) -> list[LiveReply]:
        """Send an admitted message; returns the replies. Raises what `Comparisons.send` raises.

        With a `sending_id`, only while that sending of the list continues.
        """
        comparison = self._with_conversations(self._store.get(self._owner, comparison_id))
        if len(comparison.rounds) >= MOST_ROUNDS:
            raise ComparisonInvalid(
                f"A comparison has at most {MOST_ROUNDS} messages.", hint="Start a new one."
            )
        if comparison.hidden and comparison.most_cost_usd is not None:
            # Whether messages of some length fit would reveal what the replies used.
            raise VoteRefused(
                "With a limit, the next message can't be sent until you vote.",
                hint="Vote, or show the names, first.",
            )
        refuse_lost(comparison.variants, self._rights)
        if self.live_replies(comparison):
            raise ReplyInProgress(
                "Replies to the message before are still being written.",
                hint="Wait for them to finish, or stop them.",
            )
        ids = [each.id for each in comparison.variants]
        if comparison.blind:
            random.SystemRandom().shuffle(ids)
        number = len(comparison.rounds) + 1
        added = Round(new_id(), number, message, tuple(ids), {each: new_id() for each in ids})
        with self._spending.reserved(comparison, [(each, message) for each in comparison.variants]):
            if not self._store.add_round(
                self._owner, comparison.id, added, waited=waited, sending_id=sending_id
            ):
                raise ReplyInProgress("This comparison was just continued in another window.")
            replies = []
            for variant in comparison.variants:
                with suppress(PersonaChatError):  # its column says that nothing came, and has Ask again
                    replies.append(self._send(comparison, variant, added))
            return replies

    def retry(self, comparison_id: str, letter: str) -> None:
        """Request a reply to the last message again. Raises what `Comparisons.retry` raises."""
        comparison = self._store.get(self._owner, comparison_id)
        one = last_round(comparison)
        turns = answers_of(comparison, self._conversations, kept_under=self._kept_under)[one.id]
        variants = asked_again(comparison, one, turns, letter)
        refuse_lost(variants, self._rights)
        requests = [(each, None if each.id in turns else one.message) for each in variants]
        with self._spending.reserved(comparison, requests):
            for variant in variants:
                if variant.id in turns:
                    self._chat(comparison, variant).retry(variant.conversation_id or "")
                else:
                    self._again(comparison, variant, one)

    def live_replies(self, comparison: Comparison) -> list[LiveReply]:
        """The replies to the last message that are running or paused."""
        if not comparison.rounds:
            return []
        turns = answers_of(comparison, self._conversations, kept_under=self._kept_under)
        replies = [
            self._conversations.live_reply(self._kept_under, turn.id)
            for turn in turns[comparison.rounds[-1].id].values()
            if turn.reply and turn.reply.live
        ]
        return [each for each in replies if each.live]

    def _send(self, comparison: Comparison, variant: Variant, one: Round) -> LiveReply:
        return self._chat(comparison, variant).send(
            variant.conversation_id or "",
            one.message,
            persona_id=variant.persona_id,
            turn_id=one.asked[variant.id],
        )

    def _again(self, comparison: Comparison, variant: Variant, one: Round) -> None:
        """Request a reply that couldn't be started."""
        chat = self._chat(comparison, variant)
        try:
            chat.turn(one.asked[variant.id])
        except TurnNotFound:
            self._send(comparison, variant, one)
        else:
            chat.retry(variant.conversation_id or "")

    def _chat(self, comparison: Comparison, variant: Variant) -> ChatService:
        """Chats in which this variant answers, whichever persona is named."""
        only = OnlyDraft(StoredPersona(parse_persona(variant.text), variant.text, variant.etag))
        return ChatService(
            self._answers,
            owner=self._kept_under,
            personas=only,
            surface=self._surface,
            purpose="comparison",
            comparison_id=comparison.id,
        )

    def _with_conversations(self, comparison: Comparison) -> Comparison:
        """Every variant with a conversation of its own."""
        missing = [each for each in comparison.variants if each.conversation_id is None]
        for variant in missing:
            conversation = self._conversations.store_for(temporary=False).create(self._kept_under)
            self._store.keep_conversation(variant.id, conversation.id)
        return self._store.get(self._owner, comparison.id) if missing else comparison
