"""API tokens that people create for themselves, with their own role or a lower one.

A token never reaches further than its person: their role and rights are checked again with every request. A
token can't create another one, which would outlive its own expiry and limits. It sees and revokes only
itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from personachat.accounts.administration import Role as TokenRole
from personachat.accounts.budget import Budget
from personachat.accounts.person import Person, Role
from personachat.accounts.token_issuing import TokenIssuing
from personachat.accounts.tokens import ApiToken, MadeToken
from personachat.errors import (
    AdministrationNotAllowed,
    TokenInvalid,
    TokenNotFound,
    TokensNotAllowed,
)
from personachat.owners import LOCAL_OWNER
from personachat.request_context import current_request
from personachat.stamps import now

MOST_VALID = 20
"""How many valid tokens one person may have."""


def may_have_tokens(person: Person) -> bool:
    """Whether this is a person. Service accounts and browsers without a login aren't."""
    return person.key == LOCAL_OWNER or person.key.startswith("user:")


class OwnTokens:
    """One person's tokens; cheap to create. Raises AdministrationNotAllowed for anyone who isn't a person."""

    def __init__(self, issuing: TokenIssuing, person: Person) -> None:
        if not may_have_tokens(person):
            raise AdministrationNotAllowed("There is nothing at this address.")
        self._issuing = issuing
        self._person = person

    @property
    def roles(self) -> tuple[Role, ...]:
        """The roles that a token can have."""
        return tuple(role for role in Role if self._person.role.includes(role))

    def tokens(self) -> list[ApiToken]:
        """The person's tokens, newest first."""
        own = current_request.get().token_id
        theirs = self._issuing.tokens.all_of(self._person.key)
        return [each for each in theirs if each.id == own] if own else theirs

    def token_budgets(self) -> Mapping[str, tuple[Budget, ...]]:
        return self._issuing.budgets()

    def create_token(  # everything a token has
        self,
        *,
        name: str,
        owner: str = "",
        role: TokenRole = "editor",
        personas: frozenset[str] | None = None,
        expires_at: datetime | None = None,
        budget: Budget | None = None,
    ) -> MadeToken:
        """Create one. Raises TokenInvalid, TokensNotAllowed, BudgetInvalid."""
        if current_request.get().token_id:
            raise TokensNotAllowed("A token can't create another token.", hint="Log in on the pages instead.")
        if owner not in {"", self._person.key}:
            raise TokenInvalid(
                "You can only create tokens for yourself.", hint="Admins can create them for others."
            )
        if role not in self.roles:
            raise TokenInvalid(f"Your own role is {self._person.role}. A token can't have a higher one.")
        if len([each for each in self.tokens() if each.holds(now())]) >= MOST_VALID:
            raise TokenInvalid(
                f"You can have at most {MOST_VALID} valid tokens.", hint="Revoke one that you don't need."
            )
        return self._issuing.create(
            name=name,
            owner=self._person.key,
            role=role,
            personas=personas,
            expires_at=expires_at,
            created_by=self._person.key,
            budget=budget,
        )

    def revoke_token(self, token_id: str) -> None:
        """Revoke one of their own. Raises TokenNotFound, also for other people's."""
        if token_id not in {each.id for each in self.tokens()}:
            raise TokenNotFound("This token doesn't exist.")
        self._issuing.revoke(token_id)
