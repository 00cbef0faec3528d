"""Comparisons: what one owner compares. Replies belong to the engine; here they are started, found and rated.

A round is recorded before anything is sent, with the id of the message in each variant's conversation. So
every reply can be found under its variant from before its first word on, whatever happens next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from personachat.accounts.permitted_personas import PermittedLabels
from personachat.accounts.persona_rights import PersonaRights
from personachat.chat.branches import copied
from personachat.chat.starter import ReplyStarter
from personachat.chat.turns import cleaned
from personachat.conversations.titles import title_of
from personachat.database.connection import Database
from personachat.errors import (
    ComparisonInvalid,
    MessageInvalid,
    ReplyInProgress,
    ReplyNotFound,
    ShuttingDown,
    VoteRefused,
)
from personachat.history.organizing import checked_title
from personachat.lab.comparisons import exporting
from personachat.lab.comparisons.answers import answers_of
from personachat.lab.comparisons.columns import (
    column_of,
    last_round,
    numbered_round,
    why_not_counted,
)
from personachat.lab.comparisons.continuing import Continued, who_goes_on
from personachat.lab.comparisons.lists import MessageLists
from personachat.lab.comparisons.model import (
    LETTERS,
    MOST_ROUNDS,
    Comparison,
    ListedComparison,
    Setup,
    Variant,
    Verdict,
    Vote,
)
from personachat.lab.comparisons.overall import OverallVotes
from personachat.lab.comparisons.question_sets import QuestionSets
from personachat.lab.comparisons.reservations import SqlReservations
from personachat.lab.comparisons.rounds import Rounds
from personachat.lab.comparisons.seen import Answers, SeenComparison, seen
from personachat.lab.comparisons.spending import Spending, checked_limit
from personachat.lab.comparisons.store import SqlComparisons
from personachat.lab.comparisons.variants import variants_of
from personachat.messages import ChatMessage, storable
from personachat.owners import comparing
from personachat.personas.store.base import PersonaSource, Revisions
from personachat.replies.live import LiveReply
from personachat.stamps import new_id, now
from personachat.usage.model import Surface

MOST_SOUGHT = 200
VOTE_FIRST = "Vote, or show the names, first."
NO_WINNER: Mapping[str, Verdict] = MappingProxyType({"tie": "tie", "both_bad": "both_bad"})


class Comparisons:
    """Safe for threads; cheap to create. Methods raise ComparisonNotFound and what `Database` raises."""

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
        """`settle` writes ended replies and is called before replies are read.

        `rights` decide whether the owner may know about other people's votes; without them they may not.
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
        self._spending = Spending(answers, SqlReservations(database), owner=owner)
        self._rounds = Rounds(
            answers, self._store, self._spending, owner=owner, surface=surface, rights=rights
        )
        self._lists = MessageLists(answers, self._store, self._rounds, owner=owner)
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
        """Create a comparison and send its first message to every variant; returns its id.

        `waiting` messages are kept for `send_next`. No call is made that could make it cost more than
        `most_cost_usd`. Raises MessageInvalid, ShuttingDown, CostLimitReached, and what `variants_of` raises;
        nothing is kept then.
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
            most_cost_usd=checked_limit(most_cost_usd),
        )
        self._spending.refuse_beyond_limit(comparison, [(each, message) for each in comparison.variants])
        self._store.create(comparison)
        self.send(comparison.id, message)
        return comparison.id

    def preview(self, setups: Sequence[Setup]) -> list[Variant]:
        """The variants that `begin` would make of these. Raises what `variants_of` raises."""
        return variants_of(setups, self._personas, self._revisions)

    def send_next(self, comparison_id: str) -> None:
        """Send the next message of the list.

        Raises MessageInvalid if there is none, and what `send` raises.
        """
        waiting = self._store.get(self._owner, storable(comparison_id)).waiting
        if not waiting:
            raise MessageInvalid("The list has no more messages.", hint="Write one.")
        self.send(comparison_id, waiting[0], waited=True)

    def send_all(self, comparison_id: str) -> None:
        """Have the server send the list, each message when the replies to the one before are complete.

        It continues without anyone watching, until `stop`, the cost limit, or an incomplete reply. Raises
        MessageInvalid if nothing waits, ComparisonInvalid for a blind one, and ShuttingDown.
        """
        self._lists.begin(storable(comparison_id))

    def send(self, comparison_id: str, message: str, *, waited: bool = False) -> None:
        """Send the next message to every variant.

        Raises MessageInvalid, ShuttingDown, PersonaNotFound, ReplyInProgress, and CostLimitReached if it
        could cost more than what is left: then no variant was called.
        """
        self._rounds.send(storable(comparison_id), self._admitted(message), waited=waited)

    def _admitted(self, message: str) -> str:
        if self._answers.draining:
            raise ShuttingDown
        return cleaned(message)

    # --- reading ----------------------------------------------------------------------------------

    def newest(self, *, limit: int = 50, sought: str = "") -> tuple[ListedComparison, ...]:
        """Newest first; only those whose title or one of whose messages contains `sought`."""
        return self._store.newest(self._owner, limit=limit, sought=storable(sought).strip()[:MOST_SOUGHT])

    def seen(self, comparison_id: str) -> SeenComparison:
        """The comparison as far as it may be seen now, with live replies as they are."""
        comparison = self._store.get(self._owner, storable(comparison_id))
        return seen(comparison, self._turns(comparison))

    def live(self, comparison_id: str) -> list[tuple[str, LiveReply]]:
        """The replies of the last round by their letters, live or ended, to follow.

        Callers show no more of each than `seen` would.
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
        """A file with what `seen` returns."""
        self._settle()
        return exporting.exported(self.seen(comparison_id), file_format)

    def _turns(self, comparison: Comparison) -> Answers:
        return answers_of(comparison, self._conversations, kept_under=self._kept_under)

    def stop(self, comparison_id: str, letter: str | None = None) -> None:
        """Stop one reply of the last round, or all of them and the list; ended ones stay as they are.

        In a blind round it stops all: how long the others take would reveal them.
        """
        if letter is not None and self._store.get(self._owner, storable(comparison_id)).hidden:
            letter = None
        if letter is None:
            self._lists.stop(storable(comparison_id))
        for each, live_reply in self.live(comparison_id):
            if letter in {None, each}:
                live_reply.stop()

    def pause(self, comparison_id: str, *, resume: bool = False) -> None:
        """Pause the replies of the last round, or resume them."""
        for _, live_reply in self.live(comparison_id):
            if resume:
                live_reply.resume()
            else:
                live_reply.pause()

    def retry(self, comparison_id: str, letter: str) -> None:
        """Request one variant's reply to the last message again; it replaces the existing one.

        In a blind round, all incomplete replies are requested: the time that one takes would reveal it.
        Raises ReplyNotFound, ReplyInProgress, ShuttingDown, CostLimitReached, and VoteRefused once there is a
        vote.
        """
        self._rounds.retry(storable(comparison_id), letter)

    def vote(self, comparison_id: str, number: int, choice: str) -> SeenComparison:
        """Vote in round `number` for a letter, "tie" or "both_bad"; then everything is shown.

        Raises ReplyNotFound, ReplyInProgress, and VoteRefused if there is a blind vote already.
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
        """Show the names in a blind round. A later vote on it is kept but not counted."""
        comparison = self._store.get(self._owner, storable(comparison_id))
        self._store.reveal(self._owner, comparison.id, numbered_round(comparison, number).id)
        return self.seen(comparison.id)

    def spent_usd(self, comparison_id: str) -> float:
        """What it has cost; a running reply counts with the most that it can cost."""
        comparison = self._store.get(self._owner, storable(comparison_id))
        if comparison.hidden:
            raise VoteRefused("Its cost is hidden until you vote.", hint="Vote first.")
        return self._spending.spent_usd(comparison)

    def limit(self, comparison_id: str, most_cost_usd: float | None) -> None:
        """Change the cost limit; None removes it. Raises ComparisonInvalid, VoteRefused.

        Before a blind vote it can't change: what is refused at which limit would reveal the replies' usage.
        """
        if self._store.get(self._owner, storable(comparison_id)).hidden:
            raise VoteRefused("The limit can't be changed until you vote.", hint=VOTE_FIRST)
        self._store.change(self._owner, storable(comparison_id), most_cost_usd=checked_limit(most_cost_usd))

    # --- keeping ----------------------------------------------------------------------------------

    def rename(self, comparison_id: str, title: str) -> None:
        """Give it a title of 1 to 200 characters. Raises MessageInvalid."""
        self._store.change(self._owner, storable(comparison_id), title=checked_title(title))

    def delete(self, comparison_id: str) -> None:
        """Delete it and stop its replies; `restore` undoes that until it is purged."""
        self.stop(comparison_id)
        self._store.change(self._owner, storable(comparison_id), deleted_at=now())

    def restore(self, comparison_id: str) -> None:  # undoes `delete`
        self._store.restore(self._owner, storable(comparison_id))

    def share(self, comparison_id: str) -> str:
        """The token of a link by which anyone can read it as it is, until `unshare`."""
        return self._store.share(self._owner, storable(comparison_id))

    def unshare(self, comparison_id: str) -> None:
        """Revoke the link, if there is one; a later one gets another token."""
        self._store.change(self._owner, storable(comparison_id), share_token=None)

    def continue_with(self, comparison_id: str, letter: str) -> Continued:
        """Create a conversation that continues a column of the last round.

        Raises ReplyNotFound, and VoteRefused while names are hidden.
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
        candidate = who_goes_on(variant, self._personas, self._labels, self._revisions)
        turns = [replace(each, persona_label=candidate.address.partition("@")[2]) for each in turns]
        settings = candidate.settings.as_record()
        conversation = store.create(self._owner, turns=turns, requests=requests, settings=settings)
        return Continued(conversation.id, candidate.address, candidate.settings, candidate.differs)
