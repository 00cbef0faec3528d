"""A persona that is renamed keeps its budget, what it has spent of that, and the tokens that reach it."""

from __future__ import annotations

import pytest

from personachat.accounts.budget import Budget
from personachat.authoring import opening
from personachat.services import Services
from tests.conftest import local, persona_text
from tests.usage.conftest import over


@pytest.mark.parametrize("by_command", [False, True])
def test_renaming_neither_frees_nor_opens_anything(services: Services, *, by_command: bool) -> None:
    services.personas.save(persona_text("other"))
    administrator = services.administrator("local")
    administrator.add_budget(Budget(scope="persona", name="tester", period="month", unit="replies", most=1))
    limited = administrator.create_token(name="a", personas=frozenset({"tester", "other"}))
    elsewhere = administrator.create_token(name="b", personas=frozenset({"other"}))
    over(local(services).chat.begin("Hi", persona_id="tester"))
    services.ledger.settle()

    if by_command:
        with opening.opened(services.settings) as opened:
            opened.collection.rename("tester", "renamed")
    else:
        local(services).collection.rename("tester", "renamed")
    services.budgets.refresh()

    error = over(local(services).chat.begin("Hi", persona_id="renamed")).snapshot().error
    assert error
    assert error.code == "budget_exceeded"
    reached = {each.id: each.personas for each in services.tokens.all()}
    assert reached[limited.token.id] == frozenset({"renamed", "other"})
    assert reached[elsewhere.token.id] == frozenset({"other"})
