"""Saved conversations are replayed turn by turn, each as it was recorded."""

from __future__ import annotations

import pytest

from personachat.errors import SuiteRunRefused
from personachat.lab.replaying import MOST_CASES, Talk, changed_share, made_replay, replay_text
from personachat.lab.suites.reading import parse_suite
from personachat.lab.testing import RunWish
from personachat.services import Services
from tests.conftest import local, persona_text
from tests.lab.conftest import ended
from tests.lab.scripted import ScriptedProvider


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
    recorded = talk(services, "One: {x}", "Two")
    fake.forget()
    fake.script = lambda _: "New reply."
    tests = local(services).tests
    draft = persona_text(systemPrompt="You are the draft.")
    run = ended(
        tests.begin_made(RunWish(persona_id="tester", draft=draft), made_replay("tester", [recorded]))
    ).plan.run
    sent = sorted([each["content"] for each in chat.body["messages"]] for chat in fake.chats)
    assert sent == [
        ["You are the draft.", "One: {x}"],
        ["You are the draft.", "One: {x}", "You said: One: {x}", "Two"],
    ]
    report = tests.report(run.id)
    assert [case.reference for case in report.suite.cases] == ["You said: One: {x}", "You said: Two"]
    assert {cell.reply for case in report.score.cases for cell in case.cells} == {"New reply."}
    assert (tests.runs("tester"), [each.id for each in tests.runs_of("tester", "replay")]) == ((), [run.id])


def test_long_conversations_are_replayed_in_part_and_stay_readable(services: Services) -> None:
    recorded = talk(services, "Hi")
    many = [Talk("Same", recorded.path)] * (MOST_CASES + 50)
    assert len(parse_suite(replay_text("tester", many)).cases) == MOST_CASES


def test_nothing_to_replay_is_said(services: Services) -> None:
    with pytest.raises(SuiteRunRefused):
        replay_text("tester", [Talk("Empty", ())])


@pytest.mark.parametrize(
    ("before", "after", "share"), [("a b", "a b", 0.0), ("a", "b", 1.0), ("", "", 0.0), ("a", "", 1.0)]
)
def test_how_much_changed(before: str, after: str, share: float) -> None:
    assert changed_share(before, after) == share
