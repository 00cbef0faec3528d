"""How many tokens a request asks at least about: counted of text, estimated of pictures and other files.

Budgets go by it before a provider is asked, and the ledger where the provider reports nothing. So nothing is
left out because it is no plain text.
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
"""Of a picture whose size nobody can see: what the larger providers count at most."""

LOW_DETAIL_TOKENS = 85
MOST_DEPTH = 40

_HEAD_CHARACTERS = 64 * 1024
"""Of a picture in Base64: its size stands near its beginning."""


def prompt_tokens(request: ChatRequest) -> int:
    """Of all messages, and of what is sent besides, such as tools."""
    plain = sum(estimate_tokens(message.content) for message in request.messages)
    more = {name: value for name, value in request.more.items() if isinstance(value, list | dict)}
    return plain + sum(map(_tokens_in, request.as_sent)) + (_tokens_in(more) if more else 0)


def _tokens_in(value: Any, *, depth: int = 0) -> int:
    """Of all texts in a message or a part of one."""
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
    """Of a text; a file that is written as one is estimated by its length."""
    return math.ceil(len(text) / 4) if text.startswith("data:") else estimate_tokens(text)


def picture_tokens(picture: object) -> int:
    """Of a picture as a message has it: an address, or an object with `url` and `detail`."""
    source = picture if isinstance(picture, Mapping) else {"url": picture}
    if source.get("detail") == "low":
        return LOW_DETAIL_TOKENS
    size = _size_of(str(source.get("url") or ""))
    return MOST_IMAGE_TOKENS if size is None else tokens_of_size(*size)


def tokens_of_size(width: int, height: int) -> int:
    """The most that providers count: by tiles of 512 pixels, or by area; both make it smaller first."""
    scale = min(1.0, 2048 / max(width, height), 768 / min(width, height))
    tiles = math.ceil(width * scale / 512) * math.ceil(height * scale / 512)
    shrunk = min(1.0, 1568 / max(width, height))
    area = math.ceil(width * shrunk * height * shrunk / 750)
    return max(LOW_DETAIL_TOKENS + 170 * tiles, min(area, MOST_IMAGE_TOKENS))


def _size_of(url: str) -> tuple[int, int] | None:
    """Of a picture that came with the message; None where nothing says it."""
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
