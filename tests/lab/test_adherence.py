"""A judge answers a persona's questions about recorded replies; nobody is asked for a reply."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from personachat.errors import SuiteRunRefused
from personachat.lab.adherence import (
    by_question,
    checked_questions,
    is_sampled,
    made_adherence,
    measured,
    read_questions,
)
from personachat.lab.runs.wish import RunWish
from personachat.services import Services
from tests.conftest import local
from tests.fake_provider import tokens
from tests.lab.conftest import ended
from tests.lab.scripted import ScriptedProvider, is_judging, last_words, verdict
from tests.lab.test_replaying import talk
from tests.usage.conftest import ledger_of

KIND, SHORT = "Is the reply kind?", "Is the reply short?"
WISH = RunWish(persona_id="tester")


def judge_of(fake: ScriptedProvider, *, kind: Sequence[str]) -> None:
    """A judge for whom all replies are short, and those that hold one of these words are kind."""

    def script(body: dict[str, object]) -> str:
        if not is_judging(body):
            return f"You said: {last_words(body)}"
        asked = last_words(body)
        reply = asked[asked.index("The reply to judge:") :]
        yes = SHORT in asked or any(word in reply for word in kind)
        return verdict("yes" if yes else "no", "You said")

    fake.script = script  # type: ignore[assignment]  # looser than the types on purpose


def test_each_recorded_reply_is_judged_and_the_persona_is_asked_nothing(
    services: Services, fake: ScriptedProvider
) -> None:
    recording = talk(services, "Sun", "Rain", "Hail")
    judge_of(fake, kind=["Sun", "Hail"])
    fake.forget()
    tests = local(services).tests
    made = made_adherence("tester", [recording], [KIND, SHORT])
    forecast = tests.forecast_experiment(WISH, made)
    assert (forecast.calls, forecast.judge_calls, forecast.reply_tokens) == (6, 6, 0)
    before = len(ledger_of(services))
    report = tests.runs.report(ended(tests.begin_experiment(WISH, made)).plan.run.id)
    assert [(each.turn, each.share) for each in measured(report)] == [(1, 1.0), (2, 0.5), (3, 1.0)]
    shares = {question: share.hits for (question, _), share in by_question(report).items()}
    assert shares == {KIND: 2, SHORT: 3}
    assert all(is_judging(chat.body) for chat in fake.chats)
    assert [row["purpose"] for row in ledger_of(services)[before:]] == ["judge"] * 6
    assert not any("kept for reference" in last_words(chat.body) for chat in fake.chats)


def test_an_answer_that_cannot_be_read_is_a_gap_and_no_yes(
    services: Services, fake: ScriptedProvider
) -> None:
    recording = talk(services, "Sun")
    fake.script = lambda _: "verdict: yes"
    tests = local(services).tests
    run = ended(tests.begin_experiment(WISH, made_adherence("tester", [recording], [KIND]))).plan.run
    report = tests.runs.report(run.id)
    assert [each.share for each in measured(report)] == [None]
    assert [share.in_words for share in by_question(report).values()] == ["0 of 1 (0 to 79 %)"]


def test_a_sample_is_the_same_every_time_and_about_its_share() -> None:
    turns = [f"{number:032x}" for number in range(2_000)]
    sampled = [each for each in turns if is_sampled(each, 0.2)]
    assert 300 < len(sampled) < 500
    assert sampled == [each for each in turns if is_sampled(each, 0.2)]
    assert all(is_sampled(each, 1.0) for each in turns)
    assert set(sampled) <= {each for each in turns if is_sampled(each, 0.5)}


@pytest.mark.parametrize(
    "questions", [[], [" ", ""], ["x"], ["Is it?" * 500], [f"Is it {n}?" for n in range(21)]]
)
def test_what_cannot_be_asked_is_refused(services: Services, questions: list[str]) -> None:
    with pytest.raises(SuiteRunRefused):
        made_adherence("tester", [talk(services, "Hi")], questions)


def test_questions_are_told_apart_by_their_words() -> None:
    assert checked_questions(["Is it  warm?", "", "Is it warm?"]) == ("Is it warm?",)


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (json.dumps({"questions": ["Is it warm?", "Is it short?"]}), 2),
        ('```json\n{"questions": ["Is it warm?"]}\n```', 1),
        (json.dumps({"questions": [1, None, "Is it warm?"]}), 1),
        (json.dumps({"questions": "Is it warm?"}), 0),
        ("Is it warm?", 0),
        ("[]", 0),
    ],
)
def test_drafted_questions_are_read(answer: str, found: int) -> None:
    assert len(read_questions(answer)) == found


def test_a_model_drafts_questions_and_what_is_none_is_said(
    services: Services, fake: ScriptedProvider
) -> None:
    tests, persona = local(services).tests, services.personas.get("tester").persona
    fake.enqueue(tokens([json.dumps({"questions": [KIND]})]), tokens(["Sorry."]))
    drafts = [tests.draft_questions(persona) for _ in range(2)]
    assert all(draft.ended.wait(20) for draft in drafts)
    first, second = sorted(drafts, key=lambda draft: draft.error is not None)
    assert (first.questions, first.error) == ((KIND,), None)
    assert second.questions == ()
    assert isinstance(second.error, SuiteRunRefused)
    assert {row["purpose"] for row in ledger_of(services)} == {"drafting"}
