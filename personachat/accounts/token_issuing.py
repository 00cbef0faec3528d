"""Creates and revokes API tokens with their budgets, and records both in the audit.

A token's own budget comes and goes with it. Callers decide who may create which token: `administrator` and
`own_tokens`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from personachat.accounts.administration import Role
from personachat.accounts.audit import Trail
from personachat.accounts.budget import Budget
from personachat.accounts.budgets import Budgets
from personachat.accounts.tokens import ApiToken, MadeToken, Tokens
from personachat.errors import TokenInvalid

_MOST_NAMED = 3
_MOST_ID_CHARACTERS = 64


class TokenDesk(Protocol):
    """Where someone creates, lists and revokes tokens: all of them, or their own."""

    def tokens(self) -> list[ApiToken]:
        """Newest first."""

    def token_budgets(self) -> Mapping[str, tuple[Budget, ...]]:
        """By the token's id."""

    def create_token(  # everything a token has
        self,
        *,
        name: str,
        owner: str = "",
        role: Role = "editor",
        personas: frozenset[str] | None = None,
        expires_at: datetime | None = None,
        budget: Budget | None = None,
    ) -> MadeToken:
        """Create one for someone; "" is the caller. Raises TokenInvalid, BudgetInvalid."""

    def revoke_token(self, token_id: str) -> None:
        """Revoke one permanently, at once and everywhere. Raises TokenNotFound."""


class TokenIssuing:
    """What both classes have in common, for one person; cheap to create.

    Methods raise what `Database` raises.
    """

    def __init__(
        self, tokens: Tokens, budgets: Budgets, trail: Trail, *, persona_ids: Callable[[], Iterable[str]]
    ) -> None:
        """`persona_ids` are those that whoever makes tokens can see."""
        self.tokens = tokens
        self._budgets = budgets
        self._trail = trail
        self._persona_ids = persona_ids

    def budgets(self) -> Mapping[str, tuple[Budget, ...]]:
        """The budgets of single tokens, by the token's id."""
        budgets: defaultdict[str, tuple[Budget, ...]] = defaultdict(tuple)
        for budget in self._budgets.all:
            if budget.scope == "token" and budget.name:
                budgets[budget.name] += (budget,)
        return budgets

    def create(  # everything a token has
        self,
        *,
        name: str,
        owner: str,
        role: Role,
        created_by: str,
        personas: frozenset[str] | None,
        expires_at: datetime | None,
        budget: Budget | None,
    ) -> MadeToken:
        """Create one, limited by `budget` if given.

        Raises TokenInvalid, BudgetInvalid, and what the store of personas raises.
        """
        if personas:
            self._refuse_unknown(personas)
        if budget is not None:
            self._budgets.check(replace(budget, scope="token", name="new"))
        issued = self.tokens.create(
            name=name,
            owner=owner,
            role=role,
            personas=personas,
            expires_at=expires_at,
            created_by=created_by,
        )
        self._trail.note("created", kind="token", target=issued.token.id, after=_known_of_token(issued.token))
        if budget is not None:
            set_one = self._budgets.add(replace(budget, scope="token", name=issued.token.id))
            self._trail.note("created", kind="budget", target=set_one.id, after=known_of_budget(set_one))
        return issued

    def _refuse_unknown(self, personas: frozenset[str]) -> None:
        """A token for a misspelt id would reach nothing, and later whatever gets that id."""
        if unknown := sorted(personas - set(self._persona_ids())):
            names = ", ".join(f'"{each[:_MOST_ID_CHARACTERS]}"' for each in unknown[:_MOST_NAMED])
            more = f" and {len(unknown) - _MOST_NAMED} more" if len(unknown) > _MOST_NAMED else ""
            raise TokenInvalid(
                f"These personas don't exist: {names}{more}."
                if len(unknown) > 1
                else f"The persona {names} doesn't exist.",
                hint="Use the ids in the list of personas.",
            )

    def revoke(self, token_id: str) -> None:
        """Raises TokenNotFound."""
        revoked = self.tokens.revoke(token_id)
        if revoked.revoked_at is None:
            self._trail.note("revoked", kind="token", target=token_id, before=_known_of_token(revoked))
        for budget in self.budgets().get(token_id, ()):
            if budget.id:
                self._budgets.remove(budget.id)
                self._trail.note("deleted", kind="budget", target=budget.id, before=known_of_budget(budget))


def known_of_budget(budget: Budget) -> dict[str, Any]:
    """A budget in the form that the audit stores."""
    return {
        "scope": budget.scope,
        "name": budget.name,
        "per": budget.period,
        "unit": budget.unit,
        "most": budget.most,
    }


def _known_of_token(token: ApiToken) -> dict[str, Any]:
    return {
        "name": token.name,
        "owner": token.owner,
        "role": token.role,
        "personas": None if token.personas is None else sorted(token.personas),
        "expires": token.expires_at.isoformat() if token.expires_at else None,
    }
