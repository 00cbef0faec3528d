"""Whom one sees: a persona's picture where it has one that is here, else its emoji or icon.

Small pictures are kept in memory by their names, which change with what is in them: drawing one asks the
database once. Only pictures of ours get here, so nothing foreign is opened or served.
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
"""Small pictures in memory, of about 5 KB each."""

MISSING_SECONDS = 30.0
"""How long one that is not here, or cannot be read, is not asked for again."""

_pictures: OrderedDict[str, bytes] = OrderedDict()
_missing: dict[tuple[int, str], float] = {}
_lock = threading.Lock()


def face(persona: Persona | None) -> str | bytes:
    """What stands beside a persona's words, for `st.chat_message`."""
    if persona is None:
        return DEFAULT_AVATAR
    return thumb(persona.picture) or safe_avatar(persona.avatar) or DEFAULT_AVATAR


def face_of_turn(spoken: str | None) -> str | bytes:
    """The same of a turn, which keeps the face that the persona had when it spoke."""
    return thumb(picture_in(spoken)) or avatar_in(spoken) or DEFAULT_AVATAR


def thumb(picture: str) -> bytes | None:
    """A picture, small and square; None for "" and where it is not here."""
    if not picture:
        return None
    if picture not in _pictures:
        load((picture,))
    return _pictures.get(picture)


def load(pictures: Iterable[str]) -> None:
    """Have these ready, with one question for all that are not."""
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
    except PersonaChatError:  # the emoji or icon stands for it; whoever needs the database says what is wrong
        return {}


def arrived(picture: str) -> None:
    """It was kept a moment ago: what is known of its absence does not count."""
    with _lock:
        _missing.pop((id(get_services().pictures), picture), None)


def in_line(picture: str) -> str:
    """A picture as a part of a label, as high as its letters; "" if there is none."""
    url = address(picture)
    return f"![]({url})\u2002" if url else ""


def address(picture: str) -> str:
    """Where the browser gets a small picture in this run; "" if there is none."""
    content = thumb(picture)
    return address_of(content, f"face-{picture}") if content else ""


def address_of(content: bytes, name: str) -> str:
    """Where the browser gets a picture of ours in this run; "" if there is no browser."""
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
    """Have the pictures of the personas ready, and what draws them loaded: the first reply shall not wait."""
    services = built_services()
    if services is None:  # the process is ending
        return
    personas = services.personas.all()
    load(each.persona.picture for each in personas if isinstance(each, StoredPersona))
    if _pictures:
        import numpy as np  # noqa: F401, PLC0415  # Streamlit does, before it shows any picture
