"""What an administrator can do. Every change is recorded in the audit; others have no access."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
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
    """What is stored about people; see personachat.history.person_data."""

    def export(self, owner: str, *, to_themselves: bool = False) -> PersonExport:
        """All data of one person as a file, without what they may not know yet. Raises PersonUnknown."""

    def erase(self, owner: str) -> int:
        """Erase a person's data; returns the number of conversations. Raises PersonUnknown."""


@dataclass(frozen=True, slots=True)
class PersonExport:
    content: bytes
    filename: str


class Administrator:
    """An administrator's methods; cheap to create. Raises AdministrationNotAllowed for anyone else."""

    def __init__(  # noqa: PLR0913  # all that it works on
        self,
        budgets: Budgets,
        audit: Audit,
        tokens: Tokens,
        people: KnownPeople,
        data: HeldData,
        *,
        owner: str,
        persona_ids: Callable[[], Iterable[str]],
        role: str = "",
        name: str = "",
    ) -> None:
        """`persona_ids` are those that a token can be limited to; `name` is how the audit names them."""
        refuse_others(owner, role=role)
        self.owner = owner
        self.audit = audit
        self._budgets = budgets
        self._tokens = tokens
        self._people = people
        self._data = data
        self._trail = audit.trail(owner, name=name)
        self._issuing = TokenIssuing(tokens, budgets, self._trail, persona_ids=persona_ids)

    def budgets(self) -> list[BudgetOverview]:
        """Every budget and its state, as far as the person's open blind votes allow."""
        return self._budgets.overview(self.owner)

    def unpriced(self) -> str:
        """What budgets in money do with models without a known price, in sentences; "" if there is none."""
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
        """Add a budget. Raises BudgetInvalid."""
        added = self._budgets.add(budget)
        self._trail.note("created", kind="budget", target=added.id, after=known_of_budget(added))
        return added

    def remove_budget(self, budget_id: str) -> None:
        """Delete an added budget. Raises BudgetNotFound."""
        removed = self._budgets.remove(budget_id)
        self._trail.note("deleted", kind="budget", target=removed.id, before=known_of_budget(removed))

    def people(self) -> list[KnownPerson]:
        """Everyone with conversations here, last active first."""
        return self._people.all()

    def names(self) -> dict[str, str]:
        """The names of people and tokens, by owner and by id."""
        people = {each.owner: each.name for each in self._people.all()}
        return people | {each.id: each.name for each in self._tokens.all()}

    def export_person(self, owner: str) -> PersonExport:
        """Everything stored about a person, in one archive. Raises PersonUnknown."""
        exported = self._data.export(owner, to_themselves=owner == self.owner)
        self._trail.note("exported", kind="person", target=owner)
        return exported

    def erase_person(self, owner: str) -> int:
        """Erase all of it; returns the number of conversations. Raises PersonUnknown."""
        count = self._data.erase(owner)
        self._trail.note("deleted", kind="person", target=owner, before={"conversations": count})
        return count

    def tokens(self) -> list[ApiToken]:
        """Every token that was created here, newest first."""
        return self._tokens.all()

    def token_budgets(self) -> Mapping[str, tuple[Budget, ...]]:
        """The budgets of single tokens, by the token's id."""
        return self._issuing.budgets()

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
        """Create a token for someone ("": the administrator), limited by `budget` if given.

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
        """Revoke a token permanently, at once and everywhere. Raises TokenNotFound."""
        self._issuing.revoke(token_id)
