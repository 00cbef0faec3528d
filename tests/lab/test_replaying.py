"""Saved conversations are replayed turn by turn, each as it was recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from personachat.conversations.model import Reply, Turn
from personachat.errors import SuiteRunRefused
from personachat.lab.replaying import (
    MOST_CASES,
    Course,
    Talk,
    changed_share,
    lore_note,
    made_replay,
    recorded,
)
from personachat.lab.runs.cells import LED_NOWHERE
from personachat.lab.runs.model import Cell, Run
from personachat.lab.runs.wish import RunWish
from personachat.messages import Usage
from personachat.services import Services
from personachat.usage import pricing
from tests.conftest import local, persona_text
from tests.fake_provider import Gate, tokens
from tests.lab.conftest import ended
from tests.lab.scripted import ScriptedProvider, broken, last_words


def talk(services: Services, *said: str) -> Talk:
    """A conversation in which these were said."""
    chat = local(services).chat
    conversation_id = ""
    for words in said:
        live = (
            chat.send(conversation_id, words, persona_id="tester")
            if conversation_id
            else chat.begin(words, persona_id="tester")
        )
        conversation_id = live.conversation_id
        while live.live:
            live.wait(live.version[0], timeout_seconds=10)
    return Talk("A: talk", chat.conversation(conversation_id).path)


def test_each_reply_is_asked_for_again_after_what_was_recorded(
    services: Services, fake: ScriptedProvider
) -> None:
    recording = talk(services, "One: {x}", "Two")
    fake.forget()
    fake.script = lambda _: "New reply."
    tests = local(services).tests
    draft = persona_text(systemPrompt="You are the draft.")
    run = ended(
        tests.begin_experiment(RunWish(persona_id="tester", draft=draft), made_replay("tester", [recording]))
    ).plan.run
    sent = sorted([each["content"] for each in chat.body["messages"]] for chat in fake.chats)
    assert sent == [
        ["You are the draft.", "One: {x}"],
        ["You are the draft.", "One: {x}", "You said: One: {x}", "Two"],
    ]
    report = tests.runs.report(run.id)
    assert [case.reference for case in report.suite.cases] == ["You said: One: {x}", "You said: Two"]
    assert {cell.reply for case in report.score.cases for cell in case.cells} == {"New reply."}
    assert (tests.runs.of("tester"), [each.id for each in tests.runs.of("tester", kind="replay")]) == (
        (),
        [run.id],
    )


def test_long_conversations_are_replayed_in_part_and_stay_readable(services: Services) -> None:
    recording = talk(services, "Hi")
    many = [Talk("Same", recording.path)] * (MOST_CASES + 50)
    assert len(made_replay("tester", many).suite.cases) == MOST_CASES


def test_nothing_to_replay_is_said(services: Services) -> None:
    with pytest.raises(SuiteRunRefused):
        made_replay("tester", [Talk("Empty", ())])


@pytest.mark.parametrize(
    ("before", "after", "share"), [("a b", "a b", 0.0), ("a", "b", 1.0), ("", "", 0.0), ("a", "", 1.0)]
)
def test_how_much_changed(before: str, after: str, share: float) -> None:
    assert changed_share(before, after) == share


def own_course(services: Services, *talks: Talk, **wish: Any) -> tuple[Run, list[Cell]]:
    """A replay on its own course, to its end."""
    tests = local(services).tests
    made = made_replay("tester", list(talks), course="own")
    run = ended(tests.begin_experiment(RunWish(persona_id="tester", **wish), made)).plan.run
    return run, [cell for case in tests.runs.report(run.id).score.cases for cell in case.cells]


def sent(fake: ScriptedProvider) -> list[list[str]]:
    return [[each["content"] for each in chat.body["messages"][1:]] for chat in fake.chats]


def test_on_its_own_course_the_new_replies_are_what_was_said_before(
    services: Services, fake: ScriptedProvider
) -> None:
    recording, other = talk(services, "One", "Two", "Three"), talk(services, "Other", "More")
    fake.forget()
    fake.script = lambda body: f"New to {last_words(body)}."
    run, cells = own_course(services, recording, other)
    assert sorted(sent(fake)) == [
        ["One"],
        ["One", "New to One.", "Two"],
        ["One", "New to One.", "Two", "New to Two.", "Three"],
        ["Other"],
        ["Other", "New to Other.", "More"],
    ]
    assert [cell.reply for cell in cells][2] == "New to Three."
    assert run.options.course == "own"


def test_where_a_reply_failed_its_course_ends_and_the_others_go_on(
    services: Services, fake: ScriptedProvider
) -> None:
    recording, other = talk(services, "One", "Two", "Three"), talk(services, "Other")
    fake.script = lambda body: broken() if last_words(body) == "Two" else "New."
    _, cells = own_course(services, recording, other)
    assert [cell.outcome for cell in cells] == ["pass", "error", "error", "pass"]
    assert cells[2].error == LED_NOWHERE


def test_a_course_that_was_cancelled_goes_on_from_its_own_replies(
    make_services: Callable[..., Services], fake: ScriptedProvider
) -> None:
    services = make_services(max_concurrent_test_calls=2)
    recording = talk(services, "One", "Two")
    tests, gate = local(services).tests, Gate()
    fake.enqueue(tokens(["New first."]), tokens([gate, "x"]))
    live = tests.begin_experiment(
        RunWish(persona_id="tester"), made_replay("tester", [recording, recording], course="own")
    )
    assert live.wait(0, timeout_seconds=10)
    gate.wait_reached()
    tests.runs.cancel(live.plan.run.id)
    ended(live)
    gate.open()
    fake.forget()
    fake.script = lambda _: "New."
    ended(tests.resume(live.plan.run.id))
    report = tests.runs.report(live.plan.run.id)
    assert (report.run.state, report.score.done) == ("finished", 4)
    replies = {cell.reply for case in report.score.cases for cell in case.cells}
    assert "New first." in replies
    assert ["One", "New first.", "Two"] in sent(fake) or ["One", "New.", "Two"] in sent(fake)


def test_what_a_replay_can_cost_counts_the_new_replies_before_each_as_long_as_they_may_be(
    services: Services,
) -> None:
    recording = talk(services, "One", "Two", "Three")
    services.personas.save(persona_text(model="gpt-4o", maxTokens=1_000))
    tests = local(services).tests
    most = []
    courses: tuple[Course, ...] = ("recorded", "own")
    for course in courses:
        forecast = tests.forecast_experiment(
            RunWish(persona_id="tester"), made_replay("tester", [recording], course=course)
        )
        assert forecast.most_cell_usd is not None
        most.append(forecast.most_cell_usd)
    two_replies = pricing.cost_usd("openai", "gpt-4o", Usage(2_000, 0))
    assert two_replies is not None
    assert most[1] - most[0] >= two_replies


def test_a_talk_too_long_for_one_case_stays_in_order() -> None:
    turns = []
    for number in range(150):
        turns.append(Turn(f"u{number}", None, "user", f"Say {number}", "tester", "Tester"))
        reply = Reply(state="finished", text=f"Reply {number}")
        turns.append(Turn(f"a{number}", None, "assistant", "", "tester", "Tester", reply=reply))
    made = made_replay("tester", [Talk("Long", turns)], course="own")
    last = len(made.suite.cases) - 1
    assert made.options.first_of(last) == 0
    case = made.suite.cases[last]
    for at, earlier in made.options.earlier[last].items():
        assert case.all_turns[at].words == made.suite.cases[earlier].reference
    assert any("last 200 messages" in note for note in made.options.notes.get(last, ()))


def test_what_a_recording_lacks_is_noted() -> None:
    ask = Turn("u", None, "user", "Look: ![a cat](https://x/cat.png)", "tester", "Tester")
    for reply, words in (
        (Reply(text="A", memory_from=4), "left out"),
        (Reply(text="A", summary="They met."), "summary"),
    ):
        answer = Turn("a", "u", "assistant", "", "tester", "Tester", reply=reply)
        notes = " ".join(made_replay("tester", [Talk("T", [ask, answer])]).options.notes[0])
        assert words in notes
        assert "Images aren't recorded" in notes


def test_lore_that_is_told_differently_now_is_said(services: Services, fake: ScriptedProvider) -> None:
    def book(*names: str) -> str:
        entries = [{"keys": ["tram"], "content": f"About {name}", "name": name} for name in names]
        return persona_text(extensions={"character_book": {"entries": entries}})

    services.personas.save(book("Brakes", "Rails"))
    here = local(services)
    live = here.chat.begin("How does a tram stop?", persona_id="tester")
    while live.live:
        live.wait(live.version[0], timeout_seconds=10)
    recording = recorded(here.chat, here.inspection, live.conversation_id)
    services.personas.save(book("Rails", "Wires"))
    made = made_replay("tester", [recording])
    run = ended(here.tests.begin_experiment(RunWish(persona_id="tester"), made)).plan.run
    (cell,) = here.tests.runs.report(run.id).score.cases[0].cells
    note = lore_note(here.tests.runs.report(run.id).run.options.lore[0], cell.lore)
    assert note == "The lore has changed; no longer included: Brakes; only included now: Wires."
    assert lore_note(("A",), ("A",)) == ""
