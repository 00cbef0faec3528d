"""What an administrator can do. Whatever changes something is noted in the audit; others get nothing."""

from __future__ import annotations

from typing import Any

from personachat.accounts.administration import refuse_others
from personachat.accounts.audit import Audit
from personachat.accounts.budget import Budget, BudgetState
from personachat.accounts.budgets import Budgets


class Administrator:
    """One administrator's desk; cheap to make. Raises AdministrationNotAllowed for anybody else."""

    def __init__(self, budgets: Budgets, audit: Audit, *, owner: str, role: str = "") -> None:
        refuse_others(owner, role=role)
        self.audit = audit
        self._budgets = budgets
        self._trail = audit.trail(owner)

    def budgets(self) -> list[Budget | BudgetState]:
        """Every budget; how it stands where it is one for all or for somebody by name."""
        return self._budgets.overview()

    def add_budget(self, budget: Budget) -> Budget:
        """Set one more. Raises BudgetInvalid."""
        made = self._budgets.add(budget)
        self._trail.note("created", kind="budget", target=made.id, after=_told(made))
        return made

    def remove_budget(self, budget_id: str) -> None:
        """Take one away that was added. Raises BudgetNotFound."""
        removed = self._budgets.remove(budget_id)
        self._trail.note("deleted", kind="budget", target=removed.id, before=_told(removed))


def _told(budget: Budget) -> dict[str, Any]:
    return {
        "scope": budget.scope,
        "name": budget.name,
        "per": budget.period,
        "unit": budget.unit,
        "most": budget.most,
    }
