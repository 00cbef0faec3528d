"""The cost of a comparison, and the most that its next calls can cost.

A limit holds because no call is made unless the most that it can cost is left: the longest reply to a prompt
that may be longer than estimated, with one retry. A running reply counts with the most that it can cost, a
replaced one with what it did cost. Between the check and the first call, that sum is reserved in the
database, so that all processes together keep the limit.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TypeAlias

from personachat.chat.starter import ReplyStarter
from personachat.chat.turns import new_turn
from personachat.conversations.model import Turn, branch
from personachat.errors import ComparisonInvalid, ConversationNotFound, CostLimitReached
from personachat.lab.comparisons.model import Comparison, Round, Variant
from personachat.lab.comparisons.reservations import SqlReservations
from personachat.messages import Usage
from personachat.owners import comparing
from personachat.personas.persona import parse_persona
from personachat.personas.store.base import StoredPersona
from personachat.settings import LOCAL
from personachat.usage import pricing

MOST_TRIES = 2
"""A call that fails half way is made again, and may have cost something."""

CAUTION = 1.25
"""Factor by which estimates of tokens may be too low."""

MOST_LIMIT_USD = 1_000_000.0

RAISE_IT = "Nothing was sent. Raise the limit to continue."


WAIT_SECONDS, LOOK_SECONDS = 2.0, 0.05
"""Seconds to wait for what others have reserved, and between two checks."""

Requests: TypeAlias = Sequence[tuple[Variant, str | None]]
"""Variants, each with the message it gets; None requests its last reply again."""


class Spending:
    """The costs of one owner's comparisons; cheap to create."""

    def __init__(self, answers: ReplyStarter, reservations: SqlReservations, *, owner: str) -> None:
        self._conversations = answers.conversations
        self._planner = answers.replies
        self._process_id = answers.process_id
        self._reservations = reservations
        self._owner = owner
        self._kept_under = comparing(owner)

    def refuse_beyond_limit(self, comparison: Comparison, requests: Requests) -> float:
        """How much of the limit is left beyond the most that these calls can cost; infinite without one.

        Raises CostLimitReached if that is negative, and ComparisonInvalid if a price is unknown, so that no
        limit could be kept.
        """
        limit = comparison.most_cost_usd
        if limit is None:
            return math.inf
        left = max(0.0, limit - self.spent_usd(comparison))
        needed = self._needed_usd(comparison, requests)
        if needed > left + 1e-12:
            raise self._refusal(comparison, needed=needed, left=left)
        return left - needed

    @contextmanager
    def reserved(self, comparison: Comparison, requests: Requests) -> Iterator[None]:
        """Calls are made inside this block; the most that they can cost is reserved for it.

        Raises what `refuse_beyond_limit` raises.
        """
        if comparison.most_cost_usd is None:
            yield
            return
        reservation_id = self._reserve(comparison, requests)
        try:
            yield
        finally:  # what has started counts as a reply from now on
            self._reservations.release(comparison.id, reservation_id)

    def _reserve(self, comparison: Comparison, requests: Requests) -> str:
        give_up = time.monotonic() + WAIT_SECONDS
        while True:
            # Replies are read after the number: anyone who reserves or starts meanwhile changes it.
            number = self._reservations.spending_number(self._owner, comparison.id)
            rest = self.refuse_beyond_limit(comparison, requests)
            needed = self._needed_usd(comparison, requests)
            reservation_id = self._reservations.reserve(
                self._owner,
                comparison.id,
                number=number,
                cost_usd=needed,
                others_at_most=rest,
                process_id=self._process_id,
            )
            if reservation_id:
                return reservation_id
            if time.monotonic() > give_up:
                raise self._refusal(comparison, needed=needed, left=0.0)
            time.sleep(LOOK_SECONDS)

    def _needed_usd(self, comparison: Comparison, requests: Requests) -> float:
        # Before a blind vote, any column counts as the most expensive: a refusal would reveal it.
        alike = comparison.hidden and len(requests) < len(comparison.variants)
        priced = [(each, None) for each in comparison.variants] if alike else requests
        costs = [most for each in priced if (most := self._most_usd(*each)) is not None]
        if len(costs) < len(priced):
            raise ComparisonInvalid(
                "A cost limit isn't possible because the price of one of the models isn't known.",
                hint="Leave the limit out, or choose models with known prices.",
            )
        return max(costs) * len(requests) if alike else sum(costs)

    @staticmethod
    def _refusal(comparison: Comparison, *, needed: float, left: float) -> CostLimitReached:
        if comparison.hidden:  # its cost would reveal which model it is
            return CostLimitReached("This could cost more than what is left of your limit.", hint=RAISE_IT)
        sentence = f"${left:.4f} of your limit of ${comparison.most_cost_usd:.4g} is left"
        return CostLimitReached(f"This could cost up to ${needed:.4f}, and {sentence}.", hint=RAISE_IT)

    def spent_usd(self, comparison: Comparison) -> float:
        """The cost of all replies.

        Each one that waits for a blind vote counts as the longest reply of the most expensive column: how
        often a column can be requested again would reveal its cost.
        """
        trees = {each.id: self._tree(each) for each in comparison.variants}
        waiting = {
            turn_id: dearest
            for one in (comparison.rounds if comparison.blind else ())
            if not one.revealed and (dearest := self._dearest(comparison, one, trees)) is not None
            for turn_id in one.asked.values()
        }
        return sum(self._spent_usd(each, trees[each.id], waiting) for each in comparison.variants)

    def _dearest(
        self, comparison: Comparison, one: Round, trees: Mapping[str, tuple[Turn, ...]]
    ) -> float | None:
        """The most that any column's reply to a message can cost; None if no column is called."""
        costs = []
        for variant in comparison.variants:
            turns = {turn.id: turn for turn in trees[variant.id]}
            if one.asked.get(variant.id) in turns:
                costs.append(self._most(variant, branch(turns, one.asked[variant.id])) or 0.0)
        return max(costs, default=None)

    def _spent_usd(self, variant: Variant, tree: Sequence[Turn], waiting: Mapping[str, float]) -> float:
        """`waiting` has the cost that counts for each reply before its vote, by the turn it answers."""
        turns = {turn.id: turn for turn in tree}
        total = 0.0
        for turn in tree:
            if turn.reply is None:
                continue
            if not turn.reply.live and not turn.reply.text and turn.reply.cost_usd is None:
                continue  # it failed before it cost anything
            if turn.parent_id and turn.parent_id in waiting:
                total += waiting[turn.parent_id]
            elif not turn.reply.live and turn.reply.cost_usd is not None:
                total += turn.reply.cost_usd
            else:
                total += self._most(variant, branch(turns, turn.parent_id)) or 0.0
        return total

    def _most_usd(self, variant: Variant, message: str | None) -> float | None:
        path = self._path(variant)
        if message is None:
            while path and path[-1].role != "user":
                path.pop()
        else:
            persona = StoredPersona(parse_persona(variant.text), variant.text, variant.etag)
            parent_id = path[-1].id if path else None
            path.append(new_turn("user", message, parent_id=parent_id, persona=persona))
        return self._most(variant, path)

    def _most(self, variant: Variant, path: Sequence[Turn]) -> float | None:
        """The most that a reply to the last turn of a path can cost; None if the price is unknown."""
        persona = parse_persona(variant.text)
        plan = self._planner.plan(persona, path)
        if plan.request is None or plan.first.provider == LOCAL:
            return 0.0  # no model is called, or it is free
        prompt = math.ceil((plan.prompt_tokens or 0) * CAUTION)
        usage = Usage(prompt, plan.most_tokens or persona.max_tokens)
        one = pricing.cost_usd(plan.first.provider, plan.first.model, usage)
        return None if one is None else one * MOST_TRIES

    def _path(self, variant: Variant) -> list[Turn]:
        with suppress(ConversationNotFound):
            if variant.conversation_id is not None:
                return list(self._conversations.get(self._kept_under, variant.conversation_id).path)
        return []

    def _tree(self, variant: Variant) -> tuple[Turn, ...]:
        with suppress(ConversationNotFound):
            if variant.conversation_id is not None:
                return self._conversations.tree(self._kept_under, variant.conversation_id)
        return ()


def checked_limit(most_cost_usd: float | None) -> float | None:
    """A limit in the form that is stored. Raises ComparisonInvalid."""
    if most_cost_usd is not None and not 0 <= most_cost_usd <= MOST_LIMIT_USD:
        raise ComparisonInvalid(f"The cost limit must be between $0 and ${MOST_LIMIT_USD:,.0f}.")
    return most_cost_usd
