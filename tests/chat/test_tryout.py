"""A draft answers before it is saved, and nothing of that is kept."""

from __future__ import annotations

import pytest

from personachat.chat.service import ChatService
from personachat.errors import PersonaInvalid, PersonaNotFound
from personachat.owners import LOCAL_OWNER
from personachat.personas.store.persona_file import etag_of
from personachat.replies.live import LiveReply
from personachat.services import Services
from tests.conftest import local, persona_text
from tests.fake_provider import FakeProvider


def trying(services: Services, text: str) -> ChatService:
    return services.trying_out(text, owner=LOCAL_OWNER)


def ended(live_reply: LiveReply) -> str:
    while live_reply.live:
        live_reply.wait(len(live_reply.wait(0, timeout_seconds=0)), timeout_seconds=10)
    return live_reply.snapshot().text


def prompt(fake: FakeProvider) -> str:
    return str(fake.chats[-1].body["messages"][0]["content"])


def test_the_draft_answers_and_not_the_saved_version(services: Services, fake: FakeProvider) -> None:
    chat = trying(services, persona_text(systemPrompt="You are the draft."))
    conversation = chat.start(temporary=True)
    assert ended(chat.send(conversation.id, "Hi", persona_id="tester")) == "You said: Hi"
    assert prompt(fake) == "You are the draft."
    assert services.personas.get("tester").persona.system_prompt == "You are a test."


def test_a_persona_that_was_never_saved_can_be_tried(services: Services, fake: FakeProvider) -> None:
    chat = trying(services, persona_text("brand-new", systemPrompt="New."))
    conversation = chat.start(temporary=True)
    ended(chat.send(conversation.id, "Hi", persona_id="brand-new"))
    assert prompt(fake) == "New."
    with pytest.raises(PersonaNotFound):
        services.personas.get("brand-new")


def test_asking_again_uses_the_draft_as_it_is_then(services: Services, fake: FakeProvider) -> None:
    chat = trying(services, persona_text(systemPrompt="First."))
    conversation = chat.start(temporary=True)
    ended(chat.send(conversation.id, "Hi", persona_id="tester"))
    ended(trying(services, persona_text(systemPrompt="Second.")).retry(conversation.id))
    assert prompt(fake) == "Second."


def test_a_draft_that_was_given_another_id_still_answers(services: Services, fake: FakeProvider) -> None:
    chat = trying(services, persona_text(systemPrompt="First."))
    conversation = chat.start(temporary=True)
    ended(chat.send(conversation.id, "Hi", persona_id="tester"))
    ended(trying(services, persona_text("renamed", systemPrompt="Second.")).retry(conversation.id))
    assert prompt(fake) == "Second."


def test_each_turn_says_which_text_spoke(services: Services) -> None:
    chat = trying(services, persona_text(systemPrompt="Draft."))
    conversation = chat.start(temporary=True)
    ended(chat.send(conversation.id, "Hi", persona_id="tester"))
    etag = etag_of(persona_text(systemPrompt="Draft.").encode())
    assert {turn.persona_revision for turn in chat.conversation(conversation.id).path} == {etag}


def test_nothing_of_it_is_stored(services: Services) -> None:
    chat = trying(services, persona_text(systemPrompt="Draft."))
    conversation = chat.start(temporary=True)
    ended(chat.send(conversation.id, "A secret", persona_id="tester"))
    here = local(services)
    assert here.library.list().conversations == ()
    assert here.library.search("secret").hits == ()
    assert conversation.id in services.answers.conversations.temporary


def test_an_invalid_draft_is_refused(services: Services) -> None:
    with pytest.raises(PersonaInvalid):
        trying(services, "{")
