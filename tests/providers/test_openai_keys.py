"""Keys and passwords: who gets them, who never does, and what is said when one is missing or refused."""

from __future__ import annotations

import json
import logging

import pytest
from pydantic import SecretStr

from personachat.provider_errors import ApiKeyMissing, ApiKeyRefused
from personachat.providers.openai_compatible import OpenAICompatibleProvider
from tests.fake_provider import FakeProvider, chunk, events, failure, raw, reset, sse, status
from tests.providers.conftest import KEY, events_of, failure_of, reply_of

pytestmark = pytest.mark.anyio


async def test_openai_without_a_key_names_the_variable() -> None:
    _, error = await failure_of(OpenAICompatibleProvider("openai", base_url=None, api_key=None))
    assert isinstance(error, ApiKeyMissing)
    assert "OPENAI_API_KEY" in error.hint


async def test_a_server_without_a_key_gets_none(fake: FakeProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    provider = OpenAICompatibleProvider("acme", base_url=fake.base_url, api_key=None)
    await reply_of(provider)
    await provider.aclose()
    assert "authorization" not in fake.chats[0].headers


async def test_a_server_that_wants_a_key_is_told_apart_from_one_that_refuses_it(fake: FakeProvider) -> None:
    fake.enqueue(failure(401, "no key"))
    provider = OpenAICompatibleProvider("acme", base_url=fake.base_url, api_key=None)
    _, error = await failure_of(provider)
    await provider.aclose()
    assert isinstance(error, ApiKeyMissing)


async def test_openais_own_headers_do_not_go_to_other_servers(
    fake: FakeProvider, provider: OpenAICompatibleProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-secret")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-secret")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Gateway: gate-secret\nAuthorization: Bearer other-secret")
    await reply_of(provider)
    await provider.models()
    for request in fake.requests:
        assert "-secret" not in json.dumps(request.headers)
        assert request.headers["authorization"] == f"Bearer {KEY}"


async def test_a_password_in_the_address_is_used_and_not_logged(
    fake: FakeProvider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    address = fake.base_url.replace("://", "://user:pa55word@")
    provider = OpenAICompatibleProvider("acme", base_url=address, api_key=None)
    await reply_of(provider)
    await provider.aclose()
    assert fake.chats[0].headers["authorization"].startswith("Basic ")
    assert "pa55word" not in caplog.text


@pytest.mark.parametrize("key", ["sk-with\nnewline", "sk-with\u2013dash-SECRET"])
async def test_a_key_that_cannot_be_sent_is_told(fake: FakeProvider, key: str) -> None:
    provider = OpenAICompatibleProvider("acme", base_url=fake.base_url, api_key=SecretStr(key))
    _, error = await failure_of(provider)
    assert isinstance(error, ApiKeyRefused)
    assert key not in str(error)


async def test_the_key_is_never_in_errors_events_or_logs(
    fake: FakeProvider, provider: OpenAICompatibleProvider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    leaks = [
        failure(401, f"Incorrect API key provided: {KEY}."),
        failure(400, f"bad header Authorization: Bearer {KEY}", error_code=KEY, param=KEY),
        failure(404, f"model {KEY} not found", error_code="model_not_found"),
        status(500, {"X-Echo": KEY}, f"<html>{KEY}</html>"),
        status(503, body=f"key {KEY} at https://me:{KEY}@host/"),
        status(307, {"Location": f"http://{KEY}@elsewhere.example/{KEY}"}),
        raw(f"<html>{KEY}".encode()),
        events({"error": {"message": f"{KEY} went wrong"}}),
        raw(sse(chunk("a")), b"data: {" + KEY.encode() + b"\n\n"),
        reset(),
    ]
    fake.enqueue(*leaks)
    shown = repr(provider)
    for _ in leaks:
        seen, error = await events_of(provider)
        assert error is not None
        assert error.__cause__ is None
        shown += f"{seen!r}{error!r}{error}{error.hint}{vars(error)}"
    assert fake.chats[-1].headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in shown
    assert "SECRET" not in shown
    assert KEY not in caplog.text
