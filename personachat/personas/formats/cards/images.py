"""The picture of a card on its way in. One that cannot be taken is said, and never loses the card's text."""

from __future__ import annotations

import struct
from dataclasses import replace

from personachat.errors import PictureRefused
from personachat.jsontext.edits import with_value, without
from personachat.personas.formats.cards.cover import COVER_CHUNK
from personachat.personas.formats.catalogue import ImportedPersona
from personachat.personas.persona import KEYS, parse_persona
from personachat.personas.pictures.frames import SIGNATURE, plain_png
from personachat.personas.pictures.reading import digest_of, read_picture
from personachat.personas.pictures.shelf import PictureShelf

_HEAD = len(SIGNATURE) + 4 + 4 + 13 + 4
"""Where a PNG's second chunk begins."""


def with_image(arrival: ImportedPersona, image: bytes) -> ImportedPersona:
    """The persona with this picture, whole; unless it is the cover that was drawn for want of one."""
    if _is_cover(image):
        return arrival
    named = arrival.persona.picture
    try:
        is_the_same = bool(named) and image.startswith(SIGNATURE) and digest_of(plain_png(image)[0]) == named
        picture = read_picture(image, square=False, digest=named if is_the_same else "")
    except PictureRefused as refused:
        return without_image(arrival, f"The picture was left out. {refused}")
    if picture.digest == named:
        return replace(arrival, picture=picture)
    text = with_value(arrival.text, ("picture",), picture.digest, order=KEYS)
    return replace(arrival, text=text, persona=parse_persona(text), picture=picture)


def without_image(arrival: ImportedPersona, why: str) -> ImportedPersona:
    """The persona without the picture that it names, and the reason."""
    text = without(arrival.text, ("picture",)) if arrival.persona.picture else arrival.text
    losses = (*arrival.losses, why)
    return replace(arrival, text=text, persona=parse_persona(text), losses=losses, picture=None)


def shelved(arrival: ImportedPersona, shelf: PictureShelf) -> ImportedPersona:
    """The same, with its picture out of memory."""
    return replace(arrival, picture=shelf.put(arrival.picture)) if arrival.picture else arrival


def _is_cover(image: bytes) -> bool:
    head = image[_HEAD : _HEAD + 8 + len(COVER_CHUNK)]
    return head == struct.pack(">I4s", len(COVER_CHUNK), b"tEXt") + COVER_CHUNK
