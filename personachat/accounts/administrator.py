"""What an administrator can do. Whatever changes something is noted in the audit; others get nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from personachat.accounts.administration import Role, refuse_others
from personachat.accounts.audit import Audit
from personachat.accounts.budget import Budget
from personachat.accounts.budgets import BudgetOverview, Budgets
from personachat.accounts.known_people import KnownPeople, KnownPerson
from personachat.accounts.token_issuing import TokenIssuing, known_of_budget
from personachat.accounts.tokens import ApiToken, MadeToken, Tokens


class HeldData(Protocol):
    """What is kept of people; see personachat.history.person_data."""

    def export(self, owner: str, *, to_themselves: bool = False) -> PersonExport:
        """Everything of one, as a file, but for what they may not know yet. Raises PersonUnknown."""

    def erase(self, owner: str) -> int:
        """Erase everything of one; returns how many conversations there were. Raises PersonUnknown."""


@dataclass(frozen=True, slots=True)
class PersonExport:
    content: bytes
    filename: str


class Administrator:
    """One administrator's desk; cheap to make. Raises AdministrationNotAllowed for anybody else."""

    def __init__(
        self,
        budgets: Budgets,
        audit: Audit,
        tokens: Tokens,
        people: KnownPeople,
        data: HeldData,
        *,
        owner: str,
        role: str = "",
        name: str = "",
    ) -> None:
        """`name` is what the audit calls them."""
        refuse_others(owner, role=role)
        self.owner = owner
        self.audit = audit
        self._budgets = budgets
        self._tokens = tokens
        self._people = people
        self._data = data
        self._trail = audit.trail(owner, name=name)
        self._issuing = TokenIssuing(tokens, budgets, self._trail)

    def budgets(self) -> list[BudgetOverview]:
        """Every budget and how it stands, as far as a blind vote that waits for them allows."""
        return self._budgets.overview(self.owner)

    def unpriced(self) -> str:
        """What budgets in money make of models without a known price, in sentences; "" without one."""
        if not any(each.unit == "usd" for each in self._budgets.all):
            return ""
        price = self._budgets.unknown_price
        if price == "refuse":
            return "Models without a known price are refused to everyone who has a budget in US dollars."
        if isinstance(price, float):
            return f"Models without a known price count as ${price:g} per million tokens."
        models = self._budgets.unpriced_models()
        used = f" Used this month: {', '.join(models)}." if models else ""
        return (
            "Models without a known price count nothing in US dollars."
            f"{used} PERSONACHAT_UNKNOWN_PRICE sets a price for them, or refuses them."
        )

    def add_budget(self, budget: Budget) -> Budget:
        """Set one more. Raises BudgetInvalid."""
        added = self._budgets.add(budget)
        self._trail.note("created", kind="budget", target=added.id, after=known_of_budget(added))
        return added

    def remove_budget(self, budget_id: str) -> None:
        """Take one away that was added. Raises BudgetNotFound."""
        removed = self._budgets.remove(budget_id)
        self._trail.note("deleted", kind="budget", target=removed.id, before=known_of_budget(removed))

    def people(self) -> list[KnownPerson]:
        """Whoever has conversations here, the last active first."""
        return self._people.all()

    def names(self) -> dict[str, str]:
        """What people and tokens are called, by owner and by id."""
        people = {each.owner: each.name for each in self._people.all()}
        return people | {each.id: each.name for each in self._tokens.all()}

    def export_person(self, owner: str) -> PersonExport:
        """Everything that is kept of somebody, in one archive. Raises PersonUnknown."""
        exported = self._data.export(owner, to_themselves=owner == self.owner)
        self._trail.note("exported", kind="person", target=owner)
        return exported

    def erase_person(self, owner: str) -> int:
        """Erase all of it; returns how many conversations there were. Raises PersonUnknown."""
        count = self._data.erase(owner)
        self._trail.note("deleted", kind="person", target=owner, before={"conversations": count})
        return count

    def tokens(self) -> list[ApiToken]:
        """Every token that was made here, the newest first."""
        return self._tokens.all()

    def token_budgets(self) -> Mapping[str, tuple[Budget, ...]]:
        """Those that name one token, by its id."""
        return self._issuing.budgets()

    def create_token(  # all that a token has
        self,
        *,
        name: str,
        owner: str = "",
        role: Role = "editor",
        personas: frozenset[str] | None = None,
        expires_at: datetime | None = None,
        budget: Budget | None = None,
    ) -> MadeToken:
        """Make a token for somebody ("": the administrator), which alone `budget` limits.

        Raises TokenInvalid, BudgetInvalid.
        """
        return self._issuing.create(
            name=name,
            owner=owner or self.owner,
            role=role,
            personas=personas,
            expires_at=expires_at,
            created_by=self.owner,
            budget=budget,
        )

    def revoke_token(self, token_id: str) -> None:
        """End one for good, at once and everywhere. Raises TokenNotFound."""
        self._issuing.revoke(token_id)
