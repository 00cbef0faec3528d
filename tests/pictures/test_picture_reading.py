"""What becomes of pictures from outside: one of ours, or one sentence on why not."""

from __future__ import annotations

import struct
import tracemalloc
import zlib

import pytest
from PIL import Image

from personachat.errors import PictureRefused
from personachat.personas.pictures.reading import MOST_BYTES, digest_of, read_picture
from tests.pictures.drawn import (
    BLUE,
    RED,
    chunk,
    half_and_half,
    noise,
    opened,
    picture,
    saved,
    with_chunks,
)

SECRET = b"secret-place-48.8584N"


def near(pixel: object, colour: tuple[int, int, int]) -> bool:
    assert isinstance(pixel, tuple)
    return all(abs(one - other) < 24 for one, other in zip(pixel, colour, strict=False))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_becomes_a_square_png_of_at_most_1024_pixels(kind: str) -> None:
    read = read_picture(picture(kind, (3000, 1200)), square=True)
    image = opened(read.content)
    assert (image.format, image.mode, image.size) == ("PNG", "RGB", (1024, 1024))
    assert near(image.getpixel((512, 512)), RED)
    assert opened(read.thumb).size == (128, 128)
    assert read.digest == digest_of(read.content)


def test_a_cards_picture_is_kept_whole() -> None:
    assert opened(read_picture(picture("PNG", (1000, 1500)), square=False).content).size == (683, 1024)
    assert opened(read_picture(picture("PNG", (40, 60)), square=False).content).size == (40, 60)


def test_of_a_portrait_the_upper_part_is_kept() -> None:
    image = opened(read_picture(saved(half_and_half((60, 180)), "PNG"), square=True).content)
    assert near(image.getpixel((30, 5)), RED)
    assert near(image.getpixel((30, 55)), RED)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_is_turned_as_its_camera_says_and_forgets_the_rest(kind: str, orientation: int) -> None:
    upright = half_and_half((64, 96))
    undone = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    lying = upright.transpose(undone[orientation]) if orientation in undone else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = SECRET.decode()
    read = read_picture(saved(lying, kind, exif=exif.tobytes()), square=False)
    image = opened(read.content)
    assert image.size == (64, 96)
    assert near(image.getpixel((32, 8)), RED)
    assert near(image.getpixel((32, 88)), BLUE)
    assert not image.getexif()
    assert SECRET not in read.content
    square = opened(read_picture(saved(lying, kind, exif=exif.tobytes()), square=True).content)
    assert near(square.getpixel((32, 4)), RED), "the square is taken from the top as it is seen"


@pytest.mark.parametrize("exif", [b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", b"Exif\0\0", b"\0" * 9, b"x" * 60_000])
def test_nonsense_beside_a_picture_is_no_fault_of_the_picture(exif: bytes) -> None:
    assert opened(read_picture(saved(noise((20, 20)), "JPEG", exif=exif), square=True).content).size == (
        20,
        20,
    )


def test_texts_profiles_animation_and_what_follows_are_dropped() -> None:
    bomb = zlib.compress(bytes(50_000_000), 9)
    hostile = with_chunks(
        picture(),
        chunk(b"tEXt", b"Comment\0" + SECRET),
        chunk(b"zTXt", b"chara\0\0" + bomb),
        chunk(b"iTXt", b"chara\0\1\0\0\0" + bomb),
        chunk(b"iCCP", b"profile\0\0" + bomb),
        chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0)),
        chunk(b"eXIf", b"MM\0*" + SECRET),
    )
    plain = read_picture(picture(), square=True)
    tracemalloc.start()
    try:
        read = read_picture(hostile + b"PK\x03\x04<script>" + SECRET, square=True)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
    assert read == plain


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_of_a_moving_picture_the_first_frame_is_kept(kind: str) -> None:
    frames = [Image.new("RGB", (32, 32), colour) for colour in (RED, BLUE, BLUE)]
    moving = saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=50)
    image = opened(read_picture(moving, square=True).content)
    assert getattr(image, "n_frames", 1) == 1
    assert near(image.getpixel((16, 16)), RED)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_colour_is_read(mode: str) -> None:
    grey = (
        Image.new("I;16", (30, 30), 32_768) if mode == "I;16" else Image.new("L", (30, 30), 128).convert(mode)
    )
    read = opened(read_picture(saved(grey, "PNG"), square=True).content)
    assert read.mode == "RGB"
    assert mode == "1" or near(read.getpixel((15, 15)), (128, 128, 128))


def test_the_colours_of_print_are_read() -> None:
    ink = Image.new("CMYK", (30, 30), (0, 255, 255, 0))
    assert near(opened(read_picture(saved(ink, "JPEG"), square=True).content).getpixel((5, 5)), (255, 0, 0))


def test_what_can_be_seen_through_stays_so() -> None:
    read = read_picture(picture(mode="RGBA", colour=(*RED, 90)), square=True)
    assert opened(read.content).getpixel((5, 5)) == (*RED, 90)
    assert opened(read.thumb).format == "PNG"


def test_our_own_picture_stays_the_same() -> None:
    once = read_picture(saved(noise((700, 300)), "JPEG"), square=True)
    assert read_picture(once.content, square=False) == once


def claiming(width: int, height: int) -> bytes:
    """A PNG that says it is so large, and holds next to nothing."""
    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


REFUSED = {
    "nothing": (b"", "empty"),
    "a GIF": (picture("GIF", mode="P", colour=1), "GIF"),
    "an SVG": (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" onload="x()"/>', "SVG"),
    "an SVG with blanks before it": (b"\xef\xbb\xbf\n  <SVG></SVG>", "SVG"),
    "a BMP": (picture("BMP"), "a BMP picture, which is not supported"),
    "a TIFF": (picture("TIFF"), "a TIFF picture, which is not supported"),
    "a page": (b"<html><script>alert(1)</script>", "not a picture in a supported format"),
    "a zip": (b"PK\x03\x04" + bytes(100), "not a picture in a supported format"),
    "half a PNG": (saved(noise((99, 99)), "PNG")[:9_000], "cut off"),
    "half a JPEG": (saved(noise((99, 99)), "JPEG")[:2_000], "damaged"),
    "half a WebP": (saved(noise((99, 99)), "WEBP")[:2_000], "damaged"),
    "a signature": (b"\x89PNG\r\n\x1a\n", "cut off"),
    "a JPEG's beginning": (b"\xff\xd8\xff\xe0", "damaged"),
    "a PNG without pixels": (claiming(8, 8).replace(b"IDAT", b"iDAT"), "damaged"),
    "too wide a PNG": (claiming(2**31 - 1, 2**31 - 1), "pixels"),
    "too many pixels": (claiming(9_000, 9_000), "megapixels"),
    "no pixels": (claiming(0, 5), "pixels|damaged"),
    "a PNG that lies": (claiming(4_000, 4_000), "damaged"),
    "100 MB": (b"\x89PNG\r\n\x1a\n" + bytes(100_000_000), "32 MB"),
    "random bytes": (b"\xff\xd8\xff" + bytes(range(256)) * 40, "damaged"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_sound_picture_is_refused_with_the_reason(name: str) -> None:
    content, reason = REFUSED[name]
    with pytest.raises(PictureRefused, match=reason) as refused:
        read_picture(content, square=True)
    assert refused.value.hint


def test_more_bytes_than_any_picture_has_are_not_looked_at() -> None:
    with pytest.raises(PictureRefused, match="32 MB"):
        read_picture(picture() + bytes(MOST_BYTES), square=True)
