"""Reads a picture from outside and draws it again: at most 1024 pixels a side, without anything else in it.

What a file is, its content tells. Only PNG, JPEG and WebP are read, the first frame of moving ones, and the
size that a file claims is judged before a pixel is decoded. One picture is decoded at a time, so that the
memory this takes does not grow with the number of those who send some.
"""

from __future__ import annotations

import hashlib
import io
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NoReturn, TypeAlias

from personachat.errors import PictureRefused
from personachat.personas.pictures.frames import JPEG, SIGNATURE, plain_jpeg, plain_png
from personachat.personas.pictures.other_kinds import picture_named

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

MOST_BYTES = 32 * 1024 * 1024
MOST_SIDE = 1024
THUMB_SIDE = 128

Kind: TypeAlias = Literal["PNG", "JPEG", "WEBP"]

_MOST_PIXELS: dict[Kind, int] = {"PNG": 4096 * 4096, "JPEG": 50_000_000, "WEBP": 5_000_000}
"""A JPEG is decoded at a fraction of its size, a WebP several times over."""

_MOST_PROGRESSIVE_PIXELS = 12_000_000
"""Of a JPEG that comes in several passes, which are all held."""

_STRIP_ROWS = 256
_HEAD_SHARE = 0.15
"""How much of what a portrait is too high is taken from above: faces are near the top."""

_ORIENTATION = 0x0112
_HINT = "Choose a PNG, JPEG or WebP picture."
_decoding = threading.Lock()


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of ours: a PNG, and the same small and square, a JPEG or, where it is see-through, a PNG."""

    digest: str
    """Names what it was made from, or itself: see `digest_of`."""
    content: bytes
    thumb: bytes


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]


def kind_of(content: bytes) -> Kind | None:
    """What kind of picture a file is that begins so; None if it is none of those that are read."""
    if content.startswith(SIGNATURE):
        return "PNG"
    if content.startswith(JPEG):
        return "JPEG"
    return "WEBP" if content[:4] == b"RIFF" and content[8:12] == b"WEBP" else None


def read_picture(content: bytes, *, square: bool, digest: str = "") -> Picture:
    """The picture of a file, whole or cut to a square; `digest` is its name where it has one already.

    Raises PictureRefused.
    """
    if not content:
        _refuse("The file is empty.")
    if len(content) > MOST_BYTES:
        _refuse(f"The picture is too large; the limit is {MOST_BYTES // 1024 // 1024} MB.")
    kind = kind_of(content[:16])
    if kind is None:
        _refuse(_what_else(content))
    with _decoding:
        image = _decoded(content, kind, square=square)
        written = _png(image)
        return Picture(digest or digest_of(written), written, _thumb(image))


def _what_else(content: bytes) -> str:
    start = content[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(b"<svg") or (start.startswith(b"<") and b"<svg" in start):
        return "SVG drawings can contain programs and are not supported."
    kind = picture_named(content)
    return (
        f"This is {kind}, which is not supported."
        if kind
        else "The file is not a picture in a supported format."
    )


def _decoded(content: bytes, kind: Kind, *, square: bool) -> Image:
    from PIL import Image as Images  # noqa: PLC0415  # it takes a while to load

    exif = None
    if kind != "WEBP":
        content, exif = plain_png(content) if kind == "PNG" else plain_jpeg(content)
    try:
        small, turned = _reduced_image(content, kind, exif, square=square)
        return _turned(_fitted(small), turned)
    except PictureRefused:
        raise
    except (MemoryError, Images.DecompressionBombError, Images.DecompressionBombWarning):
        _refuse("The picture has too many pixels.")
    except Exception:  # noqa: BLE001  # decoders raise whatever a hostile file makes them; nothing is kept of it
        _refuse("The picture is damaged and can't be decoded.")


def _reduced_image(content: bytes, kind: Kind, exif: bytes | None, *, square: bool) -> tuple[Image, int]:
    """What is wanted of a picture, not much larger than it will be, and how that is to be turned."""
    from PIL import Image as Images  # noqa: PLC0415  # slow to load, and few requests need it

    with Images.open(io.BytesIO(content), formats=[kind]) as image:
        _check_size(image, kind)
        turned = _orientation(image.info.get("exif") if exif is None else exif)
        if kind == "JPEG":
            side = MOST_SIDE if square else max(1, MOST_SIDE * min(image.size) // max(image.size))
            image.draft(None, (side, side))
        image.load()
        box = _square_in(image.size, turned) if square else (0, 0, *image.size)
        return _reduced(image, box), turned


def _check_size(image: ImageFile, kind: Kind) -> None:
    width, height = image.size
    most = _MOST_PIXELS[kind]
    if kind == "JPEG" and image.info.get("progressive"):
        most = _MOST_PROGRESSIVE_PIXELS
    if not width or not height or width * height > most:
        _refuse(
            f"The picture has {width:,} by {height:,} pixels; the limit for its format is "
            f"{most // 1000000} megapixels."
        )


def _orientation(exif: bytes | None) -> int:
    """How the picture is to be turned (EXIF, 1 to 8); 1 where nothing sensible says so."""
    from PIL import Image as Images  # noqa: PLC0415  # slow to load, and few requests need it

    try:
        read = Images.Exif()
        read.load(exif or b"")
        orientation = read.get(_ORIENTATION, 1)
    except Exception:  # noqa: BLE001  # what is wrong beside the picture is no fault of the picture
        return 1
    return orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1


def _square_in(size: tuple[int, int], turned: int) -> tuple[int, int, int, int]:
    """The square to keep, before the picture is turned: the middle, of a portrait rather the top."""
    width, height = size
    side = min(size)
    excess = max(size) - side
    is_portrait = (height > width) if turned < 5 else (width > height)
    before = round(excess * _HEAD_SHARE) if is_portrait else excess // 2
    if is_portrait and turned in {3, 4, 7, 8}:  # its top is at the far end
        before = excess - before
    left, top = (before, 0) if width > height else (0, before)
    return left, top, left + side, top + side


def _reduced(image: Image, box: tuple[int, int, int, int]) -> Image:
    """What is in the box, a whole number of times smaller; strip by strip, so that no second copy is held."""
    from PIL import Image as Images  # noqa: PLC0415  # slow to load, and few requests need it

    left, top, right, bottom = box
    factor = max(1, max(right - left, bottom - top) // MOST_SIDE)
    rows = max(1, _STRIP_ROWS // factor) * factor
    mode = "RGBA" if image.has_transparency_data else "RGB"
    small = Images.new(mode, (-(-(right - left) // factor), -(-(bottom - top) // factor)))
    for at in range(top, bottom, rows):
        strip = image.crop((left, at, right, min(at + rows, bottom)))
        strip = _coloured(strip, mode)
        small.paste(strip.reduce(factor) if factor > 1 else strip, (0, (at - top) // factor))
    return small


def _coloured(strip: Image, mode: str) -> Image:
    if strip.mode.startswith("I"):  # 16 bits of grey
        strip = strip.convert("I").point(lambda value: value / 256).convert("L")
    return strip if strip.mode == mode else strip.convert(mode)


def _fitted(image: Image) -> Image:
    from PIL import Image as Images  # noqa: PLC0415  # slow to load, and few requests need it

    share = MOST_SIDE / max(image.size)
    if share >= 1:
        return image
    width, height = (max(1, round(side * share)) for side in image.size)
    return image.resize((width, height), Images.Resampling.LANCZOS)


def _turned(image: Image, orientation: int) -> Image:
    from PIL.Image import Transpose  # noqa: PLC0415  # slow to load, and few requests need it

    ways = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return image.transpose(ways[orientation]) if orientation in ways else image


def _png(image: Image) -> bytes:
    """A PNG of nothing but the pixels; without its alpha where nothing is see-through."""
    if image.mode == "RGBA" and image.getchannel("A").getextrema() == (255, 255):
        image = image.convert("RGB")
    image.info.clear()
    written = io.BytesIO()
    image.save(written, "PNG", compress_level=3)
    return written.getvalue()


def _thumb(image: Image) -> bytes:
    from PIL import Image as Images  # noqa: PLC0415  # slow to load, and few requests need it

    box = _square_in(image.size, 1)
    side = min(THUMB_SIDE, box[2] - box[0])
    small = image.resize((side, side), Images.Resampling.LANCZOS, box=box, reducing_gap=3.0)
    written = io.BytesIO()
    if small.mode == "RGBA" and small.getchannel("A").getextrema() != (255, 255):
        small.save(written, "PNG")
    else:
        small.convert("RGB").save(written, "JPEG", quality=85)
    return written.getvalue()


def _refuse(message: str) -> NoReturn:
    raise PictureRefused(message, hint=_HINT) from None
