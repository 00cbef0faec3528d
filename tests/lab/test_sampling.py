"""A share of the replies that people get is measured by itself: once, within its budget, whatever dies."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from personachat.lab.on_save import Sampling, TestSettings
from personachat.lab.testing_tables import sampled_replies
from personachat.services import Services, build_services
from personachat.settings import load_settings
from personachat.usage import pricing
from tests.conftest import local, persona_text
from tests.fake_provider import Gate, tokens
from tests.killed_writers import kill, start
from tests.lab.scripted import ScriptedProvider, is_judging, last_words, verdict
from tests.lab.test_adherence import KIND, SHORT, judge_of
from tests.lab.test_replaying import talk
from tests.migrated import migrated_postgres
from tests.usage.conftest import ledger_of


def sampling(services: Services, *questions: str, **settings: Any) -> None:
    """Have the persona "tester" say that its replies are sampled."""
    said = {"questions": list(questions or (KIND, SHORT)), "sampling": {"percent": 100, **settings}}
    services.personas.save(persona_text(extensions={"tests": said}))


def looked(services: Services) -> None:
    """Measure what is due now, to the end."""
    over = services.testing.sampler.look()
    if over:
        assert over.wait(20)


def rows(services: Services) -> list[Any]:
    with services.database.read() as connection:
        return list(connection.execute(select(sampled_replies).order_by(sampled_replies.c.sampled_at)))


def judged(fake: ScriptedProvider) -> list[str]:
    return [last_words(chat.body) for chat in fake.chats if is_judging(chat.body)]


def test_nothing_is_measured_unless_the_persona_says_so(services: Services, fake: ScriptedProvider) -> None:
    talk(services, "Sun")
    judge_of(fake, kind=["Sun"])
    looked(services)
    sampling(services, percent=0)
    looked(services)
    assert (rows(services), judged(fake)) == ([], [])


def test_each_reply_is_measured_once_and_in_the_ledger(services: Services, fake: ScriptedProvider) -> None:
    talk(services, "Sun", "Rain")
    judge_of(fake, kind=["Sun"])
    sampling(services)
    before = len(ledger_of(services))
    looked(services)
    looked(services)
    assert len(judged(fake)) == 4
    found = ledger_of(services)[before:]
    assert {(row["purpose"], row["persona_id"]) for row in found} == {("judge", "tester")}
    assert len(found) == 4
    sampled = local(services).tests.sampled
    told = {each.question: (each.hits, each.count) for each in sampled.answers("tester")}
    assert told == {KIND: (1, 2), SHORT: (2, 2)}
    assert [each.share for each in sampled.measured("tester")] == [0.5, 1.0]
    assert sampled.today("tester")[0] == 2


def test_no_persons_budget_pays_for_what_an_author_sets(
    make_services: Callable[..., Services], fake: ScriptedProvider
) -> None:
    budgets = [{"scope": scope, "per": "day", "replies": 2} for scope in ("person", "role")]
    services = make_services(judge_model="fake-2", budgets=json.dumps(budgets))
    talk(services, "Sun", "Rain")  # that was all of it
    judge_of(fake, kind=["Sun"])
    sampling(services)
    looked(services)
    assert [(row.state, len(row.answers)) for row in rows(services)] == [("done", 2), ("done", 2)]
    services.ledger.settle()
    caller = services.budgets.caller(local(services).owner)
    assert [state.total for state in services.budgets.states(caller)] == [2, 2]
    assert {row["owner"] for row in ledger_of(services) if row["purpose"] == "judge"} == {""}


@pytest.mark.parametrize("scope", ["persona", "all"])
def test_a_reply_waits_where_the_budget_of_the_persona_or_of_all_has_no_room(
    make_services: Callable[..., Services],
    fake: ScriptedProvider,
    scope: str,
) -> None:
    services = make_services(
        judge_model="fake-2", budgets=json.dumps([{"scope": scope, "per": "day", "replies": 2}])
    )
    talk(services, "Sun")
    judge_of(fake, kind=["Sun"])
    sampling(services)
    looked(services)
    assert [(row.state, len(row.answers)) for row in rows(services)] == [("begun", 1)]
    assert len(judged(fake)) == 1
    calls = len(ledger_of(services))
    looked(services)  # it isn't asked for again at once
    assert len(ledger_of(services)) == calls
    assert local(services).tests.sampled.answers("tester") == ()
    services.close()
    later = make_services(judge_model="fake-2")
    sampling(later)
    looked(later)
    assert [(row.state, len(row.answers)) for row in rows(later)] == [("done", 2)]
    assert len(judged(fake)) == 2


def test_a_day_has_so_many_replies_and_costs_no_more_than_its_budget(
    services: Services, fake: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk(services, "Sun", "Rain", "Hail")
    judge_of(fake, kind=["Sun"])
    sampling(services, maxCostUsdPerDay=0.5)
    looked(services)  # the price isn't known
    assert rows(services) == []
    monkeypatch.setattr(pricing, "cost_usd", lambda *_: 0.01)
    sampling(services, KIND, maxCostUsdPerDay=0.05)
    looked(services)  # each may cost 0.04 (both tries, each tried again) and does cost 0.01
    assert [row.cost_usd for row in rows(services)] == [0.01, 0.01]
    sampling(services, KIND, maxPerDay=2)
    looked(services)
    assert len(rows(services)) == 2
    sampling(services, KIND, maxPerDay=3)
    looked(services)
    assert len(rows(services)) == 3


def test_an_answer_that_cannot_be_read_is_no_yes(services: Services, fake: ScriptedProvider) -> None:
    talk(services, "Sun")
    fake.script = lambda _: "verdict: yes"
    sampling(services, KIND)
    looked(services)
    looked(services)
    assert len(judged(fake)) == 2
    sampled = local(services).tests.sampled
    assert [(each.hits, each.count) for each in sampled.answers("tester")] == [(0, 1)]
    assert sampled.measured("tester") == ()


def test_the_rows_hold_nothing_that_was_said(services: Services, fake: ScriptedProvider) -> None:
    talk(services, "Secret sun")
    judge_of(fake, kind=["sun"])
    sampling(services)
    looked(services)
    (row,) = rows(services)
    assert "sun" not in json.dumps([str(value) for value in row]).lower()


def test_other_peoples_replies_are_counted_and_not_shown(services: Services, fake: ScriptedProvider) -> None:
    talk(services, "Sun")
    judge_of(fake, kind=["Sun"])
    sampling(services)
    looked(services)
    others = services.of("browser:other").tests.sampled
    assert sum(each.count for each in others.answers("tester")) == 2
    assert others.measured("tester") == ()


def test_deleted_conversations_are_left_alone(services: Services, fake: ScriptedProvider) -> None:
    chat = local(services).chat
    live = chat.begin("Sun", persona_id="tester")
    while live.live:
        live.wait(live.version[0], timeout_seconds=10)
    local(services).library.delete(live.conversation_id)
    judge_of(fake, kind=["Sun"])
    sampling(services)
    looked(services)
    assert rows(services) == []


def two_processes(make_services: Callable[..., Services], fake: ScriptedProvider, **settings: Any) -> None:
    one, other = (make_services(judge_model="fake-2", **settings) for _ in range(2))
    talk(one, "Sun", "Rain", "Hail", "Snow")
    judge_of(fake, kind=["Sun"])
    sampling(one)
    for over in [each.testing.sampler.look() for each in (one, other)]:
        assert over
        assert over.wait(30)
    asked = judged(fake)
    assert len(asked) == 8
    assert len(rows(one)) == 4


def test_two_processes_measure_no_reply_twice(
    make_services: Callable[..., Services], fake: ScriptedProvider
) -> None:
    two_processes(make_services, fake)


def test_two_processes_measure_no_reply_twice_in_postgresql(
    make_services: Callable[..., Services], fake: ScriptedProvider
) -> None:
    with migrated_postgres() as url:
        two_processes(make_services, fake, database_url=url, persona_store="database")


def sample_until_killed(settings: dict[str, Any]) -> None:
    """What a process does that is killed while the judge thinks."""
    services = build_services(load_settings(**settings))
    over = services.testing.sampler.look()
    assert over
    over.wait(60)


def test_a_killed_process_loses_no_answer_and_the_next_asks_only_for_the_rest(
    services: Services, fake: ScriptedProvider, tmp_path: Path
) -> None:
    talk(services, "Sun")
    sampling(services)
    fake.forget()
    waits = Gate()
    fake.script = lambda body: (
        verdict("yes", "You said") if KIND in last_words(body) else tokens([waits, "late"])
    )
    process = start(
        sample_until_killed,
        {
            "openai_base_url": fake.base_url,
            "openai_api_key": "sk-test-key-that-nobody-may-see",
            "personas_dir": tmp_path / "personas",
            "data_dir": tmp_path / "data",
            "judge_model": "fake-2",
        },
    )
    waits.wait_reached(30)
    assert [len(row.answers) for row in rows(services)] == [1]
    looked(services)  # the other process lives and is at it
    assert len(judged(fake)) == 2
    kill(process)
    waits.open()
    judge_of(fake, kind=["Sun"])
    looked(services)
    assert [(row.state, len(row.answers)) for row in rows(services)] == [("done", 2)]
    asked = judged(fake)
    assert [KIND in each for each in asked] == [True, False, False]


@pytest.mark.parametrize("said", [{"percent": 101}, {"percent": -1}, {"maxPerDay": 0}, {"often": 1}])
def test_settings_that_cannot_be_used_sample_nothing(services: Services, said: dict[str, Any]) -> None:
    persona = services.personas.save(
        persona_text(extensions={"tests": {"questions": [KIND], "sampling": said}})
    ).persona
    assert not TestSettings.of(persona).samples


def test_settings_are_written_into_the_persona_and_back() -> None:
    settings = TestSettings(
        questions=(KIND,), sampling=Sampling(percent=2.5, max_per_day=3, max_cost_usd_per_day=0.1)
    )
    text = settings.written_into(persona_text())
    assert json.loads(text)["extensions"]["tests"]["sampling"] == {
        "percent": 2.5,
        "maxPerDay": 3,
        "maxCostUsdPerDay": 0.1,
    }
