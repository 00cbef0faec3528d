"""About how many tokens a request has at least: text is counted, pictures and other files are estimated.

Budgets use it before a provider is asked, and the ledger uses it if the provider reports no usage. Content
that isn't plain text is counted too.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import math
from collections.abc import Mapping
from typing import Any

from personachat.personas.token_estimates import estimate_tokens
from personachat.providers.base import ChatRequest

MOST_IMAGE_TOKENS = 1_600
"""Tokens of a picture of unknown size: the most that larger providers count."""

LOW_DETAIL_TOKENS = 85
MOST_DEPTH = 40

_HEAD_CHARACTERS = 64 * 1024
"""Characters of a Base64 picture to decode: its size is near the beginning."""


def prompt_tokens(request: ChatRequest) -> int:
    """Tokens of all messages and of what is sent with them, such as tools."""
    plain = sum(estimate_tokens(message.content) for message in request.messages)
    more = {name: value for name, value in request.more.items() if isinstance(value, list | dict)}
    return plain + sum(map(_tokens_in, request.as_sent)) + (_tokens_in(more) if more else 0)


def _tokens_in(value: Any, *, depth: int = 0) -> int:
    """Tokens of all text in a message or in a part of one."""
    if isinstance(value, str):
        return _of_text(value)
    if depth > MOST_DEPTH:
        return estimate_tokens(json.dumps(value, default=str))
    if isinstance(value, Mapping):
        if (picture := value.get("image_url")) is not None:
            return picture_tokens(picture)
        return sum(_tokens_in(each, depth=depth + 1) for each in value.values())
    if isinstance(value, list | tuple):
        return sum(_tokens_in(each, depth=depth + 1) for each in value)
    return 1


def _of_text(text: str) -> int:
    """Tokens of a text. A file embedded as text is estimated by its length."""
    return math.ceil(len(text) / 4) if text.startswith("data:") else estimate_tokens(text)


def picture_tokens(picture: object) -> int:
    """Tokens of a picture in a message: an address, or an object with `url` and `detail`."""
    source = picture if isinstance(picture, Mapping) else {"url": picture}
    if source.get("detail") == "low":
        return LOW_DETAIL_TOKENS
    size = _size_of(str(source.get("url") or ""))
    return MOST_IMAGE_TOKENS if size is None else tokens_of_size(*size)


def tokens_of_size(width: int, height: int) -> int:
    """The most that providers count: by tiles of 512 pixels or by area. Both scale the picture down first."""
    scale = min(1.0, 2048 / max(width, height), 768 / min(width, height))
    tiles = math.ceil(width * scale / 512) * math.ceil(height * scale / 512)
    shrunk = min(1.0, 1568 / max(width, height))
    area = math.ceil(width * shrunk * height * shrunk / 750)
    return max(LOW_DETAIL_TOKENS + 170 * tiles, min(area, MOST_IMAGE_TOKENS))


def _size_of(url: str) -> tuple[int, int] | None:
    """Width and height of an embedded picture in pixels; None if unknown."""
    head, comma, data = url.partition(",")
    if not comma or not head.startswith("data:image/") or not head.endswith(";base64"):
        return None
    from PIL import Image  # noqa: PLC0415  # only if there is a picture

    try:
        content = base64.b64decode(data[:_HEAD_CHARACTERS], validate=True)
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG", "WEBP", "GIF")) as image:
            width, height = image.size
    except (OSError, ValueError, SyntaxError, binascii.Error, Image.DecompressionBombError, Warning):
        return None
    return (width, height) if width > 0 and height > 0 else None
