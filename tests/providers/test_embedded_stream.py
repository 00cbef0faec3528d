"""What llama.cpp may send and SmolLM2 never does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from personachat.errors import (
    ContextTooLong,
    NoModelAvailable,
    ReplyEmpty,
    ReplyTruncated,
    RequestRefused,
    StreamFailed,
)
from personachat.messages import Finished, ReasoningDelta, Started, TextDelta
from personachat.providers.embedded.llama import LlamaServer
from personachat.providers.embedded.provider import MODEL_NAME, EmbeddedProvider
from tests.providers.embedded_replies import needs_model, reply, request

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from personachat.providers.base import ProviderEvent

pytestmark = [pytest.mark.anyio, needs_model]


def chunk(finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"choices": [{"delta": delta, "finish_reason": finish}]}


async def told(monkeypatch: pytest.MonkeyPatch, *arrivals: list[dict[str, Any]]) -> list[ProviderEvent]:
    """The events of a reply in which llama.cpp sends these chunks: what SmolLM2 never does, others do."""

    async def stream(self: LlamaServer, body: dict[str, Any]) -> AsyncGenerator[list[dict[str, Any]]]:
        for chunks in arrivals:
            if "throws" in chunks[0]:
                raise chunks[0]["throws"]
            yield chunks

    monkeypatch.setattr(LlamaServer, "stream", stream)
    provider = EmbeddedProvider()
    try:
        return await reply(provider, request("Hello"))
    finally:
        await provider.aclose()


async def test_what_arrives_together_is_one_text_and_thoughts_stay_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events = await told(
        monkeypatch,
        [chunk(content=None), chunk(reasoning_content="Hm"), chunk(content="a"), chunk(content="b\0")],
        [chunk("stop")],
    )

    assert events == [
        Started("local", MODEL_NAME),
        ReasoningDelta("Hm"),
        TextDelta("ab\ufffd"),
        Finished("stop"),
    ]


async def test_a_reply_without_a_word_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ReplyEmpty):
        await told(monkeypatch, [chunk("stop")])


async def test_a_reply_without_an_end_is_truncated(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ReplyTruncated):
        await told(monkeypatch, [chunk(content="a")])


@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        ({"error": {"type": "exceed_context_size_error", "message": "raw"}}, ContextTooLong),
        ({"error": {"type": "invalid_request_error", "message": "raw"}}, RequestRefused),
        ({"error": {"type": "server_error", "message": "raw"}}, StreamFailed),
        ({"throws": RuntimeError("raw")}, StreamFailed),
        ({"throws": ImportError("raw")}, NoModelAvailable),
    ],
)
async def test_llama_cpps_troubles_become_sentences(
    monkeypatch: pytest.MonkeyPatch, trouble: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error) as caught:
        await told(monkeypatch, [trouble])

    assert "raw" not in str(caught.value)
