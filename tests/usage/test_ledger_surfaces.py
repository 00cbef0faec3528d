"""Whatever asks a model leaves one row that says who asked, what for, and whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from personachat.owners import LOCAL_OWNER
from personachat.services import Services
from tests.api.conftest import served
from tests.api.mcp.conftest import connected, serving
from tests.conftest import local, persona_text
from tests.fake_provider import FakeProvider, failure, status, tokens
from tests.usage.conftest import ledger_of, only_row, over

TOKEN = "a-token-that-is-long-enough"


@pytest.fixture
def services(make_services: Callable[..., Services]) -> Services:
    found = make_services()
    found.personas.save(persona_text(model="gpt-4o", name="Tester"), etag=found.personas.get("tester").etag)
    return found


def told(row: Any) -> tuple[Any, ...]:
    return row["purpose"], row["surface"], row["outcome"], row["prompt_tokens"], row["completion_tokens"]


def test_a_chat_on_the_page(services: Services) -> None:
    reply = over(local(services).chat.begin("Hi", persona_id="tester"))
    row = only_row(services)
    assert told(row) == ("chat", "page", "finished", *counts(reply))
    assert (row["persona_id"], row["persona_revision"]) == ("tester", services.personas.get("tester").etag)
    assert (row["provider"], row["model"], row["model_asked"]) == ("openai", "gpt-4o", "gpt-4o")
    assert (row["conversation_id"], row["turn_id"]) == (reply.conversation_id, reply.id)
    assert (row["retries"], row["error_code"], row["finish_reason"]) == (0, None, "stop")
    assert (row["estimated"], row["migrated"]) == (False, False)
    assert row["cost_usd"] == reply.snapshot().cost_usd
    assert row["cost_usd"] > 0
    assert 0 <= row["first_token_ms"] <= row["duration_ms"]


def counts(reply: Any) -> tuple[int, int]:
    usage = reply.snapshot().usage
    return usage.prompt_tokens, usage.completion_tokens


def test_a_row_holds_no_words_and_no_owner(services: Services) -> None:
    over(services.of("user:zoe@example.org").chat.begin("A secret word", persona_id="tester"))
    row = only_row(services)
    assert "secret" not in str(dict(row))
    assert "zoe" not in str(dict(row))
    assert (
        row["owner"] == services.people.hash_of("user:zoe@example.org") != services.people.hash_of("user:bo")
    )


def test_a_temporary_chat(services: Services) -> None:
    over(local(services).chat.begin("Hi", persona_id="tester", temporary=True))
    assert told(only_row(services))[:3] == ("temporary", "page", "finished")


def test_trying_a_draft_out(services: Services) -> None:
    text = persona_text("draft")
    chat = services.trying_out(text, owner=LOCAL_OWNER)
    over(chat.send(chat.start(temporary=True).id, "Hi", persona_id="draft"))
    row = only_row(services)
    assert told(row)[:3] == ("try_out", "page", "finished")
    assert row["persona_id"] == "draft"
    assert row["persona_revision"] not in {None, services.personas.get("tester").etag}


def test_drafting(services: Services) -> None:
    over(services.drafter.start("a tutor", owner=LOCAL_OWNER))
    row = only_row(services)
    assert told(row)[:3] == ("drafting", "page", "finished")
    assert row["owner"] == services.people.hash_of(LOCAL_OWNER)


def test_a_summary_is_a_call_of_its_own_and_its_cost_is_counted_once(
    services: Services, fake: FakeProvider
) -> None:
    services.personas.save(
        persona_text("short", model="gpt-4o", contextTokens=1000, maxTokens=100, summarize=True)
    )
    chat = local(services).chat
    reply = over(chat.begin("long words " * 60, persona_id="short"))
    while not any(row["purpose"] == "summary" for row in ledger_of(services)):
        reply = over(chat.send(reply.conversation_id, "long words " * 60, persona_id="short"))
    summary, answer = [row for row in ledger_of(services) if row["turn_id"] == reply.id][::-1]
    if summary["purpose"] != "summary":
        summary, answer = answer, summary
    assert (summary["purpose"], answer["purpose"]) == ("summary", "chat")
    assert summary["persona_id"] == answer["persona_id"] == "short"
    assert summary["conversation_id"] == reply.conversation_id
    assert summary["prompt_tokens"] > 0
    assert summary["cost_usd"] + answer["cost_usd"] == pytest.approx(reply.snapshot().cost_usd)
    assert len(ledger_of(services)) == len(fake.chats)


def test_another_reply_and_other_words_count_as_chat(services: Services) -> None:
    workspace = services.of(LOCAL_OWNER, surface="api")
    reply = over(workspace.chat.begin("Hi", persona_id="tester"))
    over(workspace.branches.regenerate(reply.id))
    over(workspace.chat.retry(reply.conversation_id))
    assert [told(row)[:3] for row in ledger_of(services)] == [("chat", "api", "finished")] * 3


def test_chat_completions_and_responses_over_http(make_services: Callable[..., Services]) -> None:
    services = make_services(api_tokens=(TOKEN,))
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    said = {"messages": [{"role": "user", "content": "Hi"}]}
    with served(services) as client:
        root = str(client.base_url).removesuffix("/api/")
        for stream in (False, True):
            body = {"model": "tester", "stream": stream}
            client.post(f"{root}/v1/chat/completions", json=body | said, headers=bearer).raise_for_status()
            client.post(
                f"{root}/v1/responses", json=body | {"input": "Hi"}, headers=bearer
            ).raise_for_status()
        chat = {"message": "Hi", "personaId": "tester"}
        client.post("/chat", json=chat, headers=bearer).raise_for_status()
        whole = bearer | {"Accept": "application/json"}
        client.post("/chat", json=chat, headers=whole).raise_for_status()
        rows = ledger_of(services)
        assert sorted(row["surface"] for row in rows) == sorted(["v1_chat", "v1_responses"] * 2 + ["api"] * 2)
        assert {row["outcome"] for row in rows} == {"finished"}
        assert {row["owner"] for row in rows} == {rows[0]["owner"]}
        assert rows[0]["owner"] not in {"", services.people.hash_of(LOCAL_OWNER)}
        assert {row["persona_revision"] for row in rows} == {services.personas.get("tester").etag}
        mine = client.get("/usage", params={"by": "surface"}, headers=bearer).json()
        assert mine["total"]["calls"] == 6


def test_a_completion_has_its_price(services: Services) -> None:
    with served(services) as client:
        root = str(client.base_url).removesuffix("/api/")
        body = {"model": "tester", "messages": [{"role": "user", "content": "Hi"}]}
        client.post(f"{root}/v1/chat/completions", json=body).raise_for_status()
    assert only_row(services)["cost_usd"] > 0


@pytest.mark.anyio
async def test_the_chat_tool_of_mcp(services: Services) -> None:
    with serving(services) as server:
        async with connected(server.url) as client:
            await client.call_tool("chat", {"persona": "tester", "message": "Hi"})
    row = only_row(services)
    assert told(row)[:3] == ("chat", "mcp", "finished")
    assert row["owner"] == services.people.hash_of(LOCAL_OWNER)


def test_what_the_engine_asks_again_is_one_row_with_their_number(
    services: Services, fake: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("personachat.replies.planner.RETRY_DELAYS_SECONDS", (0.0, 0.0))
    fake.enqueue(status(503), status(503), tokens(["Hel", "lo"]))
    over(local(services).chat.begin("Hi", persona_id="tester"))
    row = only_row(services)
    assert (row["retries"], row["outcome"], len(fake.chats)) == (2, "finished", 3)
    assert (row["prompt_tokens"], row["completion_tokens"]) == (3, 2)


def test_retries_of_a_reply_that_fails_are_counted_and_told_nobody(
    services: Services, fake: FakeProvider
) -> None:
    fake.enqueue(*[status(503)] * 3)
    with served(services) as client:
        answer = client.post("/chat", json={"message": "Hi", "personaId": "tester"})
    row = only_row(services)
    assert (row["retries"], row["outcome"], row["error_code"]) == (2, "failed", "provider_overloaded")
    assert "retries" not in answer.text
    assert (row["prompt_tokens"], row["completion_tokens"], row["cost_usd"]) == (None, None, None)
    assert row["first_token_ms"] is None


def test_a_model_that_stands_in_is_who_answered(services: Services, fake: FakeProvider) -> None:
    services.personas.save(persona_text("other", model="gpt-gone"))
    fake.enqueue(failure(404, "The model does not exist", error_code="model_not_found"))
    reply = over(local(services).chat.begin("Hi", persona_id="other", temporary=True))
    row = only_row(services)
    assert row["model_asked"] == "gpt-gone"
    assert (row["provider"], row["model"]) == (reply.snapshot().provider, reply.snapshot().model)
    assert row["outcome"] == reply.snapshot().state
