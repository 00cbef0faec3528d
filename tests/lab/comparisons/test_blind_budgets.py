"""Before a blind vote no budget tells its voter what replies took, neither in numbers nor by what fits in."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from personachat.accounts.budget import BudgetState
from personachat.lab.comparisons.model import Setup
from personachat.lab.comparisons.service import Comparisons
from personachat.owners import LOCAL_OWNER
from personachat.services import Services
from tests.conftest import local, persona_text
from tests.fake_provider import FakeProvider, tokens
from tests.lab.comparisons.conftest import ended

LIMITS = [
    {"scope": scope, "per": "day", **most}
    for scope in ("all", "person", "role", "persona")
    for most in ({"usd": 50}, {"tokens": 1_000_000}, {"replies": 50})
]
CHEAP, DEAR = "gpt-4o-mini", "gpt-4o"
PAIR = (Setup(persona_id="ada", model=CHEAP), Setup(persona_id="bob", model=DEAR))


@pytest.fixture
def limited(make_services: Callable[..., Services]) -> Services:
    made = make_services(budgets=json.dumps(LIMITS))
    for each in ("ada", "bob"):
        made.personas.save(persona_text(each, maxTokens=1000))
    return made


def begun(comparisons: Comparisons, fake: FakeProvider, said: dict[str, int], *, blind: bool = True) -> str:
    """A comparison in which each model says so many words."""
    fake.answer_by_model({model: tokens(["word "] * words) for model, words in said.items()})
    comparison_id = comparisons.begin(PAIR, "Hello?", blind=blind)
    ended(comparisons, comparison_id)
    return comparison_id


def numbers(states: list[BudgetState]) -> list[tuple[Any, ...]]:
    return [(each.budget, each.spent, each.reserved) for each in states]


def told(services: Services) -> list[Any]:
    """All that budgets say to who sits at this machine, and administers."""
    services.ledger.settle()
    budgets = services.budgets
    budgets._cached_states.clear()
    mine = [numbers(budgets.states_of(LOCAL_OWNER, persona_id=each)) for each in ("", "ada", "bob")]
    overview = services.administrator(LOCAL_OWNER).budgets()
    everyone = [(name, numbers([state])) for each in overview for name, state in each.states]
    return [mine, sorted(everyone, key=repr)]


def test_whoever_wrote_much_or_failed_budgets_say_the_same_until_the_vote(
    limited: Services, fake: FakeProvider
) -> None:
    comparisons = local(limited).comparisons
    said = []
    for words in ({CHEAP: 2, DEAR: 700}, {CHEAP: 700, DEAR: 2}):
        before = told(limited)
        comparison_id = begun(comparisons, fake, words)
        said.append((before, told(limited)))
        comparisons.vote(comparison_id, 1, "tie")
        assert told(limited) != said[-1][1]  # from now on it is what they took
    grown = [_difference(before, after) for before, after in said]
    assert grown[0] == pytest.approx(grown[1], abs=1e-9)
    assert any(grown[0])  # they count with the most that they can take


def _difference(before: Any, after: Any) -> list[float]:
    """How much each number in these lists has grown."""
    old, new = (_sums(each) for each in (before, after))
    return [new[key] - old.get(key, 0.0) for key in sorted(new, key=repr)]


def _sums(said: list[Any]) -> dict[Any, float]:
    mine, everyone = said
    found: dict[Any, float] = {}
    for at, states in enumerate(mine):
        found |= {(at, budget): spent + reserved for budget, spent, reserved in states}
    for name, states in everyone:
        found |= {(name, budget): spent + reserved for budget, spent, reserved in states}
    return found


def test_what_still_fits_in_does_not_tell_either(
    make_services: Callable[..., Services], fake: FakeProvider
) -> None:
    """Until the vote two short replies leave no more room than two long ones."""
    for words in (2, 900):
        services = make_services(budgets=json.dumps([{"scope": "all", "per": "day", "tokens": 6000}]))
        for each in ("ada", "bob"):
            services.personas.save(persona_text(each, maxTokens=1000))
        services.personas.save(persona_text("long", model=CHEAP, maxTokens=4000))
        workspace = local(services)
        comparison_id = begun(workspace.comparisons, fake, {CHEAP: words, DEAR: words})
        services.ledger.settle()
        refused = workspace.chat.begin("Hi", persona_id="long")
        while refused.live:
            refused.wait(0, timeout_seconds=1)
        error = refused.snapshot().error
        assert error
        assert error.code == "budget_exceeded"
        workspace.comparisons.vote(comparison_id, 1, "tie")
        if words == 2:
            allowed = workspace.chat.begin("Hi", persona_id="long")
            while allowed.live:
                allowed.wait(0, timeout_seconds=1)
            assert allowed.snapshot().error is None
        services.close()


def test_other_people_are_told_what_the_comparison_took(limited: Services, fake: FakeProvider) -> None:
    before = limited.budgets.states(limited.budgets.caller("user:bo"))[0].spent
    begun(local(limited).comparisons, fake, {CHEAP: 2, DEAR: 700})
    limited.ledger.settle()
    after = limited.budgets.states(limited.budgets.caller("user:bo"))[0]
    assert after.spent > before
    assert after.reserved == 0
