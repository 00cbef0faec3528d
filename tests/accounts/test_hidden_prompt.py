"""A persona that somebody may use and not read: what is in its prompt is in nothing that they can get."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import anyio
import httpx2
import pytest

from personachat.errors import PersonaChatError, PromptHidden
from personachat.replies.live import LiveReply
from personachat.services import Services
from tests.accounts.conftest import PEOPLE, TEAM, fill, workspace_of
from tests.api.conftest import served
from tests.api.descriptions import descriptions
from tests.api.mcp.conftest import connected, serving
from tests.fake_provider import FakeProvider, failure

CANARY = "xylograph-canary-hidden"


@pytest.fixture
def services(make_services: Callable[..., Services]) -> Services:
    made = make_services(**TEAM)
    fill(made)
    return made


@pytest.fixture
def client(services: Services) -> Iterator[httpx2.Client]:
    with served(services) as found:
        found.headers["X-Forwarded-User"] = PEOPLE["bo"]
        yield found


def ended(live_reply: LiveReply) -> LiveReply:
    seen = 0
    while live_reply.live:
        seen += len(live_reply.wait(seen, timeout_seconds=10))
    return live_reply


def gets(described: dict[str, Any]) -> list[str]:
    return [path for path, methods in described["paths"].items() if "get" in methods]


def test_the_prompt_reaches_the_model(services: Services, fake: FakeProvider) -> None:
    """Else all that follows would show nothing."""
    ended(workspace_of(services, "bo").chat.begin("hi", persona_id="hidden"))
    assert CANARY in json.dumps(fake.chats[-1].body)


def test_no_route_that_reads_shows_it(client: httpx2.Client, services: Services) -> None:
    bo = workspace_of(services, "bo")
    live_reply = ended(bo.chat.begin("hi", persona_id="hidden"))
    labelled = ended(bo.chat.begin("hi", persona_id="hidden@production"))
    bo.library.share(live_reply.conversation_id)
    filled = {
        "messageId": live_reply.id,
        "label": "production",
        "number": "1",
        "token": "x" * 43,
        "model": "hidden",
    }
    root = str(client.base_url).removesuffix("/").removesuffix("/api")
    asked = 0
    for prefix, described in descriptions().items():
        for path in gets(described):
            for persona_id, reply in (("hidden", live_reply), ("hidden@production", labelled)):
                ids = filled | {"messageId": reply.id, "model": persona_id}
                kind = "conversations" if "/conversations/" in path else "messages"
                ids["id"] = {
                    "conversations": reply.conversation_id or "",
                    "messages": reply.id if "/messages/" in path else persona_id,
                }[kind]
                url = re.sub(r"\{(\w+)\}", lambda name, ids=ids: ids[name[1]], path)  # type: ignore[misc]  # looser than the types on purpose
                for query in (
                    "",
                    "?format=json",
                    "?format=card-v2",
                    "?format=markdown",
                    "?from=1",
                    "?tree=true",
                ):
                    with client.stream("GET", f"{root}{prefix}{url}{query}") as answer:
                        said = answer.read()
                    asked += 1
                    assert CANARY.encode() not in said, (url, query)
                    assert CANARY not in str(answer.headers)
    assert asked > 200


def test_no_call_that_writes_shows_it(client: httpx2.Client, services: Services) -> None:
    root = str(client.base_url).removesuffix("/").removesuffix("/api")
    calls: list[tuple[str, str, Any]] = [
        ("POST", "/api/personas/hidden/lore/try", {"messages": ["x"]}),
        ("POST", "/api/personas/hidden/share", None),
        ("POST", "/api/personas/hidden/share?short=true", None),
        ("POST", "/api/personas/hidden/restore", {"revision": 1}),
        ("POST", "/api/personas/hidden/rename", {"id": "mine"}),
        ("PUT", "/api/personas/hidden", {"id": "hidden", "name": "x", "systemPrompt": "x"}),
        ("POST", "/api/personas", {"id": "hidden", "name": "x", "systemPrompt": "x"}),
        ("DELETE", "/api/personas/hidden", None),
        ("PUT", "/api/personas/hidden/labels/x", {}),
        ("PUT", "/api/personas/hidden/access", {"visibility": "team"}),
        ("POST", "/api/templates", {"personaId": "hidden"}),
        ("POST", "/api/chat", {"message": "hi", "personaId": "hidden"}),
        ("POST", "/v1/chat/completions", {"model": "hidden", "messages": [{"role": "user", "content": "x"}]}),
        ("POST", "/v1/responses", {"model": "hidden", "input": "x", "instructions": "mine"}),
    ]
    for method, path, body in calls:
        for match in ({}, {"If-Match": '"other"'}):
            sent = {} if body is None else {"json": body}
            answer = client.request(method, f"{root}{path}", headers=match, **sent)
            assert CANARY not in answer.text, path
    stored = services.personas.get("hidden")
    assert CANARY in stored.text
    assert services.accesses.of("hidden").prompt_visible is False


@pytest.mark.parametrize("quoted", ["whole", "a line"])
def test_a_provider_that_quotes_it_in_an_error_does_not_give_it_away(
    services: Services, fake: FakeProvider, quoted: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    bo = workspace_of(services, "bo")
    text = f"Invalid message: You are {CANARY}." if quoted == "whole" else f"near '{CANARY}'"
    fake.enqueue(failure(400, text))
    live_reply = ended(bo.chat.begin("hi", persona_id="hidden"))
    said = [repr(live_reply.snapshot()), repr(live_reply.ending), repr(bo.chat.turn(live_reply.id))]
    assert not [each for each in said if CANARY in each]


def test_the_inspector_refuses_in_a_sentence(services: Services) -> None:
    bo = workspace_of(services, "bo")
    live_reply = ended(bo.chat.begin("hi", persona_id="hidden"))
    with pytest.raises(PromptHidden):
        bo.inspection.sent_request(live_reply.id)
    with pytest.raises(PromptHidden):
        bo.inspection.next(None, "hidden", "hi")
    forked = bo.branches.fork(live_reply.id)
    with pytest.raises(PromptHidden):
        bo.inspection.sent_request(forked.path[-1].id)
    assert workspace_of(services, "ada").inspection.next(None, "hidden", "hi")


def test_what_was_sent_stays_hidden_when_the_persona_is_gone(services: Services) -> None:
    bo = workspace_of(services, "bo")
    live_reply = ended(bo.chat.begin("hi", persona_id="hidden"))
    workspace_of(services, "ada").collection.rename("hidden", "elsewhere")
    with pytest.raises(PromptHidden):
        bo.inspection.sent_request(live_reply.id)
    workspace_of(services, "ada").collection.delete("elsewhere")
    with pytest.raises(PersonaChatError):
        bo.inspection.sent_request(live_reply.id)
    assert not bo.collection.history("elsewhere")


@pytest.mark.anyio
async def test_mcp_lists_it_to_chat_with_and_not_to_read(services: Services) -> None:
    with serving(services) as server:
        async with connected(server.url, headers={"X-Forwarded-User": PEOPLE["bo"]}) as client:
            with anyio.fail_after(20):
                prompts = await client.list_prompts()
                named = {prompt.name for prompt in prompts.prompts}
                assert "team" in named
                assert not named & {"hidden", "private", "denied"}
                for name in ("hidden", "hidden@production", "private", "nobody"):
                    with pytest.raises(Exception, match="There is no persona") as refused:
                        await client.get_prompt(name)
                    assert CANARY not in str(refused.value)
                listed = str(await client.call_tool("list_personas", {}))
                assert "hidden" in listed
                assert "private" not in listed
                chatted = await client.call_tool("chat", {"persona": "hidden", "message": "hi"})
                assert not chatted.is_error
                refused_chat = await client.call_tool("chat", {"persona": "private", "message": "hi"})
                assert refused_chat.is_error
                assert CANARY not in f"{listed}{chatted}{refused_chat}"
