"""Lore and directions reach the model, stay where they belong when there is little room, and are kept."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import pytest

from personachat.conversations.model import Reply, SentRequest, Turn
from personachat.messages import ChatMessage
from personachat.personas.persona import Persona
from personachat.providers.registry import ProviderRegistry
from personachat.replies.engine import ReplyLimits
from personachat.replies.planner import ReplyPlanner
from personachat.replies.request import chat_request, own_part
from personachat.replies.sent_lore import as_parameters, inserted_of, lore_of
from personachat.settings import Settings
from tests.fake_provider import FakeProvider
from tests.personas.lorebook.books import book, entry, silly

pytestmark = pytest.mark.anyio


@pytest.fixture
async def replies(fake: FakeProvider) -> AsyncGenerator[ReplyPlanner]:
    explicit = {"openai_base_url": fake.base_url, "openai_api_key": "sk-of-the-lore"}
    registry = ProviderRegistry(Settings.model_validate(explicit))
    yield ReplyPlanner(registry, limits=ReplyLimits())
    await registry.aclose()


def persona(*entries: Any, card: dict[str, Any] | None = None, **fields: Any) -> Persona:
    extensions: dict[str, Any] = {"character_book": book(*entries)}
    if card is not None:
        extensions["personachat"] = {"card": {"spec": "chara_card_v2", "data": card}}
    required = {"id": "nell", "name": "Nell", "system_prompt": "You are {{char}}.", "model": "fake-1"}
    return Persona.model_validate(required | {"extensions": extensions} | fields)


def talk(exchanges: int, *, letters: int = 400) -> list[Turn]:
    path: list[Turn] = []
    for number in range(2 * exchanges):
        text = f"t{number} ".ljust(letters, "x")
        if number % 2:
            reply = Reply(state="finished", text=text, provider="openai", model="fake-1")
            path.append(Turn(str(number), None, "assistant", "", "nell", "Nell", depth=number, reply=reply))
        else:
            path.append(Turn(str(number), None, "user", text, "nell", "Nell", depth=number))
    return [*path, Turn("last", None, "user", "the mill", "nell", "Nell", depth=2 * exchanges)]


MILL = silly("Mill.", "mill", position=4, depth=2, role=0)
CARD = {"post_history_instructions": "One line."}


def said(body: dict[str, Any]) -> list[str]:
    return [message["content"].split(" ")[0].split("\n")[0] for message in body["messages"]]


async def test_lore_and_directions_are_asked_where_they_belong(
    fake: FakeProvider, replies: ReplyPlanner
) -> None:
    plan = replies.plan(persona(MILL, entry("Dusty.", "mill"), card=CARD), talk(2))
    _ = [event async for event in plan.events("")]
    assert said(fake.chats[0].body) == ["You", "t0", "t1", "t2", "Mill.", "t3", "the", "One"]
    assert "Dusty." in fake.chats[0].body["messages"][0]["content"]


async def test_a_retry_is_asked_the_same(fake: FakeProvider, replies: ReplyPlanner) -> None:
    chance = [silly(f"e{number}", "mill", probability=50) for number in range(20)]
    one = persona(*chance, system_prompt="{{random:a,b,c,d,e}} {{roll:d1000}} {{pick:a,b,c}}")
    path = talk(2)
    for _ in range(2):
        _ = [event async for event in replies.plan(one, path).events("")]
    assert fake.chats[0].body == fake.chats[1].body
    other = [replace(path[0], created_at=path[0].created_at.replace(year=2001)), *path[1:]]
    _ = [event async for event in replies.plan(one, other).events("")]
    assert fake.chats[2].body != fake.chats[0].body


async def test_what_was_sent_is_shown_again_as_it_was(replies: ReplyPlanner) -> None:
    one, path = persona(MILL, entry("Dusty.", "mill", comment="Dust"), card=CARD), talk(2)
    preview = replies.preview(one, path)
    assert preview.lore == (("Mill.", "mill"), ("Dust", "mill"))
    plan = replies.plan(one, path)
    assert plan.request is not None
    turn = Turn("reply", "last", "assistant", "", "nell", "Nell", depth=5, reply=plan.first)
    sent = replies.sent_request(turn, path, plan.request)
    assert sent == preview


async def test_what_stands_among_the_turns_stays_where_there_is_little_room(replies: ReplyPlanner) -> None:
    one = persona(MILL, silly("Deep.", "mill", position=4, depth=90), card=CARD, context_tokens=700)
    body = replies.preview(one, talk(20)).body
    assert said(body)[:2] == ["You", "Deep."]
    assert said(body)[-4:] == ["Mill.", "t39", "the", "One"]
    assert "t0" not in said(body)


async def test_lore_leaves_room_for_what_was_said(replies: ReplyPlanner) -> None:
    constant = [entry(f"e{number} " * 60, constant=True, insertion_order=number) for number in range(40)]
    one = persona(*constant, context_tokens=2_000)
    preview = replies.preview(one, talk(2))
    assert 0 < len(preview.lore) < 40
    assert "t0" in said(preview.body)


def test_a_caller_s_own_messages_bring_up_lore() -> None:
    history = [ChatMessage("user", "the mill"), ChatMessage("assistant", "yes"), ChatMessage("user", "why")]
    request = chat_request(persona(MILL, card=CARD), history, model="m")
    assert [message.content for message in request.messages] == [
        "You are Nell.",
        "the mill",
        "Mill.",
        "yes",
        "why",
        "One line.",
    ]
    assert request.pinned == 1


def test_what_is_kept_of_a_request_is_read_back() -> None:
    own = own_part(persona(MILL, card=CARD), talk(1))
    kept = as_parameters(own)
    assert tuple(inserted_of(kept)) == own.inserted
    assert lore_of(kept) == (("Mill.", "mill"),)
    assert inserted_of({}) == []
    assert lore_of(SentRequest((), {}).parameters) == ()
