"""Comparisons: what one owner compares. Replies belong to the engine; here they are begun, found and judged.

A round is recorded before anything is sent, with the id that the message has in each variant's conversation,
so every reply can be found under its variant from before its first word on, whatever happens next.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from types import MappingProxyType

from personachat.accounts.permitted_personas import PermittedLabels
from personachat.accounts.persona_rights import PersonaRights
from personachat.chat.branches import copied
from personachat.chat.service import ChatService
from personachat.chat.starter import ReplyStarter
from personachat.chat.tryout import OnlyDraft
from personachat.chat.turns import cleaned
from personachat.conversations.titles import title_of
from personachat.database.connection import Database
from personachat.errors import (
    ComparisonInvalid,
    MessageInvalid,
    PersonaChatError,
    ReplyInProgress,
    ReplyNotFound,
    ShuttingDown,
    TurnNotFound,
    VoteRefused,
)
from personachat.history.organizing import title_kept
from personachat.lab.comparisons import exporting
from personachat.lab.comparisons.answers import answers_of
from personachat.lab.comparisons.columns import (
    column_of,
    last_round,
    numbered_round,
    refuse_to_repeat,
    why_not_counted,
)
from personachat.lab.comparisons.continuing import Continued, who_goes_on
from personachat.lab.comparisons.model import (
    LETTERS,
    MOST_ROUNDS,
    Comparison,
    ListedComparison,
    Round,
    Setup,
    Variant,
    Verdict,
    Vote,
)
from personachat.lab.comparisons.overall import OverallVotes
from personachat.lab.comparisons.question_sets import QuestionSets
from personachat.lab.comparisons.seen import Answers, SeenComparison, seen
from personachat.lab.comparisons.spending import Spending, limit_kept
from personachat.lab.comparisons.store import SqlComparisons
from personachat.lab.comparisons.variants import refuse_lost, variants_of
from personachat.messages import ChatMessage, storable
from personachat.owners import comparing
from personachat.personas.persona import parse_persona
from personachat.personas.store.base import PersonaSource, Revisions, StoredPersona
from personachat.replies.live import LiveReply
from personachat.stamps import new_id, now
from personachat.usage.model import Surface

MOST_SOUGHT = 200
NO_WINNER: Mapping[str, Verdict] = MappingProxyType({"tie": "tie", "both_bad": "both_bad"})


class Comparisons:
    """Safe for threads; cheap to make. Methods raise ComparisonNotFound and what `Database` raises."""

    def __init__(  # noqa: PLR0913  # what it is made of
        self,
        answers: ReplyStarter,
        database: Database,
        *,
        personas: PersonaSource,
        revisions: Revisions,
        owner: str,
        surface: Surface = "page",
        settle: Callable[[], object] = lambda: None,
        rights: PersonaRights | None = None,
        labels: PermittedLabels | None = None,
    ) -> None:
        """`settle` writes the replies that have ended, and is called before replies are read.

        `rights` say whether its owner may know of other people's votes; without them they may not.
        """
        self._answers = answers
        self._conversations = answers.conversations
        self._store = SqlComparisons(database)
        self._personas = personas
        self._revisions = revisions
        self._owner = owner
        self._kept_under = comparing(owner)
        self._surface = surface
        self._settle = settle
        self._labels = labels
        self._rights = rights
        self._spending = Spending(answers, kept_under=self._kept_under)
        self.questions = QuestionSets(database, owner=owner)
        self.overall = OverallVotes(self._store, self.questions, personas, owner=owner, rights=rights)

    # --- beginning and going on -------------------------------------------------------------------

    def begin(
        self,
        setups: Sequence[Setup],
        message: str,
        *,
        blind: bool = False,
        waiting: Sequence[str] = (),
        most_cost_usd: float | None = None,
    ) -> str:
        """A new comparison, and its first message to every variant; returns its id.

        Those that are `waiting` are kept for `send_next`. Nothing is ever asked of it that could make it
        cost more than `most_cost_usd`.

        Raises MessageInvalid, ShuttingDown, CostLimitReached, and as `variants_of`; nothing is kept then.
        """
        message = self._admitted(message)
        if len(waiting) >= MOST_ROUNDS:
            raise ComparisonInvalid(f"A comparison has at most {MOST_ROUNDS} messages.")
        moment = now()
        comparison = Comparison(
            id=new_id(),
            owner=self._owner,
            title=title_of([ChatMessage("user", message)])[:200] or "Comparison",
            blind=blind,
            created_at=moment,
            updated_at=moment,
            variants=tuple(variants_of(setups, self._personas, self._revisions)),
            waiting=tuple(cleaned(each) for each in waiting),
            most_cost_usd=limit_kept(most_cost_usd),
        )
        self._spending.refuse_beyond_limit(comparison, message)
        self._store.create(comparison)
        self.send(comparison.id, message)
        return comparison.id

    def preview(self, setups: Sequence[Setup]) -> list[Variant]:
        """The variants that `begin` would make of these. Raises as `variants_of`."""
        return variants_of(setups, self._personas, self._revisions)

    def send_next(self, comparison_id: str) -> None:
        """Send the next message of the list. Raises MessageInvalid where there is none; as `send`."""
        waiting = self._store.get(self._owner, storable(comparison_id)).waiting
        if not waiting:
            raise MessageInvalid("There is no further message in the list.", hint="Write one.")
        self.send(comparison_id, waiting[0], waited=True)

    def send(self, comparison_id: str, message: str, *, waited: bool = False) -> None:
        """The next message, to every variant.

        Raises MessageInvalid, ShuttingDown, PersonaNotFound, ReplyInProgress, and CostLimitReached where it
        could cost more than what is left: then no variant was asked.
        """
        message = self._admitted(message)
        comparison = self._with_conversations(self._store.get(self._owner, storable(comparison_id)))
        if len(comparison.rounds) >= MOST_ROUNDS:
            raise ComparisonInvalid(
                f"A comparison has at most {MOST_ROUNDS} messages.", hint="Start a new one."
            )
        refuse_lost(comparison.variants, self._rights)
        if any(each.live for each in self._live_replies(comparison)):
            raise ReplyInProgress(
                "Replies to the message before are still being written.",
                hint="Wait for them to finish, or stop them.",
            )
        self._spending.refuse_beyond_limit(comparison, message)
        shown = [each.id for each in comparison.variants]
        if comparison.blind:
            random.SystemRandom().shuffle(shown)
        number = len(comparison.rounds) + 1
        added = Round(new_id(), number, message, tuple(shown), {each: new_id() for each in shown})
        if not self._store.add_round(self._owner, comparison.id, added, waited=waited):
            raise ReplyInProgress("This comparison was just continued in another window.")
        for variant in comparison.variants:
            with suppress(PersonaChatError):  # its column says that nothing came, and can be asked again
                self._send(comparison, variant, added)

    def _admitted(self, message: str) -> str:
        if self._answers.draining:
            raise ShuttingDown
        return cleaned(message)

    def _send(self, comparison: Comparison, variant: Variant, one: Round) -> LiveReply:
        return self._chat(comparison, variant).send(
            variant.conversation_id or "",
            one.message,
            persona_id=variant.persona_id,
            turn_id=one.asked[variant.id],
        )

    def _chat(self, comparison: Comparison, variant: Variant) -> ChatService:
        """Chats in which this variant answers, whoever is asked for."""
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
            made = self._conversations.store_for(temporary=False).create(self._kept_under)
            self._store.keep_conversation(variant.id, made.id)
        return self._store.get(self._owner, comparison.id) if missing else comparison

    # --- reading ----------------------------------------------------------------------------------

    def listed(self, *, limit: int = 50, sought: str = "") -> tuple[ListedComparison, ...]:
        """The newest first; those whose title or one of whose messages has `sought`."""
        return self._store.listed(self._owner, limit=limit, sought=storable(sought).strip()[:MOST_SOUGHT])

    def seen(self, comparison_id: str) -> SeenComparison:
        """The comparison as far as it may be seen now, live replies as they are."""
        comparison = self._store.get(self._owner, storable(comparison_id))
        return seen(comparison, self._turns(comparison))

    def live(self, comparison_id: str) -> list[tuple[str, LiveReply]]:
        """The replies of the last round by their letters, live or ended, to be watched.

        Whoever shows them says no more of each than `seen` would.
        """
        comparison = self._store.get(self._owner, storable(comparison_id))
        if not comparison.rounds:
            return []
        last = comparison.rounds[-1]
        turns = self._turns(comparison)[last.id]
        return [
            (letter, self._conversations.live_reply(self._kept_under, turns[variant_id].id))
            for letter, variant_id in zip(LETTERS, last.shown, strict=False)
            if variant_id in turns
        ]

    def export(self, comparison_id: str, file_format: exporting.Format) -> exporting.Exported:
        """A file with what `seen` tells."""
        self._settle()
        return exporting.exported(self.seen(comparison_id), file_format)

    def _turns(self, comparison: Comparison) -> Answers:
        return answers_of(comparison, self._conversations, kept_under=self._kept_under)

    def _live_replies(self, comparison: Comparison) -> list[LiveReply]:
        if not comparison.rounds:
            return []
        last = self._turns(comparison)[comparison.rounds[-1].id]
        return [
            self._conversations.live_reply(self._kept_under, turn.id)
            for turn in last.values()
            if turn.reply and turn.reply.live
        ]

    def stop(self, comparison_id: str, letter: str | None = None) -> None:
        """Stop one reply of the last round, or all; those that have ended stay as they are.

        In a blind round it is all: how long the others take would tell who they are.
        """
        if letter is not None and self._store.get(self._owner, storable(comparison_id)).hidden:
            letter = None
        for each, live_reply in self.live(comparison_id):
            if letter in {None, each}:
                live_reply.stop()

    def pause(self, comparison_id: str, *, resume: bool = False) -> None:
        """Hold the replies of the last round, or let them go on."""
        for _, live_reply in self.live(comparison_id):
            if resume:
                live_reply.resume()
            else:
                live_reply.pause()

    def retry(self, comparison_id: str, letter: str) -> None:
        """Ask one variant of the last round again; the reply that is there is replaced.

        Raises ReplyNotFound, ReplyInProgress, ShuttingDown, CostLimitReached, and VoteRefused once there is
        a vote on it.
        """
        comparison = self._store.get(self._owner, storable(comparison_id))
        one = last_round(comparison)
        variant = comparison.variant(column_of(one, letter))
        refuse_lost([variant], self._rights)
        turn = self._turns(comparison)[one.id].get(variant.id)
        refuse_to_repeat(comparison, one, turn)
        started = turn is not None
        with self._conversations.sending:  # two columns that are asked again at once share what is left
            message = None if started else one.message
            self._spending.refuse_beyond_limit(comparison, message, variant=variant)
            if started:
                self._chat(comparison, variant).retry(variant.conversation_id or "")
            else:
                self._again(comparison, variant, one)

    def _again(self, comparison: Comparison, variant: Variant, one: Round) -> None:
        """Ask for a reply that could not be begun."""
        chat = self._chat(comparison, variant)
        try:
            chat.turn(one.asked[variant.id])
        except TurnNotFound:
            self._send(comparison, variant, one)
        else:
            chat.retry(variant.conversation_id or "")

    def vote(self, comparison_id: str, number: int, choice: str) -> SeenComparison:
        """Vote in round `number` for a letter, "tie" or "both_bad"; then everything is shown.

        Raises ReplyNotFound, ReplyInProgress, and VoteRefused where a blind vote is there already.
        """
        comparison = self._store.get(self._owner, storable(comparison_id))
        one = numbered_round(comparison, number)
        verdict: Verdict = "win"
        winner: str | None = None
        if choice in NO_WINNER:
            verdict = NO_WINNER[choice]
        else:
            winner = column_of(one, choice)
        turns = self._turns(comparison)[one.id]
        if any(turn.reply and turn.reply.live for turn in turns.values()):
            raise ReplyInProgress(
                "A reply is still being written.", hint="Wait for it to finish, or stop it."
            )
        why_not = why_not_counted(comparison, one, turns)
        cast = Vote(verdict, winner, not why_not, why_not, now())
        if not self._store.vote(self._owner, comparison.id, one.id, cast):
            raise VoteRefused("You have already voted on this message.")
        return self.seen(comparison.id)

    def reveal(self, comparison_id: str, number: int) -> SeenComparison:
        """Show who is who in a blind round; a vote on it is kept from then on, and not counted."""
        comparison = self._store.get(self._owner, storable(comparison_id))
        self._store.reveal(self._owner, comparison.id, numbered_round(comparison, number).id)
        return self.seen(comparison.id)

    def spent_usd(self, comparison_id: str) -> float:
        """What it has cost; a reply that is being written counts with the most that it can."""
        comparison = self._store.get(self._owner, storable(comparison_id))
        if comparison.hidden:
            raise VoteRefused("What it has cost is hidden until you vote.", hint="Vote first.")
        return self._spending.spent_usd(comparison)

    def limit(self, comparison_id: str, most_cost_usd: float | None) -> None:
        """Stop at another sum, or (None) at none. Raises ComparisonInvalid."""
        self._store.change(self._owner, storable(comparison_id), most_cost_usd=limit_kept(most_cost_usd))

    # --- keeping ----------------------------------------------------------------------------------

    def rename(self, comparison_id: str, title: str) -> None:
        """Give it a title of 1 to 200 characters. Raises MessageInvalid."""
        self._store.change(self._owner, storable(comparison_id), title=title_kept(title))

    def delete(self, comparison_id: str) -> None:
        """Hide it and stop its replies; `restore` brings it back until it is purged."""
        self.stop(comparison_id)
        self._store.change(self._owner, storable(comparison_id), deleted_at=now())

    def restore(self, comparison_id: str) -> None:  # undoes `delete`
        self._store.restore(self._owner, storable(comparison_id))

    def share(self, comparison_id: str) -> str:
        """The token of a link by which anybody can read it as it is, until `unshare`."""
        return self._store.share(self._owner, storable(comparison_id))

    def unshare(self, comparison_id: str) -> None:
        """End the link, if there is one; a later one is another."""
        self._store.change(self._owner, storable(comparison_id), share_token=None)

    def continue_with(self, comparison_id: str, letter: str) -> Continued:
        """A conversation of one's own that goes on from a column of the last round.

        Raises ReplyNotFound, and VoteRefused while it is not to be known who is who.
        """
        comparison = self._store.get(self._owner, storable(comparison_id))
        if comparison.hidden:
            raise VoteRefused("Who wrote this reply is hidden until you vote.", hint="Vote first.")
        one = last_round(comparison)
        variant = comparison.variant(column_of(one, letter))
        turn = self._turns(comparison)[one.id].get(variant.id)
        if turn is None:
            raise ReplyNotFound("There is no reply in this column.")
        store = self._conversations.store_for(temporary=False)
        path = self._conversations.path(self._kept_under, turn.id)
        turns, requests = copied(path, lambda turn_id: store.request(self._kept_under, turn_id))
        persona, differs = who_goes_on(variant, self._personas, self._labels)
        turns = [replace(each, persona_label=persona.partition("@")[2]) for each in turns]
        made = store.create(self._owner, turns=turns, requests=requests)
        return Continued(made.id, persona, differs)
