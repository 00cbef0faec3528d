"""Pictures that are not read, told apart by how they begin, so that a refusal can say what came. Pure."""

from __future__ import annotations

_BEGINNINGS = {
    b"GIF8": "a GIF picture",
    b"BM": "a BMP picture",
    b"II*\0": "a TIFF picture",
    b"MM\0*": "a TIFF picture",
    b"\0\0\1\0": "an icon file (ICO)",
    b"8BPS": "a Photoshop file",
    b"gimp xcf": "a GIMP file",
    b"\0\0\0\x0cjP  ": "a JPEG 2000 picture",
    b"\xff\x4f\xff\x51": "a JPEG 2000 picture",
    b"\0\0\0\x0cJXL ": "a JPEG XL picture",
    b"\xff\x0a": "a JPEG XL picture",
    b"qoif": "a QOI picture",
}
_BRANDS = {
    b"avif": "an AVIF picture",
    b"avis": "an AVIF picture",
    b"heic": "a HEIC picture",
    b"heix": "a HEIC picture",
    b"hevc": "a HEIC picture",
    b"mif1": "a HEIF picture",
    b"msf1": "a HEIF picture",
}
"""Of files that are made of boxes, as films are; the first box says which kind it is."""


def picture_named(content: bytes) -> str:
    """What kind of picture or film a file is, with its article; "" if it begins like none of these."""
    if content[4:8] == b"ftyp":
        return _BRANDS.get(content[8:12].lower(), "a video")
    if content[:2] == b"BM" and content[6:10] != bytes(4):
        return ""  # a text may begin so, too
    return next((name for start, name in _BEGINNINGS.items() if content.startswith(start)), "")
