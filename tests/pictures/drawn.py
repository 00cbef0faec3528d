"""Pictures to try things with."""

from __future__ import annotations

import io
import os
import struct
import zlib

from PIL import Image

RED, BLUE = (200, 30, 30), (30, 30, 200)


def picture(
    kind: str = "PNG", size: tuple[int, int] = (64, 64), *, mode: str = "RGB", colour: object = RED
) -> bytes:
    return saved(Image.new(mode, size, colour), kind)  # type: ignore[arg-type]  # each mode has its own


def half_and_half(size: tuple[int, int] = (60, 90)) -> Image.Image:
    """Red above, blue below."""
    image = Image.new("RGB", size, BLUE)
    image.paste(RED, (0, 0, size[0], size[1] // 2))
    return image


def noise(size: tuple[int, int]) -> Image.Image:
    return Image.frombytes("RGB", size, os.urandom(size[0] * size[1] * 3))


def saved(image: Image.Image, kind: str, **how: object) -> bytes:
    written = io.BytesIO()
    image.save(written, kind, **how)
    return written.getvalue()


def opened(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def head_of_png(size: tuple[int, int]) -> bytes:
    """How a picture in eight bits a colour begins."""
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0))


def with_chunks(png: bytes, *chunks: bytes) -> bytes:
    """The same picture with these chunks behind its head."""
    return png[:33] + b"".join(chunks) + png[33:]
