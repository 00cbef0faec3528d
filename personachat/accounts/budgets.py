"""Budgets: whether a model call still fits, checked once per call before its provider is asked.

Budgets come from the settings and from rows that administrators add. A call reserves the most it may need in
the transaction that finds room for it, so the calls of all processes together never exceed a budget. Without
any budget, the database isn't queried. Changes by another process apply here within REFRESH_SECONDS.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Row, delete, insert, select, text

from personachat.accounts.administration import role_of_owner
from personachat.accounts.budget import Budget, BudgetState, Caller
from personachat.accounts.spending import spenders, states
from personachat.accounts.tables import api_tokens, budget_calls, budgets
from personachat.database.connection import Database
from personachat.errors import BudgetExceeded, BudgetInvalid, BudgetNotFound, PersonaChatError, PriceUnknown
from personachat.messages import Usage, storable
from personachat.request_context import current_request
from personachat.settings import LOCAL, Settings
from personachat.stamps import new_id, now
from personachat.usage import pricing
from personachat.usage.forecast import Medians, forecast
from personachat.usage.model import Call
from personachat.usage.people import People
from personachat.usage.questions import OpenVotes
from personachat.usage.tables import usage_calls

log = logging.getLogger(__name__)

REFRESH_SECONDS = 1.0

STATES_SECONDS = 10.0
"""Seconds that a page keeps a budget's last known state."""

KEPT_DAYS = 62
"""Seconds that admitted calls are kept: longer than any period lasts."""

UNKNOWN_PROMPT_TOKENS = 4_000
"""Tokens assumed for a prompt that can't be counted, such as one with pictures."""

MOST_BUDGETS = 200
MOST_SPENDERS = 5

_BUDGET = TypeAdapter(Budget)

_LOCK_KEY = 0x50435F_62756467  # for PostgreSQL's advisory lock: any number that never changes


@dataclass(frozen=True, slots=True)
class BudgetOverview:
    """A budget for administrators. A state's name is "" if there is only one."""

    budget: Budget
    states: tuple[tuple[str, BudgetState], ...]


class Budgets:
    """One per process; safe for threads."""

    def __init__(
        self,
        database: Database,
        people: People,
        *,
        settings: Settings,
        role_of: Callable[[str], str] = role_of_owner,
    ) -> None:
        self._database = database
        self._people = people
        self._longest_tokens = settings.longest_reply_tokens
        self._retention_days = settings.usage_retention_days
        self.unknown_price = settings.unknown_price
        """See the setting."""
        self._role_of = role_of
        self.settle: Callable[[], object] = lambda: None
        """Makes the ledger write ended calls before a call is refused."""
        self.open_votes: Callable[[str], Collection[str]] = lambda _: ()
        """The comparisons in which an owner's blind vote is open: their cost isn't shown to the owner."""
        self.configured = tuple(
            Budget(scope=each.scope, name=each.name, period=each.per, unit=each.unit, most=each.most)
            for each in settings.budgets
        )
        self._rows: tuple[Budget, ...] | None = None
        self._unreadable: set[str] = set()
        self._lock = threading.Lock()
        self._cached_states: dict[tuple[Caller, OpenVotes | None], tuple[float, list[BudgetState]]] = {}

    @property
    def all(self) -> tuple[Budget, ...]:
        """Those in the settings, then the rows; raises what `Database` raises."""
        return (*self.configured, *self._known_rows())

    @property
    def may_refuse(self) -> bool:
        """Whether there may be a budget; sends no query."""
        return bool(self.configured) or self._rows is None or bool(self._rows)

    @property
    def refuses_unpriced(self) -> bool:
        return self.unknown_price == "refuse"

    def unpriced_models(self) -> list[str]:
        """Models without a known price that answered this month, and so weren't counted in money."""
        c = usage_calls.c
        month = now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        query = select(c.provider, c.model).where(
            c.began_at >= month, c.cost_usd.is_(None), c.outcome.not_in(("running", "failed")), c.model != ""
        )
        with self._database.read() as connection:
            rows = connection.execute(query.distinct().order_by(c.provider, c.model).limit(MOST_SPENDERS))
            return [f"{row.provider}/{row.model}" for row in rows]

    def refresh(self) -> None:
        """Read changes by other processes. Raises what `Database` raises."""
        with self._database.read() as connection:
            rows = connection.execute(select(budgets).order_by(budgets.c.created_at, budgets.c.id)).all()
        self._rows = tuple(filter(None, map(self._budget_of, rows)))

    def _budget_of(self, row: Row[Any]) -> Budget | None:
        """The budget of a row; None, logged once per row, if the row is invalid."""
        names = ("scope", "name", "period", "unit", "most", "id")
        try:
            budget = _BUDGET.validate_python({name: getattr(row, name) for name in names})
        except ValidationError:
            if row.id not in self._unreadable:
                self._unreadable.add(row.id)
                log.warning("A stored budget can't be read and limits nobody: %r", row.id)
            return None
        return replace(budget, most=max(budget.most, 0.0))

    def admit(self, call: Call) -> None:
        """Reserve the most that the call may need.

        Raises BudgetExceeded, PriceUnknown, and what `Database` raises.
        """
        counted = call.counted()
        if not counted.provider:  # no provider will be asked
            return
        try:
            caller = self.caller(
                call.origin.owner,
                role=call.request.role,
                token_id=call.request.token_id,
                persona_id=call.origin.persona_id,
            )
            limits = [budget for budget in self.all if caller.is_limited_by(budget)]
        except PersonaChatError:
            if self.configured or self._rows:
                raise
            return  # its database was never there, so nobody has added a budget
        if not self.all:
            return
        tokens, cost_usd = self._at_most(call, counted.provider, counted.model)
        if cost_usd is None and self.refuses_unpriced and any(budget.unit == "usd" for budget in limits):
            raise PriceUnknown(
                f"The price of {counted.model} isn't known, but a budget in US dollars limits you.",
                hint="Choose another model, or ask an admin to set PERSONACHAT_UNKNOWN_PRICE.",
            )
        try:
            self._reserve(call, caller, limits, tokens=tokens, cost_usd=cost_usd)
        except BudgetExceeded:
            self.settle()  # one that just ended may have used less than it reserved
            self._reserve(call, caller, limits, tokens=tokens, cost_usd=cost_usd)

    def caller(self, owner: str, *, role: str = "", token_id: str = "", persona_id: str = "") -> Caller:
        """Who a call of this owner is counted for."""
        return Caller(
            owner=self._people.hash_of(owner),
            owner_name=owner,
            role=role or (self._role_of(owner) if owner else ""),
            persona_id=persona_id,
            token_id=token_id,
        )

    def states_of(self, owner: str, *, persona_id: str = "") -> list[BudgetState]:
        """Every budget that limits the owner now, in this request; at most a moment old."""
        if not self.may_refuse:
            return []
        request = current_request.get()
        caller = self.caller(owner, role=request.role, token_id=request.token_id, persona_id=persona_id)
        key = caller, self._votes_of(owner)
        cached_states = self._cached_states.get(key)
        if cached_states and time.monotonic() - cached_states[0] < STATES_SECONDS:
            return cached_states[1]
        states = self.states(caller)
        with self._lock:
            if len(self._cached_states) > 1_000:
                self._cached_states.clear()
            self._cached_states[key] = (time.monotonic(), states)
        return states

    def states(self, caller: Caller) -> list[BudgetState]:
        """Every budget that limits this caller."""
        limits = [budget for budget in self.all if caller.is_limited_by(budget)]
        votes = self._votes_of(caller.owner_name)
        with self._database.read() as connection:
            return states(connection, limits, caller, moment=now(), open_votes=votes)

    def overview(self, owner: str = "") -> list[BudgetOverview]:
        """Every budget and its state: for all, for the one it names, or for its greatest spenders.

        Limited to what this owner may know; "" may know everything.
        """
        everyone, moment, all_states = self.all, now(), []
        votes = self._votes_of(owner)
        with self._database.read() as connection:
            for budget in everyone:
                if budget.scope == "all" or budget.name:
                    caller = self._named_in(budget)
                    (state,) = states(connection, [budget], caller, moment=moment, open_votes=votes)
                    standing = [("", state)]
                else:
                    standing = spenders(
                        connection, budget, moment=moment, at_most=MOST_SPENDERS, open_votes=votes
                    )
                    names = self._people.names(connection) if budget.scope == "person" else {}
                    standing = [(names.get(name, name), state) for name, state in standing]
                all_states.append(BudgetOverview(budget, tuple(standing)))
        return all_states

    def _votes_of(self, owner: str) -> OpenVotes | None:
        votes = self.open_votes(owner) if owner else ()
        return OpenVotes(self._people.hash_of(owner), frozenset(votes)) if votes else None

    def _named_in(self, budget: Budget) -> Caller:
        """The state of the budget's only subject."""
        return Caller(
            owner=self._people.hash_of(budget.name) if budget.scope == "person" else "",
            owner_name=budget.name,
            role=budget.name,
            persona_id=budget.name,
            token_id=budget.name,
        )

    def warnings_for(self, owner: str, *, persona_id: str = "") -> list[str]:
        """A sentence for each budget that is nearly used up, fullest first."""
        near = [state for state in self.states_of(owner, persona_id=persona_id) if state.warns]
        return [state.warning() for state in sorted(near, key=lambda state: -state.share)]

    def add(self, budget: Budget) -> Budget:
        """Add a budget. Raises BudgetInvalid."""
        self.check(budget)
        budget = Budget(
            scope=budget.scope,
            name=storable(budget.name.strip()),
            period=budget.period,
            unit=budget.unit,
            most=budget.most,
            id=new_id(),
        )
        with self._database.write() as connection:
            row = {
                "id": budget.id,
                "scope": budget.scope,
                "name": budget.name,
                "period": budget.period,
                "unit": budget.unit,
                "most": budget.most,
                "created_at": now(),
            }
            connection.execute(insert(budgets).values(row))
        self._changed()
        return budget

    def remove(self, budget_id: str) -> Budget:
        """Delete an added budget. Raises BudgetNotFound."""
        self.refresh()
        budget_to_remove = next((budget for budget in self._known_rows() if budget.id == budget_id), None)
        if budget_to_remove is None:
            raise BudgetNotFound(
                "This budget doesn't exist or was removed.",
                hint="Budgets from the settings can only be changed there.",
            )
        with self._database.write() as connection:
            connection.execute(delete(budgets).where(budgets.c.id == budget_id))
        self._changed()
        return budget_to_remove

    def forget_old(self) -> None:
        """Delete reservations that no budget needs any more, and budgets of ended tokens."""
        with self._database.write() as connection:
            old = budget_calls.c.began_at < now() - timedelta(days=KEPT_DAYS)
            connection.execute(delete(budget_calls).where(old))
            t = api_tokens.c
            ended = select(t.id).where(t.revoked_at.is_not(None) | (t.expires_at < now()))
            of_ended = (budgets.c.scope == "token") & budgets.c.name.in_(ended)
            connection.execute(delete(budgets).where(of_ended))

    def _reserve(
        self, call: Call, caller: Caller, limits: Sequence[Budget], *, tokens: int, cost_usd: float | None
    ) -> None:
        votes = self._votes_of(caller.owner_name)
        with self._database.write() as connection:
            if connection.dialect.name == "postgresql":  # with SQLite there is only one writer anyway
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
            amounts = {"usd": cost_usd, "tokens": tokens, "replies": 1}
            moment = call.began_at
            for state in states(connection, limits, caller, moment=moment, open_votes=votes):
                if state.refuses(amounts[state.budget.unit]):
                    raise state.refusal(amounts[state.budget.unit], moment=moment)
            row = {
                "id": call.id,
                "began_at": moment,
                "owner": caller.owner,
                "role": caller.role[:10],
                "persona_id": caller.persona_id[:64],
                "token_id": caller.token_id[:64],
                "tokens": tokens,
                "cost_usd": cost_usd,
            }
            connection.execute(insert(budget_calls).values(row))

    def _at_most(self, call: Call, provider: str, model: str) -> tuple[int, float | None]:
        """How many tokens a call may need and what it may cost, by the forecast."""
        prompt = call.origin.prompt_tokens
        most = call.origin.most_tokens or self._longest_tokens or 0
        if self._longest_tokens is not None:
            most = min(most, self._longest_tokens)

        def price(usage: Usage) -> float | None:
            return 0.0 if provider == LOCAL else pricing.cost_usd(provider, model, usage)

        expected = forecast(
            prompt_tokens=prompt,
            estimated_tokens=UNKNOWN_PROMPT_TOKENS,
            most_tokens=most,
            medians=Medians(),
            price=price,
        )
        return expected.prompt_tokens + expected.completion_tokens_most, expected.cost_usd_most

    def check(self, budget: Budget) -> None:
        """Raises BudgetInvalid."""
        reason = invalid_because(budget, retention_days=self._retention_days)
        if reason:
            raise BudgetInvalid(reason)
        if _counts(budget) and len([each for each in self.all if _counts(each)]) >= MOST_BUDGETS:
            raise BudgetInvalid(f"There can be at most {MOST_BUDGETS} budgets.")

    def _known_rows(self) -> tuple[Budget, ...]:
        if self._rows is None:
            self.refresh()
        return self._rows or ()

    def _changed(self) -> None:
        with self._lock:
            self._cached_states.clear()
        self.refresh()


def _counts(budget: Budget) -> bool:
    """Whether it counts towards the limit: a single token's budget comes and goes with the token."""
    return budget.scope != "token" or not budget.name


def invalid_because(budget: Budget, *, retention_days: int | None) -> str:
    """Why it can't be a budget, as a sentence; "" if it can."""
    if not 0 <= budget.most < 1e15:
        return "A budget must be 0 or more."
    if budget.period == "minute" and budget.unit != "replies":
        return "Only replies can be limited per minute."
    if budget.scope == "all" and budget.name:
        return "A budget for everyone can't have a name."
    if len(budget.name) > 300 or re.search(r"[\x00-\x1f\x7f]", budget.name):
        return "A name can have at most 300 characters, without line breaks."
    if budget.period == "month" and retention_days is not None and retention_days < 31:
        return (
            "A monthly budget needs 31 days of usage records, but PERSONACHAT_USAGE_RETENTION_DAYS keeps "
            "fewer."
        )
    return ""
