"""Another program's text in the editor: recognised, and imported in its place."""

from __future__ import annotations

import streamlit as st

from personachat.errors import PersonaChatError
from personachat.jsontext.edits import with_value
from personachat.personas.fields import free_id
from personachat.personas.formats.reading import looks_like
from personachat.ui import session
from personachat.ui.personas.desk import OpenPersona, desk
from personachat.ui.session import PersonaDraft
from personachat.ui.wording import as_text


def draw(open_persona: OpenPersona) -> bool:
    """Say what the text looks like, and offer to import it; returns whether it is another program's."""
    kind = looks_like(open_persona.text) if open_persona.persona is None and open_persona.text.strip() else ""
    if not kind:
        return False
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/category: This looks like {as_text(kind)}.", width="stretch")
        st.button(
            "Import it instead",
            key="import_pasted",
            icon=":material/upload_file:",
            on_click=_import,
            args=(open_persona,),
        )
    return True


def _import(open_persona: OpenPersona) -> None:
    """Replace the text with the persona, unsaved; further ones become drafts of their own."""
    here = desk()
    try:
        plan = session.workspace().collection.plan_import(open_persona.text.encode())
    except PersonaChatError as error:
        here.error = error
        return
    drafts = session.drafts()
    other_ids = {*plan.other_ids, *drafts}
    first, *others = plan.items
    base, etag = (
        ("", None) if open_persona.stored is None else (open_persona.stored.text, open_persona.stored.etag)
    )
    drafts[open_persona.id] = PersonaDraft(
        with_value(first.arrival.text, ("id",), open_persona.id), base, etag
    )
    for item in others:
        persona_id = free_id(item.name, other_ids)
        other_ids.add(persona_id)
        drafts[persona_id] = PersonaDraft(with_value(item.arrival.text, ("id",), persona_id), "", None)
    here.mount = here.left = None
    here.toast = " ".join(["Imported, not saved yet.", *first.losses[:3]])
