"""The picture a persona gets on a card: its initials on a colour of its own, the same every time."""

from __future__ import annotations

import colorsys
import hashlib
import io
import unicodedata
from typing import TYPE_CHECKING

from personachat.personas.persona import Persona

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

WIDTH, HEIGHT = 400, 600

COVER_CHUNK = b"personachat\0cover"
"""What a text in the picture says, so that it is not taken for a picture that somebody chose."""

_LETTERS_PIXELS = 150
_RING_PIXELS = 250


def cover(persona: Persona) -> bytes:
    """Return a PNG of 400 by 600 pixels, a few KB."""
    # It takes a while to load, and few ask for a picture.
    from PIL import Image, ImageDraw  # noqa: PLC0415  # loaded where it is used
    from PIL.PngImagePlugin import PngInfo  # noqa: PLC0415  # loaded where it is used

    hue = hashlib.sha256(persona.name.encode()).digest()[0] / 256
    image = Image.new("RGB", (WIDTH, HEIGHT), _colour(hue, 0.34))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, HEIGHT * 3 // 4, WIDTH, HEIGHT), _colour(hue, 0.27))
    left, top = (WIDTH - _RING_PIXELS) // 2, (HEIGHT * 3 // 4 - _RING_PIXELS) // 2
    draw.ellipse((left, top, left + _RING_PIXELS, top + _RING_PIXELS), _colour(hue, 0.46))
    _draw_initials(draw, initials(persona.name), top + _RING_PIXELS // 2)
    written = io.BytesIO()
    note = PngInfo()
    keyword, _, words = COVER_CHUNK.partition(b"\0")
    note.add_text(keyword, words)
    image.quantize(64).save(written, "PNG", optimize=True, pnginfo=note)
    return written.getvalue()


def initials(name: str) -> str:
    """Return up to two capitals A to Z for a name; "" where it has none, as in other scripts."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().upper()
    words = "".join(char if char.isalnum() else " " for char in plain).split()
    return "".join(word[0] for word in (words if len(words) < 2 else (words[0], words[-1])))


def _draw_initials(draw: ImageDraw, letters: str, middle: int) -> None:
    """The letters, or a plain figure: the font that comes with Pillow has no other scripts."""
    from PIL import ImageFont  # noqa: PLC0415  # loaded where it is used

    place = WIDTH // 2, middle
    if letters:
        font = ImageFont.load_default(_LETTERS_PIXELS if len(letters) == 1 else _LETTERS_PIXELS * 4 // 5)
        draw.text(place, letters, "white", font, anchor="mm")
        return
    draw.ellipse((place[0] - 42, middle - 75, place[0] + 42, middle + 9), "white")
    draw.pieslice((place[0] - 80, middle + 22, place[0] + 80, middle + 170), 180, 360, "white")


def _colour(hue: float, lightness: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hls_to_rgb(hue, lightness, 0.45)
    return round(red * 255), round(green * 255), round(blue * 255)
