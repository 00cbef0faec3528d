"""Calls are counted from the ledger and refused before their provider is asked, in all processes together."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from personachat.accounts.budget import Budget
from personachat.accounts.spending import states
from personachat.accounts.tables import budget_calls
from personachat.errors import BudgetExceeded, BudgetInvalid, BudgetNotFound
from personachat.messages import Usage
from personachat.request_context import RequestContext, current_request
from personachat.services import Services
from personachat.stamps import now
from personachat.usage import pricing
from personachat.usage.model import Call
from tests.conftest import local, persona_text
from tests.fake_provider import FakeProvider, Gate, tokens
from tests.migrated import migrated_postgres
from tests.usage.conftest import ledger_of, over


def limits(*budgets: dict[str, Any]) -> str:
    return json.dumps(budgets)


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str | None]:
    if request.param == "sqlite":
        yield None
        return
    with migrated_postgres() as url:
        yield url.replace("postgresql+psycopg://", "postgresql://")


def ended_with(live_reply: Any) -> str:
    """The code of the error; "" where there is none."""
    error = over(live_reply).snapshot().error
    return error.code if error else ""


def test_the_second_reply_of_one_is_refused_before_anybody_is_asked(
    make_services: Callable[..., Services], fake: FakeProvider
) -> None:
    services = make_services(budgets=limits({"scope": "person", "per": "day", "replies": 1}))
    chat = local(services).chat
    first = over(chat.begin("Hi", persona_id="tester"))
    assert first.snapshot().error is None
    services.ledger.settle()
    refused = over(chat.send(first.conversation_id, "Again", persona_id="tester"))
    error = refused.snapshot().error
    assert error
    assert error.code == "budget_exceeded"
    assert error.message.startswith("Today's budget of 1 reply for each person is used up. It resets on ")
    assert len(fake.chats) == 1
    assert ended_with(services.of("user:bo").chat.begin("Hi", persona_id="tester")) == ""


def test_what_was_refused_or_failed_is_no_reply(
    make_services: Callable[..., Services], fake: FakeProvider
) -> None:
    services = make_services(budgets=limits({"scope": "all", "per": "day", "replies": 2}))
    fake.enqueue(tokens([], usage=None))
    chat = local(services).chat
    assert ended_with(chat.begin("Hi", persona_id="tester")) == "reply_empty"
    assert [ended_with(chat.begin("Hi", persona_id="tester")) for _ in range(3)] == [
        "",
        "",
        "budget_exceeded",
    ]
    services.ledger.settle()
    (state,) = services.budgets.states(services.budgets.caller("local"))
    assert (state.spent, state.reserved) == (2, 0)


def test_drafts_summaries_and_trying_out_count_as_well(make_services: Callable[..., Services]) -> None:
    services = make_services(budgets=limits({"scope": "person", "per": "day", "replies": 2}))
    trying = services.trying_out(persona_text("draft"), owner="local")
    assert ended_with(trying.send(trying.start(temporary=True).id, "Hi", persona_id="draft")) == ""
    assert ended_with(services.drafter.start("a tutor", owner="local")) == ""
    assert ended_with(services.drafter.improve("Be kind.", wish="", owner="local")) == "budget_exceeded"
    assert (
        ended_with(local(services).chat.begin("Hi", persona_id="tester", temporary=True)) == "budget_exceeded"
    )


class NoSummaries:
    """An admission with room for everything but summaries."""

    may_refuse = True

    def admit(self, call: Call) -> None:
        if call.origin.purpose == "summary":
            raise BudgetExceeded("The budget is used up.")


def test_a_summary_that_does_not_fit_in_is_left_out_and_the_reply_comes(
    services: Services, fake: FakeProvider
) -> None:
    services.ledger._admission = NoSummaries()
    services.personas.save(persona_text("short", contextTokens=1000, maxTokens=100, summarize=True))
    chat = local(services).chat
    reply = over(chat.begin("long words " * 60, persona_id="short"))
    while not any(row["purpose"] == "summary" for row in ledger_of(services)):
        reply = over(chat.send(reply.conversation_id, "long words " * 60, persona_id="short"))
    assert reply.snapshot().error is None
    assert "couldn't be summarized: The budget is used up." in " ".join(reply.snapshot().notices)
    outcomes = {(row["purpose"], row["outcome"], row["error_code"]) for row in ledger_of(services)}
    assert outcomes == {("chat", "finished", None), ("summary", "failed", "budget_exceeded")}
    assert len(fake.chats) == len([row for row in ledger_of(services) if row["purpose"] == "chat"])


@pytest.mark.parametrize("unit", ["tokens", "usd"])
def test_what_a_reply_may_take_at_most_has_to_fit_in(
    unit: str, make_services: Callable[..., Services], fake: FakeProvider
) -> None:
    room = {"tokens": 1_500, "usd": 0.011}[unit]  # gpt-4o: $10 a million of tokens out
    services = make_services(budgets=limits({"scope": "persona", "name": "dear", "per": "month", unit: room}))
    services.personas.save(persona_text("dear", model="gpt-4o", maxTokens=1000))
    chat = local(services).chat
    fake.enqueue(tokens(["Yes"], usage=(100, 600)))
    assert ended_with(chat.begin("Hi", persona_id="dear")) == ""
    services.ledger.settle()
    refused = over(chat.begin("Hi", persona_id="dear")).snapshot().error
    assert refused
    assert refused.code == "budget_exceeded"
    assert refused.message.startswith("This reply could take up to ")
    assert ended_with(chat.begin("Hi", persona_id="tester")) == ""


def test_a_limit_a_minute_counts_replies_of_each_token(make_services: Callable[..., Services]) -> None:
    services = make_services(budgets=limits({"scope": "token", "per": "minute", "replies": 1}))

    def ask(token_id: str) -> str:
        around = current_request.set(RequestContext("req_1", token_id=token_id, role="editor"))
        try:
            return ended_with(services.of("user:ada", surface="api").chat.begin("Hi", persona_id="tester"))
        finally:
            current_request.reset(around)

    assert [ask("t1"), ask("t1"), ask("t2")] == ["", "request_limit_reached", ""]
    assert ended_with(local(services).chat.begin("Hi", persona_id="tester")) == ""


def test_a_waiting_message_counts_for_the_token_it_came_with(
    make_services: Callable[..., Services], fake: FakeProvider
) -> None:
    services = make_services(budgets=limits({"scope": "token", "name": "t1", "per": "day", "replies": 9}))
    gate = Gate()
    fake.enqueue(tokens(["One", gate, "."]))
    around = current_request.set(RequestContext("req_1", token_id="t1"))
    try:
        chat = services.of("user:ada", surface="api").chat
        first = chat.begin("Hi", persona_id="tester")
        fake.wait_for_chats(1)
        chat.queue(first.conversation_id, "More", persona_id="tester")
    finally:
        current_request.reset(around)
    gate.open()
    over(first)
    fake.wait_for_chats(2)
    with services.database.read() as connection:
        assert [row.token_id for row in connection.execute(budget_calls.select())] == ["t1", "t1"]


def test_without_budgets_the_database_is_not_asked(services: Services) -> None:
    services.budgets.refresh()
    assert not services.budgets.may_refuse
    over(local(services).chat.begin("Hi", persona_id="tester"))
    with services.database.read() as connection:
        assert connection.execute(budget_calls.select()).all() == []
    assert services.budgets.states_of("local") == []


def test_calls_of_before_the_first_budget_count(make_services: Callable[..., Services]) -> None:
    services = make_services()
    over(local(services).chat.begin("Hi", persona_id="tester"))
    services.ledger.settle()
    made = services.budgets.add(Budget(scope="all", period="month", unit="replies", most=1))
    assert ended_with(local(services).chat.begin("Hi", persona_id="tester")) == "budget_exceeded"
    services.budgets.remove(made.id)
    assert ended_with(local(services).chat.begin("Hi", persona_id="tester")) == ""


def test_what_another_process_adds_holds_here_once_it_is_learned(
    make_services: Callable[..., Services],
) -> None:
    here, there = make_services(), make_services()
    made = there.budgets.add(Budget(scope="all", period="day", unit="replies", most=0))
    here.budgets.refresh()
    assert ended_with(local(here).chat.begin("Hi", persona_id="tester")) == "budget_exceeded"
    there.budgets.remove(made.id)
    here.budgets.refresh()
    assert not here.budgets.may_refuse


def test_what_cannot_be_a_budget_is_not_added(make_services: Callable[..., Services]) -> None:
    services = make_services(budgets=limits({"scope": "all", "per": "day", "usd": 1}))
    for budget in (
        Budget(scope="all", period="day", unit="usd", most=-1),
        Budget(scope="all", name="ada", period="day", unit="usd", most=1),
        Budget(scope="person", period="minute", unit="tokens", most=1),
        Budget(scope="person", period="day", unit="usd", most=float("nan")),
        Budget(scope="person", name="two\nlines", period="day", unit="usd", most=1),
    ):
        with pytest.raises(BudgetInvalid):
            services.budgets.add(budget)
    with pytest.raises(BudgetNotFound):
        services.budgets.remove("")
    assert len(services.budgets.all) == 1


def test_50_calls_of_two_processes_at_the_edge_never_take_more_than_there_is(
    database_url: str | None, make_services: Callable[..., Services], fake: FakeProvider
) -> None:
    """Ten fit in; each takes what it may take at most."""
    gate = Gate()
    budgets = limits(
        {"scope": "all", "per": "day", "replies": 10},
        {"scope": "role", "name": "editor", "per": "month", "tokens": 100_000_000},
    )
    more = {} if database_url is None else {"database_url": database_url}
    processes = [make_services(budgets=budgets, **more) for _ in range(2)]
    fake.enqueue(*(tokens(["Yes", gate], usage=(10, 10)) for _ in range(50)))

    def ask(number: int) -> Any:
        return processes[number % 2].of(f"user:{number}").chat.begin("Hi", persona_id="tester")

    with ThreadPoolExecutor(50) as pool:
        replies = list(pool.map(ask, range(50)))
    fake.wait_for_chats(10)
    refused = [reply for reply in replies if _is_refused(reply)]
    assert len(refused) == 40
    gate.open()
    codes = [ended_with(reply) for reply in replies]
    assert sorted(codes) == [""] * 10 + ["budget_exceeded"] * 40
    assert len(fake.chats) == 10
    for each in processes:
        each.ledger.settle()
    with processes[0].database.read() as connection:
        (state,) = states(
            connection, processes[0].budgets.configured[:1], processes[0].budgets.caller("x"), moment=now()
        )
    assert (state.spent, state.reserved) == (10, 0)


def _is_refused(reply: Any) -> bool:
    """Waits until it is refused, or its first word has come."""
    while reply.live and not reply.snapshot().text:
        reply.wait(reply.version[0], timeout_seconds=30)
    return not reply.live


def test_a_budget_in_an_unreachable_database_lets_nothing_through(
    make_services: Callable[..., Services], tmp_path: Path
) -> None:
    services = make_services(budgets=limits({"scope": "all", "per": "day", "replies": 5}))
    path = services.database.path
    assert path
    path.rename(path.with_suffix(".away"))
    path.mkdir()  # first, so that nothing that is at work opens it again once it is closed
    services.database.close()
    reply = local(services).chat.begin("Hi", persona_id="tester", temporary=True)
    assert ended_with(reply) in {"database_damaged", "database_unavailable"}


def test_the_sentences_of_warning_come_from_80_percent_on(make_services: Callable[..., Services]) -> None:
    services = make_services(
        budgets=limits(
            {"scope": "person", "per": "day", "replies": 5}, {"scope": "all", "per": "day", "replies": 50}
        )
    )
    for _ in range(4):
        over(local(services).chat.begin("Hi", persona_id="tester"))
    services.ledger.settle()
    (warning,) = services.budgets.warnings_for("local")
    assert warning.startswith("80% of today's budget of 5 replies for each person is used. It resets on ")
    assert services.budgets.warnings_for("user:bo") == []


@pytest.mark.parametrize("scope", ["person", "persona", "role", "token"])
def test_who_administers_sees_who_spends_most(scope: str, make_services: Callable[..., Services]) -> None:
    services = make_services(budgets=limits({"scope": scope, "per": "month", "replies": 10}))
    services.personas.save(persona_text("other"))
    for owner, persona_id, role in (
        ("user:ada", "tester", "editor"),
        ("user:ada", "tester", "editor"),
        ("user:bo", "other", "reader"),
    ):
        around = current_request.set(RequestContext("req_1", role=role, token_id=f"token of {owner}"))
        over(services.of(owner, surface="api").chat.begin("Hi", persona_id=persona_id))
        current_request.reset(around)
    services.ledger.settle()
    (told,) = services.administrator("local").budgets()
    names = {
        "person": ["User ada", "User bo"],
        "persona": ["tester", "other"],
        "role": ["editor", "reader"],
        "token": ["token of user:ada", "token of user:bo"],
    }
    assert [(name, state.spent) for name, state in told.states] == list(
        zip(names[scope], (2, 1), strict=True)
    )


def test_a_refusal_raises_the_error_it_is_told_as(make_services: Callable[..., Services]) -> None:
    services = make_services(budgets=limits({"scope": "all", "per": "day", "replies": 0}))
    reply = over(local(services).chat.begin("Hi", persona_id="tester"))
    error = reply.snapshot().error
    assert error
    assert error.code == BudgetExceeded.code
    assert error.retry_after_seconds
    assert 0 < error.retry_after_seconds <= 86_400


UNPRICED = limits({"scope": "person", "per": "day", "usd": 0.001})


def asked(services: Services) -> str:
    """How a reply of a model ends whose price nobody knows."""
    services.personas.save(persona_text("unpriced", model="fake-1"))
    return ended_with(local(services).chat.begin("Hi", persona_id="unpriced"))


def test_a_model_without_a_price_counts_nothing_and_the_administrator_is_told(
    make_services: Callable[..., Services],
) -> None:
    services = make_services(budgets=UNPRICED)
    assert asked(services) == ""
    services.ledger.settle()
    told = services.administrator("local").unpriced()
    assert "count nothing in US dollars" in told
    assert "Used this month: openai/fake-1." in told
    assert (
        not make_services(budgets=limits({"scope": "all", "per": "day", "tokens": 9}))
        .administrator("local")
        .unpriced()
    )


def test_a_model_without_a_price_can_be_refused(
    make_services: Callable[..., Services], fake: FakeProvider
) -> None:
    services = make_services(budgets=UNPRICED, unknown_price="refuse")
    assert asked(services) == "price_unknown"
    assert not fake.chats
    assert "are refused" in services.administrator("local").unpriced()
    free = make_services(budgets=limits({"scope": "all", "per": "day", "replies": 9}), unknown_price="refuse")
    assert asked(free) == ""


def test_a_model_without_a_price_can_count_as_one(make_services: Callable[..., Services]) -> None:
    services = make_services(budgets=limits({"scope": "all", "per": "day", "usd": 5}), unknown_price=10)
    assert asked(services) == ""
    services.ledger.settle()
    (state,) = services.budgets.states(services.budgets.caller("local"))
    assert state.spent > 0
    dear = make_services(budgets=UNPRICED, unknown_price=1_000)
    assert asked(dear) == "budget_exceeded"
    make_services()  # what was assumed goes with its settings
    assert pricing.cost_usd("openai", "fake-1", Usage(1, 1)) is None
