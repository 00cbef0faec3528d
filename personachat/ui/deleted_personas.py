"""Personas that were deleted, and the way back for each."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

import streamlit as st

from personachat.errors import PersonaChatError
from personachat.ui import state
from personachat.ui.excerpts import as_text
from personachat.ui.moments import ago, viewer_zone
from personachat.ui.persona_desk import desk, take_typed
from personachat.ui.wording import escaped, heard

MOST = 20


def draw() -> None:
    """A folded list below the others; nothing where nothing was deleted, or where that cannot be read."""
    with suppress(PersonaChatError):
        deleted = state.workspace().collection.revisions.deleted(limit=MOST)
        if not deleted:
            return
        why_not = state.why_not_edit()
        zone, now = viewer_zone(), datetime.now(UTC)
        with st.expander("Recently deleted", icon=":material/delete:"):
            for each in deleted:
                with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                    said = [ago(each.saved_at, now=now, zone=zone), as_text(each.author)]
                    with st.container(gap=None, width="stretch"):
                        st.markdown(as_text(each.name))
                        st.caption(" · ".join(part for part in said if part))
                    st.button(
                        heard("Bring back"),
                        icon=":material/restore_from_trash:",
                        key=f"bring-back-{each.persona_id}",
                        help=why_not or "Bring back",
                        disabled=bool(why_not),
                        type="tertiary",
                        on_click=_bring_back,
                        args=(each.persona_id,),
                    )


def _bring_back(persona_id: str) -> None:
    take_typed()
    here = desk()
    try:
        stored = state.workspace().collection.bring_back(persona_id)
    except PersonaChatError as error:
        here.error = error
        return
    here.error = None
    here.said = f"{escaped(stored.persona.name)} is back."
    state.remember("id", persona_id)
