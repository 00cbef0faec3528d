"""What a prompt takes is estimated, whatever is in it; nothing counts for nothing."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from personachat.chat.prompt_estimates import (
    LOW_DETAIL_TOKENS,
    MOST_IMAGE_TOKENS,
    picture_tokens,
    prompt_tokens,
    tokens_of_size,
)
from personachat.messages import ChatMessage
from personachat.providers.base import ChatRequest
from tests.pictures.drawn import picture


def url_of(content: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


@pytest.mark.parametrize(
    ("size", "tokens"),
    [
        ((1, 1), 255),
        ((512, 512), 350),
        ((1024, 1024), 1399),
        ((4096, 8192), 1600),
        ((100_000, 1), 765),
    ],
)
def test_a_picture_counts_by_its_size(size: tuple[int, int], tokens: int) -> None:
    assert tokens_of_size(*size) == tokens


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_its_size_is_read_from_its_beginning(kind: str) -> None:
    url = url_of(picture(kind, (600, 300)), kind.lower())
    assert picture_tokens(url) == picture_tokens({"url": url}) == tokens_of_size(600, 300)
    assert picture_tokens({"url": url, "detail": "low"}) == LOW_DETAIL_TOKENS


@pytest.mark.parametrize(
    "unknown",
    [
        "https://pictures.example/a.png",
        "data:image/png;base64,!!!",
        "data:image/png;base64," + base64.b64encode(b"GIF89a").decode(),
        "data:text/html;base64,AAAA",
        "",
        None,
        7,
        {"url": None},
        {},
    ],
)
def test_one_of_unknown_size_counts_as_the_largest(unknown: object) -> None:
    assert picture_tokens(unknown) == MOST_IMAGE_TOKENS


LONG = "many words of a long question " * 1_000


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": [{"type": "text", "text": LONG}]},
        {"role": "user", "content": LONG, "name": "ada"},
        {"role": "tool", "tool_call_id": "a", "content": LONG},
        {"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": LONG}}]},
        {"role": "user", "content": [{"type": "file", "file": {"file_data": f"data:x;base64,{LONG}"}}]},
    ],
)
def test_no_kind_of_message_hides_its_length(message: dict[str, Any]) -> None:
    plain = prompt_tokens(ChatRequest(messages=(ChatMessage("user", LONG),), model="m"))
    found = prompt_tokens(ChatRequest(messages=(), model="m", as_sent=(message,)))
    assert found >= plain * 0.9


def test_tools_and_deep_nesting_count() -> None:
    deep: Any = LONG
    for _ in range(300):
        deep = [deep]
    tools = ChatRequest(messages=(), model="m", more={"tools": [{"description": LONG}]})
    assert prompt_tokens(tools) > 1_000
    assert prompt_tokens(ChatRequest(messages=(), model="m", as_sent=({"content": deep},))) > 1_000
