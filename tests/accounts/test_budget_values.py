"""A budget as a value: its period, whom it limits, and the sentences that people read."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from personachat.accounts.budget import Budget, BudgetState, Caller, amount_of
from personachat.accounts.budgets import invalid_because
from personachat.errors import SettingsInvalid
from personachat.settings import load_settings

NOON = datetime(2026, 12, 31, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("period", "began", "resets"),
    [
        ("day", datetime(2026, 12, 31, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
        ("month", datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
        ("minute", datetime(2026, 12, 31, 12, 29, tzinfo=UTC), datetime(2026, 12, 31, 12, 31, tzinfo=UTC)),
    ],
)
def test_a_period_is_one_of_utc(period: str, began: datetime, resets: datetime) -> None:
    budget = Budget(scope="all", period=period, unit="replies", most=1)  # type: ignore[arg-type]  # looser than the types on purpose
    assert (budget.begins(NOON), budget.resets(NOON)) == (began, resets)


ADA = Caller(owner="5f", owner_name="user:ada", role="reader", persona_id="tutor", token_id="t1")


@pytest.mark.parametrize(
    ("scope", "name", "limited"),
    [
        ("all", "", True),
        ("person", "", True),
        ("person", "user:ada", True),
        ("person", "user:bo", False),
        ("role", "reader", True),
        ("role", "admin", False),
        ("persona", "tutor", True),
        ("persona", "other", False),
        ("token", "", True),
        ("token", "t2", False),
    ],
)
def test_it_limits_whom_it_names(scope: str, name: str, limited: bool) -> None:  # noqa: FBT001  # pytest gives it by name
    budget = Budget(scope=scope, name=name, period="day", unit="usd", most=1)  # type: ignore[arg-type]  # looser than the types on purpose
    assert ADA.is_limited_by(budget) is limited


def test_who_came_without_a_token_is_not_limited_by_budgets_of_tokens() -> None:
    budget = Budget(scope="token", period="day", unit="usd", most=1)
    assert not Caller(owner="5f", owner_name="user:ada").is_limited_by(budget)


def state(*, most: float, spent: float, reserved: float = 0, **budget: str) -> BudgetState:
    made = Budget(**({"scope": "person", "period": "day", "unit": "usd"} | budget), most=most)  # type: ignore[arg-type]  # looser than the types on purpose
    return BudgetState(budget=made, spent=spent, reserved=reserved, resets_at=made.resets(NOON))


@pytest.mark.parametrize(
    ("spent", "reserved", "wanted", "refused"),
    [
        (0, 0, 1.0, False),
        (0, 0, 1.01, True),
        (0.5, 0.4, 0.1, False),
        (0.5, 0.4, 0.2, True),
        (1.0, 0, 0.0, False),  # the offline model costs nothing
        (0.9, 0, None, False),  # nobody knows the price
        (1.0, 0, None, True),
        (2.0, 0, 0.1, True),
    ],
)
def test_what_fits_in_is_let_through(
    spent: float,
    reserved: float,
    wanted: float | None,
    refused: bool,  # noqa: FBT001  # pytest gives it by name
) -> None:
    assert state(most=1, spent=spent, reserved=reserved).refuses(wanted) is refused


def test_a_refusal_says_what_is_used_up_and_when_it_begins_anew() -> None:
    used = state(most=5, spent=5, period="month", scope="all").refusal(0.1, moment=NOON)
    assert str(used) == (
        "This month's budget of $5.00 for everyone together is used up. "
        "It resets on 1 January 2027 at 00:00 UTC."
    )
    assert used.code == "budget_exceeded"
    assert used.retry_after_seconds == 11.5 * 3600
    large = state(most=1000, spent=900, unit="tokens").refusal(500, moment=NOON)
    assert str(large) == (
        "This reply could take up to 500 tokens, but only 100 tokens of today's budget of 1,000 tokens for "
        "each person is left. It resets on 1 January 2027 at 00:00 UTC."
    )
    fast = state(most=20, spent=20, unit="replies", period="minute").refusal(1, moment=NOON)
    assert (fast.code, fast.retry_after_seconds) == ("request_limit_reached", 60)
    assert str(fast) == "The limit for each person is 20 replies per minute."


@pytest.mark.parametrize(("spent", "warned"), [(7.9, False), (8, True), (12, True)])
def test_from_80_percent_on_people_are_warned(spent: float, warned: bool) -> None:  # noqa: FBT001  # pytest gives it by name
    found = state(most=10, spent=spent)
    assert found.warns is warned
    assert "of today's budget of $10.00 for each person is used. It resets on" in found.warning()


def test_a_budget_of_nothing_is_used_up_from_the_start() -> None:
    assert state(most=0, spent=0).warns
    assert state(most=0, spent=0).refuses(0.001)


@pytest.mark.parametrize(
    ("number", "unit", "told"),
    [
        (1, "replies", "1 reply"),
        (20_000, "tokens", "20,000 tokens"),
        (0.0004, "usd", "$0.0004"),
        (0, "usd", "$0.00"),
        (0.0000034, "usd", "<$0.0001"),
        (0.005, "usd", "$0.005"),
        (1234.5, "usd", "$1,234.50"),
    ],
)
def test_amounts_are_told_in_words(number: float, unit: str, told: str) -> None:
    assert amount_of(number, unit) == told  # type: ignore[arg-type]  # looser than the types on purpose


@pytest.mark.parametrize(
    "text",
    [
        '[{"scope": "person", "per": "day", "usd": 2}]',
        '[{"scope": "all", "per": "month", "tokens": 9}, {"scope": "token", "per": "minute", "replies": 5}]',
        "[]",
    ],
)
def test_the_setting_takes_json(text: str) -> None:
    assert load_settings(budgets=text).budgets is not None


@pytest.mark.parametrize(
    "text",
    [
        "2 dollars",
        '{"scope": "person"}',
        '[{"scope": "person", "per": "day"}]',
        '[{"scope": "person", "per": "day", "usd": 2, "tokens": 3}]',
        '[{"scope": "person", "per": "day", "usd": -1}]',
        '[{"scope": "person", "per": "minute", "usd": 1}]',
        '[{"scope": "all", "name": "ada", "per": "day", "usd": 1}]',
        '[{"scope": "everybody", "per": "day", "usd": 1}]',
        '[{"scope": "person", "per": "week", "usd": 1}]',
        '[{"scope": "person", "per": "day", "usd": 1, "limit": 3}]',
        '[{"scope": "person", "per": "day", "usd": NaN}]',
    ],
)
def test_what_cannot_be_a_budget_stops_the_start_and_names_the_variable(text: str) -> None:
    with pytest.raises(SettingsInvalid, match="PERSONACHAT_BUDGETS"):
        load_settings(budgets=text)


def test_a_month_needs_a_ledger_that_keeps_one() -> None:
    month = '[{"scope": "all", "per": "month", "usd": 1}]'
    with pytest.raises(SettingsInvalid, match="PERSONACHAT_USAGE_RETENTION_DAYS"):
        load_settings(budgets=month, usage_retention_days=30)
    assert load_settings(budgets=month, usage_retention_days=31)
    budget = Budget(scope="all", period="month", unit="usd", most=1)
    assert "PERSONACHAT_USAGE_RETENTION_DAYS" in invalid_because(budget, retention_days=7)
