"""The picture of the open persona: shown, added or changed from a file, and removed, with Undo.

An added picture is stored at once, and the draft names it; the persona gets it when the draft is saved.
"""

from __future__ import annotations

import streamlit as st

from personachat.errors import PersonaChatError
from personachat.personas.pictures.reading import MOST_BYTES
from personachat.ui import faces, session
from personachat.ui.personas.desk import OpenPersona, desk
from personachat.ui.personas.form.binding import FormText, put, take_out
from personachat.ui.personas.state import personas_state
from personachat.ui.personas.texts import name_in

FILE_TYPES = ["png", "jpg", "jpeg", "webp"]
PICTURE = ("picture",)
WIDTH_PIXELS = 72


def draw(text: FormText) -> None:
    """The picture and its buttons, in a row."""
    value = text.value(PICTURE)
    name = value if isinstance(value, str) and value else ""
    thumb = faces.thumb(name) if name else None
    why_not = session.why_not_edit()
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="persona_picture"):
        if thumb:
            st.image(
                thumb,
                width=WIDTH_PIXELS,
                alt=f"Picture of {name_in(text.open_persona.text) or text.open_persona.id}",
            )
        else:
            st.caption(_missing(name), width="content")
        with st.popover(
            "Change picture" if name else "Add a picture",
            icon=":material/add_photo_alternate:",
            disabled=bool(why_not),
            help=why_not,
            key=f"picture_popover_{personas_state().uploads}",
        ):
            st.file_uploader(
                "Picture",
                type=FILE_TYPES,
                max_upload_size=MOST_BYTES // 1024 // 1024,
                key=_upload_key(),
                help="PNG, JPEG or WebP. It is cropped to a square, at most 1,024 pixels wide.",
                on_change=_take,
                args=(text.open_persona,),
            )
        if name:
            st.button(
                "Remove picture",
                icon=":material/delete:",
                type="tertiary",
                key="remove_picture",
                on_click=_remove,
                args=(text.open_persona, name),
            )
        elif removed := _removed(text.open_persona.id):
            st.button(
                "Undo",
                icon=":material/undo:",
                type="tertiary",
                key="undo_picture",
                help="Restore the picture",
                on_click=put,
                args=(text.open_persona, PICTURE, removed),
            )


def _missing(name: str) -> str:
    return "Its picture is missing." if name else "No picture: the avatar is shown instead."


def _take(open_persona: OpenPersona) -> None:
    file = st.session_state.get(_upload_key())
    if file is None:
        return
    try:
        name = session.workspace().collection.add_picture(file.getvalue())
    except PersonaChatError as error:
        desk().error = error
        return
    finally:
        personas_state().uploads += 1  # another field is an empty one, and its popover is closed
    faces.arrived(name)
    put(open_persona, PICTURE, name)


def _remove(open_persona: OpenPersona, name: str) -> None:
    personas_state().removed_picture = open_persona.id, name
    take_out(open_persona, PICTURE)


def _removed(persona_id: str) -> str:
    """The picture that this session last removed from the persona; "" if there is none."""
    of, name = personas_state().removed_picture or ("", "")
    return name if of == persona_id else ""


def _upload_key() -> str:
    return f"picture_upload_{personas_state().uploads}"
