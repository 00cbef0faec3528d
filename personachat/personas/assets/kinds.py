"""What a file of a card is, judged by its content: media, fonts, models and texts are kept, all else is not.

No file is decoded, and none is sent to a browser by itself: this only keeps archives and programs out.
"""

from __future__ import annotations

HEAD_BYTES = 16
"""So much of a file shows whether it may be one that is kept."""

_STARTS = (
    *(b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"BM", b"\xff\x0a"),
    *(b"ID3", b"\xff\xfb", b"\xff\xfa", b"\xff\xf3", b"\xff\xf2", b"\xff\xf1", b"\xff\xf9"),
    *(b"OggS", b"fLaC", b"\x1aE\xdf\xa3"),
    *(b"wOFF", b"wOF2", b"OTTO", b"ttcf", b"\x00\x01\x00\x00\x00"),
    *(b"glTF", b"MOC3"),
    b"o\x00",  # a module of RisuAI
)
_IN_RIFF = (b"WEBP", b"WAVE", b"AVI ")
_MARKUP = ("#!", "<!doctype", "<html", "<svg", "<?xml", "<script", "<?php")
_BOM = "\ufeff"


def may_be_kept(head: bytes) -> bool:
    """Whether a file that begins so may be one that is kept."""
    return _is_media(head) or b"\x00" not in head


def is_kept(content: bytes) -> bool:
    """Whether a file is of a kind that is kept."""
    return _is_media(content[:HEAD_BYTES]) or _is_text(content)


def _is_media(head: bytes) -> bool:
    if head.startswith(b"RIFF"):
        return head[8:12] in _IN_RIFF
    return head.startswith(_STARTS) or head[4:8] == b"ftyp"


def _is_text(content: bytes) -> bool:
    """Whether it is text that no system would run."""
    if not content or b"\x00" in content:
        return False
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return False
    return not text[:200].lstrip(f"{_BOM} \t\r\n").lower().startswith(_MARKUP)
