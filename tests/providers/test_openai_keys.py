"""Keys and passwords: who gets them, who never does, and what is said when one is missing or refused."""

from __future__ import annotations

import json
import logging

import pytest
from pydantic import SecretStr

from personachat.errors import ApiKeyMissing, ApiKeyRefused
from personachat.providers.openai.provider import OpenAICompatibleProvider
from tests.fake_provider import FakeProvider, Reply, chunk, events, failure, raw, reset, sse, status
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


PATH_TOKEN = "tok_9fe1c3a7"
ADDRESSES = [
    "http://HOST/" + PATH_TOKEN + "/v1",
    "http://HOST/proxy/" + PATH_TOKEN + "/openai/v1",
    "http://HOST/v1/" + PATH_TOKEN,
    "http://HOST/" + PATH_TOKEN.replace("_", "%5F") + "/v1",
    "http://" + PATH_TOKEN + "@HOST/v1",
    "http://me:" + PATH_TOKEN + "@HOST/v1",
    "http://HOST/v1?key=" + PATH_TOKEN,
    "http://HOST/v1#" + PATH_TOKEN,
]


@pytest.mark.parametrize("address", ADDRESSES)
async def test_a_secret_anywhere_in_the_address_is_never_told(
    fake: FakeProvider, caplog: pytest.LogCaptureFixture, address: str
) -> None:
    caplog.set_level(logging.DEBUG)
    host = fake.base_url.removeprefix("http://").removesuffix("/v1")
    provider = OpenAICompatibleProvider("acme", base_url=address.replace("HOST", host), api_key=None)
    echoes: list[Reply] = [
        failure(400, f"There is no /{PATH_TOKEN}/v1/chat/completions."),
        failure(404, f"Unknown path http://{host}/{PATH_TOKEN}/v1", error_code=PATH_TOKEN),
        failure(500, f"upstream {PATH_TOKEN.upper()} failed"),
        failure(401, f"token {PATH_TOKEN[:4]}****{PATH_TOKEN[-3:]} is not known"),
        failure(403, f"token ...{PATH_TOKEN[-8:]} is not allowed"),
    ]
    fake.enqueue(*echoes)
    shown = f"{provider!r}{provider.base_url}"
    for _ in echoes:
        _, error = await events_of(provider)
        assert error is not None
        shown += f"{error!r}{error.hint}{vars(error)}"
    fake.models = [f"model-{PATH_TOKEN}", "plain"]
    if fake.chats:
        shown += f"{await provider.models()}"
    await provider.aclose()
    for text in (shown, caplog.text):
        assert PATH_TOKEN not in text
        assert PATH_TOKEN[-8:] not in text
        assert PATH_TOKEN.replace("_", "%5F") not in text
    assert f"{PATH_TOKEN[:4]}****" not in shown


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://host:8443/api/v1", "https://host:8443/api/v1"),
        ("https://openrouter.ai/api/v1/", "https://openrouter.ai/api/v1"),
        ("https://host/v1/acc0unt/gate/openai", "https://host/v1/***/***/openai"),
        ("https://ada:secret@host/v1", "https://host/v1"),
        ("https://host/compatible-mode/v1?k=s#t", "https://host/compatible-mode/v1"),
        ("https://[bad/v1", "***"),
    ],
)
def test_an_address_is_shown_as_far_as_it_holds_ordinary_names(address: str, shown: str) -> None:
    provider = OpenAICompatibleProvider("acme", base_url=address, api_key=None)
    assert provider.base_url == shown


KEY_OF_NO_KNOWN_KIND = "0123456789abcdefghij"


@pytest.mark.parametrize(
    "quoted",
    [
        KEY_OF_NO_KNOWN_KIND,
        KEY_OF_NO_KNOWN_KIND.upper(),
        KEY_OF_NO_KNOWN_KIND[:12],
        f"{KEY_OF_NO_KNOWN_KIND[:4]}...{KEY_OF_NO_KNOWN_KIND[-4:]}",
        f"{KEY_OF_NO_KNOWN_KIND[:4]}************{KEY_OF_NO_KNOWN_KIND[-4:]}",
        f"****{KEY_OF_NO_KNOWN_KIND[-4:]}",
        "MDEyMzQ1Njc4OWFiY2RlZmdoaWo=",
    ],
)
async def test_a_key_that_a_server_quotes_is_blotted_out_however_it_quotes_it(
    fake: FakeProvider, quoted: str
) -> None:
    fake.enqueue(failure(401, f"The key '{quoted}' is wrong. Ask support."))
    provider = OpenAICompatibleProvider(
        "acme", base_url=fake.base_url, api_key=SecretStr(KEY_OF_NO_KNOWN_KIND)
    )
    _, error = await failure_of(provider)
    await provider.aclose()
    assert str(error).endswith(": The key '***' is wrong. Ask support.")


async def test_a_servers_ordinary_words_are_quoted_as_they_are(fake: FakeProvider) -> None:
    message = "Wait for xx seconds... then ask /v1/models about gpt-4o.x again."
    fake.enqueue(failure(400, message))
    provider = OpenAICompatibleProvider(
        "acme", base_url=fake.base_url, api_key=SecretStr(KEY_OF_NO_KNOWN_KIND)
    )
    _, error = await failure_of(provider)
    await provider.aclose()
    assert message in str(error)
