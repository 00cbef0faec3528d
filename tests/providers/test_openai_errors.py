"""Servers that refuse a request or cannot be reached: one sentence and one hint each."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from personachat.errors import (
    ApiKeyRefused,
    ConnectionLost,
    ContextTooLong,
    ModelNotFound,
    ProviderError,
    ProviderFault,
    ProviderOverloaded,
    ProviderUnavailable,
    QuotaExceeded,
    RateLimited,
    RedirectRefused,
    RequestRefused,
)
from personachat.providers.openai.provider import OpenAICompatibleProvider
from tests.fake_provider import FakeProvider, Hang, Reply, events, failure, reset, status
from tests.providers.conftest import KEY, events_of, failure_of

pytestmark = pytest.mark.anyio


# --- requests that are refused --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        (failure(401, f"Incorrect API key provided: {KEY}"), ApiKeyRefused, "does not accept the API key"),
        (failure(403, "Your plan has no access"), ApiKeyRefused, "Your plan has no access"),
        (
            status(402, body={"error": {"message": "Insufficient credits"}}),
            QuotaExceeded,
            "no quota or credit",
        ),
        (failure(429, "You exceeded", error_code="insufficient_quota"), QuotaExceeded, "no quota or credit"),
        (failure(429, "slow down"), RateLimited, "limiting requests"),
        (failure(400, "the roof is on fire"), RequestRefused, "the roof is on fire."),
        (failure(500, "boom"), ProviderFault, "boom"),
        (status(503), ProviderOverloaded, "is overloaded"),
        (failure(529, "Overloaded"), ProviderOverloaded, "is overloaded"),
        (status(502, body="<html><h1>Bad Gateway</h1> nginx</html>"), ProviderFault, "HTTP 502"),
        (status(504), ProviderFault, "took too long to answer"),
        (
            status(404, body="<html>404 page not found</html>"),
            RequestRefused,
            "no chat API of",
        ),
        (reset(), ConnectionLost, "was lost"),
    ],
)
async def test_each_refusal_is_one_clear_sentence(
    fake: FakeProvider,
    provider: OpenAICompatibleProvider,
    answer: Reply,
    kind: type[ProviderError],
    says: str,
) -> None:
    fake.enqueue(answer)
    seen, error = await events_of(provider)
    assert seen == []
    assert type(error) is kind
    assert says in str(error)
    assert error.hint
    for banned in ("<", "nginx", KEY, "/v1/chat"):
        assert banned not in f"{error}{error.hint}"


@pytest.mark.parametrize(
    "answer",
    [
        failure(400, "too long", error_code="context_length_exceeded"),
        failure(
            400, "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens."
        ),
        failure(400, "The decoder prompt (length 5000) is longer than the maximum model length of 4096."),
        failure(400, "the request exceeds the available context size. try increasing the context size"),
        status(400, body={"error": {"code": 400, "message": "no", "type": "exceed_context_size_error"}}),
        failure(500, "input length exceeds the context length"),
        status(
            400,
            body={
                "error": "The number of tokens to keep from the prompt is greater than the context length."
            },
        ),
        failure(400, "prompt is too long: 210000 tokens > 200000 maximum"),
        failure(400, "The input token count (9) exceeds the maximum number of tokens allowed (8)."),
        failure(400, "Please reduce the length of the messages or completion."),
        failure(400, "Prompt contains 40000 tokens, too large for model with 32768 maximum context length"),
        status(413, body="<html>Request Entity Too Large</html>"),
    ],
)
async def test_a_conversation_that_is_too_long_is_known_in_every_wording(
    fake: FakeProvider, provider: OpenAICompatibleProvider, answer: Reply
) -> None:
    fake.enqueue(answer)
    _, error = await failure_of(provider)
    assert isinstance(error, ContextTooLong)


@pytest.mark.parametrize(
    ("answer", "tokens"),
    [
        # OpenAI, Azure, DeepSeek
        (
            failure(400, "This model's maximum context length is 8192 tokens. However, you requested 9000."),
            8192,
        ),
        # OpenRouter
        (
            failure(
                400,
                "This endpoint's maximum context length is 131,072 tokens. "
                "However, you requested about 140000 tokens (130000 of text input, 10000 in the output).",
            ),
            131_072,
        ),
        # vLLM
        (
            failure(400, "The decoder prompt (length 5000) is longer than the maximum model length of 4096."),
            4096,
        ),
        (
            failure(
                400,
                "You passed 5000 input tokens and requested 100 output tokens. However, the model's "
                "context length is only 4096 tokens. Please reduce the length of the messages.",
            ),
            4096,
        ),
        # llama.cpp
        (
            status(
                400,
                body={
                    "error": {
                        "code": 400,
                        "message": "the request exceeds the available context size, try increasing it",
                        "type": "exceed_context_size_error",
                        "n_prompt_tokens": 5000,
                        "n_ctx": 4096,
                    }
                },
            ),
            4096,
        ),
        (failure(400, "request (5000 tokens) exceeds the available context size (4096 tokens)"), 4096),
        # LM Studio
        (
            status(
                400,
                body={
                    "error": "The number of tokens to keep from the initial prompt is greater than the "
                    "context length (n_keep: 5000>= n_ctx: 4096). Try to load the model with a larger one."
                },
            ),
            4096,
        ),
        (
            failure(
                400,
                "Trying to keep the first 4731 tokens when context the overflows. However, the model is "
                "loaded with context length of only 4096 tokens.",
            ),
            4096,
        ),
        # Anthropic
        (failure(400, "prompt is too long: 210000 tokens > 200000 maximum"), 200_000),
        (
            failure(
                400,
                "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease it",
            ),
            200_000,
        ),
        # Google, Mistral, TGI, xAI
        (
            failure(
                400, "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."
            ),
            1_048_576,
        ),
        (
            failure(
                400, "Prompt contains 40000 tokens, too large for model with 32768 maximum context length"
            ),
            32_768,
        ),
        (
            failure(
                422,
                "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens and 100 "
                "`max_new_tokens`",
            ),
            4096,
        ),
        (
            failure(
                400, "This model's maximum prompt length is 131072 but the request contains 200000 tokens."
            ),
            131_072,
        ),
        # Ollama and others, who do not say
        (failure(500, "input length exceeds the context length"), None),
        (failure(400, "prompt too long; exceeded max context length by 4000 tokens"), None),
        (failure(400, "too long", error_code="context_length_exceeded"), None),
        (failure(400, "This model's maximum context length is 12 tokens."), None),
        (status(413, body="<html>Request Entity Too Large > 1000000</html>"), None),
    ],
)
async def test_what_a_server_says_of_its_window_is_read_and_remembered_for_the_model(
    fake: FakeProvider, provider: OpenAICompatibleProvider, answer: Reply, tokens: int | None
) -> None:
    fake.enqueue(answer)
    _, error = await failure_of(provider)
    assert isinstance(error, ContextTooLong)
    assert error.window_tokens == tokens
    assert provider.window_tokens("gpt-x") == tokens
    assert provider.window_tokens("gpt-y") is None
    assert str(error).endswith(f"'s context window of {tokens:,} tokens." if tokens else "'s context window.")


async def test_a_window_told_inside_the_stream_is_remembered_until_another_one_is_told(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    told = [{"error": f"maximum context length is {tokens} tokens"} for tokens in (8192, 4096)]
    fake.enqueue(events(told[0]), events(told[1]), failure(400, "", error_code="context_length_exceeded"))
    windows = []
    for _ in range(3):
        await failure_of(provider)
        windows.append(provider.window_tokens("gpt-x"))
    assert windows == [8192, 4096, 4096]


@pytest.mark.parametrize(
    "answer",
    [
        failure(
            404,
            "The model `gpt-x` does not exist or you do not have access to it.",
            error_code="model_not_found",
        ),
        status(
            404,
            body={"error": {"message": 'model "gpt-x" not found, try pulling it first', "type": "api_error"}},
        ),
        status(404, body={"object": "error", "message": "The model `gpt-x` does not exist.", "code": 404}),
        failure(400, "gpt-x is not a valid model ID"),
    ],
)
async def test_an_unknown_model_comes_with_those_that_exist(
    fake: FakeProvider, provider: OpenAICompatibleProvider, answer: Reply
) -> None:
    fake.models = ("gpt-xl", "gpt-w", "embed", "gpt-v", "gpt-u", "gpt-t", "zzz")
    fake.enqueue(answer)
    _, error = await failure_of(provider)
    assert isinstance(error, ModelNotFound)
    assert error.models == fake.models
    assert "It has gpt-xl, gpt-" in str(error)
    assert "zzz" not in str(error)


@pytest.mark.parametrize("list_of_models", [status(500), Reply(early=[Hang()]), reset()])
async def test_an_unknown_model_is_told_even_if_the_models_are_not(
    fake: FakeProvider,
    provider: OpenAICompatibleProvider,
    list_of_models: Reply,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("personachat.providers.openai.provider.SUGGESTION_SECONDS", 0.1)
    fake.models = list_of_models
    fake.enqueue(failure(404, "no", error_code="model_not_found"))
    _, error = await failure_of(provider)
    assert isinstance(error, ModelNotFound)
    assert error.models == ()


@pytest.mark.parametrize(
    ("headers", "low", "high"),
    [
        ({"Retry-After": "7"}, 7, 7),
        ({"Retry-After-Ms": "250"}, 0.25, 0.25),
    ],
)
async def test_a_rate_limit_says_how_long(
    fake: FakeProvider, provider: OpenAICompatibleProvider, headers: dict[str, str], low: float, high: float
) -> None:
    fake.enqueue(status(429, headers, {"error": {"message": "slow down"}}))
    _, error = await failure_of(provider)
    assert isinstance(error, RateLimited)
    assert error.retry_after_seconds is not None
    assert low <= error.retry_after_seconds <= high


@pytest.mark.parametrize(("hours", "low", "high"), [(1, 3000, 3600), (-24, 0, 0)])
async def test_a_rate_limit_may_say_until_when(
    fake: FakeProvider, provider: OpenAICompatibleProvider, hours: int, low: float, high: float
) -> None:
    until = format_datetime(datetime.now(UTC) + timedelta(hours=hours), usegmt=True)
    fake.enqueue(status(429, {"Retry-After": until}))
    _, error = await failure_of(provider)
    assert isinstance(error, RateLimited)
    assert error.retry_after_seconds is not None
    assert low <= error.retry_after_seconds <= high


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "soon"}, {"Retry-After-Ms": "nan?"}])
async def test_a_rate_limit_without_a_time_has_none(
    fake: FakeProvider, provider: OpenAICompatibleProvider, headers: dict[str, str]
) -> None:
    fake.enqueue(status(429, headers))
    _, error = await failure_of(provider)
    assert isinstance(error, RateLimited)
    assert error.retry_after_seconds is None


async def test_a_redirect_to_another_host_is_not_followed(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    with FakeProvider() as other:
        fake.enqueue(status(307, {"Location": f"{other.base_url}/chat/completions?token=secret"}))
        _, error = await failure_of(provider)
        assert isinstance(error, RedirectRefused)
        assert other.base_url.split("/")[2] in str(error)
        assert "secret" not in str(error)
        assert other.requests == []


async def test_a_long_message_is_quoted_on_one_short_line(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(failure(400, "first line\nsecond\x1b[31m line " + "x" * 5000))
    _, error = await failure_of(provider)
    assert "first line second" in str(error)
    assert str(error).isprintable()
    assert len(str(error)) < 300


# --- servers that are not there -------------------------------------------------------------------


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


LOOK_UP = socket.getaddrinfo


def found_nowhere(host: Any, *how: Any, **options: Any) -> Any:
    """What a name server says of a name that nobody has; numbers need none."""
    if host in ("no-such-host.invalid", b"no-such-host.invalid"):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return LOOK_UP(host, *how, **options)


@pytest.mark.parametrize(
    ("base_url", "says"),
    [
        ("http://127.0.0.1:{closed}/v1/secret-path", "There is no answer from 127.0.0.1:"),
        ("http://user:pa55word@127.0.0.1:{closed}/v1", "There is no answer from 127.0.0.1:"),
        ("http://no-such-host.invalid/v1", "no server named no-such-host.invalid"),
        ("https://127.0.0.1:{open}/v1", "A secure connection to 127.0.0.1:"),
    ],
)
async def test_a_server_that_cannot_be_reached_is_named_without_path_or_password(
    fake: FakeProvider, base_url: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", found_nowhere)
    address = base_url.format(closed=closed_port(), open=fake.base_url.split(":")[2].removesuffix("/v1"))
    provider = OpenAICompatibleProvider("acme", base_url=address, api_key=None)
    _, error = await failure_of(provider)
    await provider.aclose()
    assert isinstance(error, ProviderUnavailable)
    assert says in str(error)
    assert "base_url in [providers.acme]" in error.hint
    for secret in ("secret-path", "pa55word", "user"):
        assert secret not in f"{error}{error.hint}{provider!r}"


async def test_an_address_that_is_none_is_told(fake: FakeProvider) -> None:
    provider = OpenAICompatibleProvider("openai", base_url="http://127.0.0.1:999999/v1", api_key=None)
    _, error = await failure_of(provider)
    assert isinstance(error, RequestRefused)
    assert "OPENAI_BASE_URL" in error.hint


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (status(429, {"Retry-After": "42"}), "Try again in 42 seconds."),
        (failure(429, "Limit reached. Please try again in 1m30s. See the docs."), "Try again in 2 minutes."),
        (failure(429, "Please retry after 20 seconds."), "Try again in 20 seconds."),
        (failure(429, "Try again in 5 hundred years"), "Try again in a moment."),
        (status(503, {"Retry-After": "1"}), "Try again in 1 second."),
        (failure(503, "The model is busy. Please try again later."), "Try again in a moment."),
    ],
)
async def test_when_to_try_again_is_said_once(
    fake: FakeProvider, provider: OpenAICompatibleProvider, answer: Reply, hint: str
) -> None:
    fake.enqueue(answer)
    _, error = await events_of(provider)
    assert error is not None
    assert error.hint == hint
    assert "again" not in str(error)
