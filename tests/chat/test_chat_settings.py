"""A chat's own model and parameters: they reach every reply of it, whoever answers, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pydantic import ValidationError

from personachat.personas.chat_settings import ChatSettings, settings_between, with_settings
from personachat.personas.persona import parse_persona
from personachat.replies.live import LiveReply
from personachat.services import Services
from tests.chat.test_branches import ended
from tests.conftest import local, persona_text
from tests.fake_provider import FakeProvider

COLD = ChatSettings(model="fake-2", temperature=0, top_p=0.5, max_tokens=7, tone="dry", style="")


def asked(fake: FakeProvider) -> tuple[object, ...]:
    body = fake.chats[-1].body
    longest = body.get("max_tokens") or body.get("max_completion_tokens")
    return body["model"], body["temperature"], body.get("top_p"), longest


def test_settings_reach_every_reply_until_they_are_taken_back(services: Services, fake: FakeProvider) -> None:
    personality = {"tone": "warm", "style": "verse", "formality": "formal"}
    services.personas.save(persona_text("ada", model="fake-1", temperature=1, personality=personality))
    mine = local(services)
    first = mine.chat.begin("Hello", persona_id="ada", settings=COLD)
    ended(first)
    assert asked(fake) == ("fake-2", 0, 0.5, 7)
    prompt = fake.chats[-1].body["messages"][0]["content"]
    assert ("Tone: dry" in prompt, "Style" in prompt, "Formality: formal" in prompt) == (True, False, True)
    here = first.conversation_id
    assert mine.chat.conversation(here).settings == COLD.as_record()

    ways: tuple[Callable[[], LiveReply | None], ...] = (
        lambda: mine.chat.retry(here),
        lambda: mine.branches.regenerate(mine.chat.conversation(here).path[-1].id),
        lambda: mine.chat.send(here, "And?", persona_id="ada"),
        lambda: mine.chat.send(here, "And you?", persona_id="tester"),
    )
    for again in ways:
        ended(again())
        assert asked(fake) == ("fake-2", 0, 0.5, 7)

    forked = mine.branches.fork(mine.chat.conversation(here).path[-1].id)
    mine.chat.adjust(here, ChatSettings(temperature=2))
    ended(mine.chat.send(here, "Now?", persona_id="ada"))
    assert asked(fake)[:2] == ("fake-1", 2)
    ended(mine.chat.send(forked.id, "Here?", persona_id="ada"))
    assert asked(fake)[:2] == ("fake-2", 0)
    mine.chat.adjust(here, ChatSettings())
    ended(mine.chat.send(here, "Now?", persona_id="ada"))
    assert asked(fake)[:2] == ("fake-1", 1)


def test_a_model_that_is_chosen_for_one_reply_comes_before_the_chats(
    services: Services, fake: FakeProvider
) -> None:
    mine = local(services)
    first = mine.chat.begin("Hello", persona_id="tester", settings=ChatSettings(model="fake-2"))
    ended(first)
    reply_id = mine.chat.conversation(first.conversation_id).path[-1].id
    ended(mine.branches.regenerate(reply_id, model="fake-3"))
    assert fake.chats[-1].body["model"] == "fake-3"


def test_settings_of_a_temporary_chat_are_kept_as_long_as_it_is(
    services: Services, fake: FakeProvider
) -> None:
    mine = local(services)
    first = mine.chat.begin("Hello", persona_id="tester", settings=COLD, temporary=True)
    ended(first)
    mine.chat.adjust(first.conversation_id, ChatSettings(model="fake-3"))
    ended(mine.chat.send(first.conversation_id, "And?", persona_id="tester"))
    assert fake.chats[-1].body["model"] == "fake-3"


def test_what_would_be_sent_next_is_shown_with_the_settings(services: Services) -> None:
    mine = local(services)
    shown = mine.inspection.next(None, "tester", "Hello", settings=COLD)
    assert shown.body["temperature"] == 0
    first = mine.chat.begin("Hello", persona_id="tester", settings=COLD)
    ended(first)
    assert mine.inspection.next(first.conversation_id, "tester", "Hello").body["temperature"] == 0


def test_settings_make_one_persona_answer_as_another() -> None:
    saved = parse_persona(persona_text("ada", topP=0.9, personality={"tone": "warm"}))
    column = parse_persona(persona_text("ada", model="fake-9", temperature=0, personality={"style": "verse"}))
    between = settings_between(saved, column)
    assert between == ChatSettings(model="fake-9", temperature=0, tone="", style="verse")
    answering = with_settings(saved, between)
    assert (answering.model, answering.temperature, answering.personality) == (
        "fake-9",
        0,
        column.personality,
    )
    assert answering.top_p == 0.9  # no settings say that it is left to the model
    assert not settings_between(saved, saved)


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": 2.5},
        {"max_tokens": 0},
        {"top_p": -1},
        {"model": "a\nb"},
        {"seed": 1},
        {"tone": "x" * 1001},
    ],
)
def test_settings_that_no_persona_could_have_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ChatSettings.model_validate(wrong)
