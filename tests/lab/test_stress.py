"""A simulated user talks to a persona for many rounds, and a judge looks at some of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from personachat.errors import SuiteRunRefused
from personachat.lab.adherence import by_question
from personachat.lab.runs.cells import LED_NOWHERE, TALK_OVER
from personachat.lab.runs.model import Cell, Run
from personachat.lab.runs.replying import SaidTurn
from personachat.lab.runs.wish import RunWish
from personachat.lab.simulated_user import flipped, is_farewell, read_spoken, why_over
from personachat.lab.stress import MOST_ROUNDS, PROBES, ROUNDS, made_stress, requests_of
from personachat.lab.testing import Tests
from personachat.services import Services
from tests.conftest import local, persona_text
from tests.fake_provider import Gate, Reply, tokens
from tests.lab.conftest import ended
from tests.lab.scripted import ScriptedProvider, broken, is_judging, last_words, verdict
from tests.usage.conftest import ledger_of

WISH = RunWish(persona_id="tester")
QUESTIONS = ["Is the reply in character?"]


def plays_user(body: Mapping[str, Any]) -> bool:
    return "You play a person" in str(body["messages"][0]["content"])


def speaks(message: str, *, done: bool = False) -> str:
    return json.dumps({"message": message, "done": done})


def talks(fake: ScriptedProvider, user: Callable[[int, str], str | Reply]) -> None:
    """The provider plays all three: the user by number and what it hears, the persona, and the judge."""

    def script(body: Mapping[str, Any]) -> str | Reply:
        if is_judging(body):
            return verdict("yes", "Reply to")
        if plays_user(body):
            return user(sum(each["role"] == "assistant" for each in body["messages"]) + 1, last_words(body))
        return f"Reply to {last_words(body)}"

    fake.script = script


def talk(tests: Tests, **keys: Any) -> tuple[Run, list[Cell]]:
    made = made_stress("tester", QUESTIONS, user_model="fake-2", **keys)
    run = ended(tests.begin_experiment(WISH, made)).plan.run
    return run, [cell for case in tests.runs.report(run.id).score.cases for cell in case.cells]


def test_twenty_rounds_with_three_probes(services: Services, fake: ScriptedProvider) -> None:
    talks(fake, lambda number, _: speaks(f"Message {number}"))
    tests = local(services).tests
    run, cells = talk(tests)
    assert (len(cells), {cell.outcome for cell in cells}) == (ROUNDS, {"pass"})
    assert [cell.case_number + 1 for cell in cells if cell.judged] == list(PROBES)
    assert [cell.asked for cell in cells[:2]] == ["Message 1", "Message 2"]
    assert cells[19].reply == "Reply to Message 20"
    purposes = [row["purpose"] for row in ledger_of(services)]
    assert {each: purposes.count(each) for each in set(purposes)} == {
        "test": 20,
        "simulated_user": 20,
        "judge": 3,
    }
    report = tests.runs.report(run.id)
    assert report.run.state == "finished"
    assert [share.in_words for share in by_question(report).values()] == ["3 of 3 (44 to 100 %)"]


def test_both_sides_requests_can_be_read_afterwards_as_they_were_sent(
    services: Services, fake: ScriptedProvider
) -> None:
    services.personas.save(persona_text(greeting="Welcome, {{user}}."))
    talks(fake, lambda number, _: speaks(f"Message {number}"))
    tests = local(services).tests
    run, _ = talk(tests, rounds=3, probes=[3])
    sent = [
        [(each["role"], each["content"]) for each in chat.body["messages"]]
        for chat in fake.chats
        if not is_judging(chat.body)
    ]
    for number in range(3):
        user, persona = requests_of(tests.runs.report(run.id), number)
        assert (list(user), list(persona)) == (sent[2 * number], sent[2 * number + 1])
    assert "Welcome, User." in str(sent[0])


@pytest.mark.parametrize("escape", ["\\ud83d", "\\u0000"])
def test_half_a_sign_in_a_users_words_does_not_end_the_talk(
    escape: str, services: Services, fake: ScriptedProvider
) -> None:
    talks(fake, lambda number, _: f'{{"message": "Message {number} {escape}"}}')
    _, cells = talk(local(services).tests, rounds=2, probes=[1])
    assert [cell.asked for cell in cells] == ["Message 1 \ufffd", "Message 2 \ufffd"]
    assert {cell.error for cell in cells} == {""}


def test_each_side_hears_the_other_as_its_user(services: Services, fake: ScriptedProvider) -> None:
    services.personas.save(persona_text(greeting="Welcome."))
    talks(fake, lambda number, _: speaks(f"Message {number}"))
    talk(local(services).tests, rounds=2, probes=[2])
    user = [chat.body["messages"][1:] for chat in fake.chats if plays_user(chat.body)]
    heard = [(each["role"], each["content"]) for each in user[1]]
    assert heard == [("user", "Welcome."), ("assistant", "Message 1"), ("user", "Reply to Message 1")]
    own = [
        chat.body["messages"]
        for chat in fake.chats
        if not plays_user(chat.body) and not is_judging(chat.body)
    ]
    assert own[1][0]["content"] == "You are a test."  # the prompt under test is sent
    assert [each["content"] for each in own[1][1:]] == [
        "Welcome.",
        "Message 1",
        "Reply to Message 1",
        "Message 2",
    ]


@pytest.mark.parametrize(
    ("user", "rounds", "why"),
    [
        (lambda number, _: speaks(f"M {number}", done=number == 3), 3, "was done"),
        (lambda _, __: speaks("Same"), 3, "said the same"),
        (lambda number, _: speaks("A" if number % 2 else "B"), 6, "circle"),
        (lambda number, _: speaks("" if number == 2 else "M", done=number == 2), 1, "had left"),
    ],
)
def test_a_talk_ends_by_itself_and_what_never_came_is_no_pass(
    services: Services, fake: ScriptedProvider, user: Callable[[int, str], str], rounds: int, why: str
) -> None:
    talks(fake, user)
    tests = local(services).tests
    run, cells = talk(tests, rounds=8, probes=[1, 8])
    assert sum(cell.outcome == "pass" for cell in cells) == rounds
    assert all(cell.error_code == TALK_OVER and why in cell.error for cell in cells[rounds:])
    assert (tests.runs.report(run.id).run.state, len(cells)) == ("finished", 8)


def test_a_user_that_cannot_be_read_is_asked_once_more_and_then_an_error(
    services: Services, fake: ScriptedProvider
) -> None:
    answers = iter(["Hello!", speaks("Hello"), "What?", "[]"])
    talks(fake, lambda _, __: next(answers))
    _, cells = talk(local(services).tests, rounds=3, probes=[3])
    assert [cell.outcome for cell in cells] == ["pass", "error", "error"]
    assert "can't be read" in cells[1].error
    assert cells[2].error == LED_NOWHERE


def test_a_failing_persona_ends_the_talk_as_an_error(services: Services, fake: ScriptedProvider) -> None:
    fake.script = lambda body: speaks("Hi") if plays_user(body) else broken()
    _, cells = talk(local(services).tests, rounds=2)
    assert [(cell.outcome, cell.asked) for cell in cells] == [("error", "Hi"), ("error", "")]


def test_a_talk_is_cancelled_and_goes_on_where_it_was(services: Services, fake: ScriptedProvider) -> None:
    tests, gate = local(services).tests, Gate()
    talks(fake, lambda number, _: tokens([gate, "x"]) if number == 2 else speaks(f"Message {number}"))
    live = tests.begin_experiment(WISH, made_stress("tester", QUESTIONS, user_model="fake-2", rounds=3))
    gate.wait_reached()
    tests.runs.cancel(live.plan.run.id)
    ended(live)
    gate.open()
    assert tests.runs.report(live.plan.run.id).run.state == "cancelled"
    talks(fake, lambda number, _: speaks(f"Again {number}"))
    ended(tests.resume(live.plan.run.id))
    cells = [cell for case in tests.runs.report(live.plan.run.id).score.cases for cell in case.cells]
    assert [cell.asked for cell in cells] == ["Message 1", "Again 2", "Again 3"]


def test_the_forecast_grows_with_the_talk_and_counts_all_sides(
    services: Services, fake: ScriptedProvider
) -> None:
    tests = local(services).tests
    services.personas.save(persona_text(model="gpt-4o"))
    short = tests.forecast_experiment(WISH, made_stress("tester", QUESTIONS, user_model="gpt-4o", rounds=10))
    long = tests.forecast_experiment(WISH, made_stress("tester", QUESTIONS, user_model="gpt-4o", rounds=20))
    assert (long.cells, long.calls, long.judge_calls) == (20, 43, 3)
    assert long.prompt_tokens > 3 * short.prompt_tokens
    assert fake.chats == []


def test_the_embedded_model_never_plays_the_user(services: Services) -> None:
    made = made_stress("tester", QUESTIONS, user_model="local/smollm2-135m-instruct", rounds=1)
    tests = local(services).tests
    run = ended(tests.begin_experiment(WISH, made)).plan.run
    (cell,) = tests.runs.report(run.id).score.cases[0].cells
    assert (cell.outcome, cell.asked) == ("error", "")


@pytest.mark.parametrize(
    "keys",
    [{"questions": []}, {"user_model": ""}, {"rounds": 0}, {"rounds": MOST_ROUNDS + 1}],
)
def test_what_cannot_be_had_is_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(SuiteRunRefused):
        made_stress("tester", **({"questions": QUESTIONS, "user_model": "fake-2"} | keys))


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (speaks("Hi"), ("Hi", False)),
        ('```json\n{"message": "Hi", "done": true}\n```', ("Hi", True)),
        ('{"message": "Hi"}', ("Hi", False)),
        (speaks("", done=True), ("", True)),
    ],
)
def test_a_users_words_are_read(answer: str, found: tuple[str, bool]) -> None:
    assert read_spoken(answer) == (*found, "")


@pytest.mark.parametrize(
    "answer", ["Hi", "[]", speaks(" "), '{"message": 1}', '{"message": "Hi", "done": "no"}']
)
def test_anything_else_is_trouble(answer: str) -> None:
    assert read_spoken(answer)[2]


@pytest.mark.parametrize(
    "words",
    [
        "Goodbye!",
        "OK, bye.",
        "Tschüss!",
        "Auf Wiedersehen",
        "Au revoir, merci",
        "¡Adiós!",
        "再见",
        "さようなら",
    ],
)
def test_farewells_are_found_in_many_languages(words: str) -> None:
    assert is_farewell(words)
    assert why_over([("user", words), ("assistant", words)]) == "Both said goodbye."
    assert why_over([("user", words), ("assistant", "But wait.")]) == ""


@pytest.mark.parametrize("words", ["By the way", "Bytes and bits", "Ciabatta", "word " * 50 + "bye"])
def test_what_only_looks_like_a_farewell_is_none(words: str) -> None:
    assert not is_farewell(words)


def test_roles_are_the_other_way_round() -> None:
    said: Sequence[SaidTurn] = [("user", "A"), ("assistant", "B")]
    assert [role for role, _ in flipped(said)] == ["user", "assistant", "user"]
    assert flipped([("assistant", "Welcome")]) == [("user", "Welcome")]
    assert len(flipped([])) == 1
