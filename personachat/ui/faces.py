"""The face of a persona: its picture if it is stored here, otherwise its emoji or icon.

Small pictures are cached by name, and the name changes with the content, so the database is asked once per
picture. Only our own pictures get here, so nothing foreign is opened or served.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable

import streamlit as st
from streamlit import runtime

from personachat.avatars import avatar_in, picture_in, safe_avatar
from personachat.errors import PersonaChatError
from personachat.personas.persona import Persona
from personachat.personas.store.base import StoredPersona
from personachat.personas.store.pictures import PersonaPictures
from personachat.services import built_services, get_services

DEFAULT_AVATAR = ":material/forum:"

MOST_PICTURES = 2_000
"""How many small pictures are cached, about 5 KB each."""

MISSING_SECONDS = 30.0
"""Seconds before a missing or unreadable picture is looked up again."""

_pictures: OrderedDict[str, bytes] = OrderedDict()
_missing: dict[tuple[int, str], float] = {}
_lock = threading.Lock()


def face(persona: Persona | None) -> str | bytes:
    """The avatar beside a persona's messages, for `st.chat_message`."""
    if persona is None:
        return DEFAULT_AVATAR
    return thumb(persona.picture) or safe_avatar(persona.avatar) or DEFAULT_AVATAR


def face_of_turn(spoken: str | None) -> str | bytes:
    """The same for a turn, which keeps the face the persona had then."""
    return thumb(picture_in(spoken)) or avatar_in(spoken) or DEFAULT_AVATAR


def thumb(picture: str) -> bytes | None:
    """A picture, small and square; None for "" and if it isn't here."""
    if not picture:
        return None
    if picture not in _pictures:
        load((picture,))
    return _pictures.get(picture)


def load(pictures: Iterable[str]) -> None:
    """Load these pictures, with one query for all that aren't cached."""
    missing_digests = {each for each in pictures if each and each not in _pictures}
    if not missing_digests:
        return
    store = get_services().pictures
    now = time.monotonic()
    with _lock:
        missing_digests = {each for each in missing_digests if _missing.get((id(store), each), 0.0) < now}
    contents = _read(store, missing_digests) if missing_digests else {}
    with _lock:
        _pictures.update(contents)
        while len(_pictures) > MOST_PICTURES:
            _pictures.popitem(last=False)
        if len(_missing) > MOST_PICTURES:
            _missing.clear()
        _missing.update(
            dict.fromkeys(
                ((id(store), each) for each in missing_digests - contents.keys()), now + MISSING_SECONDS
            )
        )


def _read(store: PersonaPictures, digests: Iterable[str]) -> dict[str, bytes]:
    try:
        return store.thumbs(digests)
    except PersonaChatError:  # the emoji or icon replaces it; other parts of the page report the database
        return {}


def arrived(picture: str) -> None:
    """The picture was just saved: forget that it was missing."""
    with _lock:
        _missing.pop((id(get_services().pictures), picture), None)


def in_line(picture: str) -> str:
    """A picture as part of a label, as high as its letters; "" if there is none."""
    url = address(picture)
    return f"![]({url})\u2002" if url else ""


def address(picture: str) -> str:
    """The address of a small picture for this run; "" if there is none."""
    content = thumb(picture)
    return address_of(content, f"face-{picture}") if content else ""


def address_of(content: bytes, name: str) -> str:
    """The address of one of our pictures for this run; "" if there is no browser."""
    if not runtime.exists():
        return ""
    kind = "image/png" if content.startswith(b"\x89PNG") else "image/jpeg"
    url = runtime.get_instance().media_file_mgr.add(content, kind, name)
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}{url}" if base else url


def draw(persona: Persona | None, *, width: int) -> bool:
    """Draw a persona's picture; returns whether it has one."""
    content = thumb(persona.picture) if persona else None
    if persona is None or content is None:
        return False
    st.image(content, width=width, alt=f"Picture of {persona.name}")
    return True


def warm_up() -> None:
    """Load the personas' pictures and the code that draws them, so that the first reply needn't wait."""
    services = built_services()
    if services is None:  # the process is ending
        return
    personas = services.personas.all()
    load(each.persona.picture for each in personas if isinstance(each, StoredPersona))
    if _pictures:
        import numpy as np  # noqa: F401, PLC0415  # Streamlit does, before it shows any picture
