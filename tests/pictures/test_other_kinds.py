"""A picture of a kind that is not read is refused by its name, as a card and as a picture."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from personachat.errors import ImportRefused, PictureRefused
from personachat.personas.formats.reading import read_file
from personachat.personas.pictures.other_kinds import picture_named
from personachat.personas.pictures.reading import read_picture

DRAWN = {"AVIF": "an AVIF", "GIF": "a GIF", "BMP": "a BMP", "TIFF": "a TIFF", "ICO": "an icon file (ICO)"}
BEGUN = {
    b"\0\0\0\x18ftypheic\0\0\0\0": "a HEIC picture",
    b"\0\0\0\x18ftypmif1\0\0\0\0": "a HEIF picture",
    b"\0\0\0\x20ftypisom\0\0\0\0": "a video",
    b"\0\0\0\x0cjP  \r\n\x87\n": "a JPEG 2000 picture",
    b"\0\0\0\x0cJXL \r\n\x87\n": "a JPEG XL picture",
    b"8BPS\0\1": "a Photoshop file",
}


def drawn(kind: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (16, 16)).save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "name"),
    [
        *((drawn(kind), name) for kind, name in DRAWN.items()),
        *((each + bytes(99), n) for each, n in BEGUN.items()),
    ],
    ids=[*DRAWN, *BEGUN.values()],
)
def test_it_is_refused_by_its_name(content: bytes, name: str) -> None:
    with pytest.raises(ImportRefused, match="can't contain a card") as card:
        read_file(content, filename="robin.png")
    with pytest.raises(PictureRefused, match="not supported") as picture:
        read_picture(content, square=True)
    for refused in (card, picture):
        assert str(refused.value).startswith(f"This is {name}")


@pytest.mark.parametrize("text", ["BMI and other figures", "II* is a number", "", "GIF", "8 BPS"])
def test_a_text_that_begins_alike_is_a_text(text: str) -> None:
    assert picture_named(text.encode()) == ""
