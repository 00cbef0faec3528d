"""The person's unsaved personas, and those they discarded recently."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import streamlit as st

from personachat.personas.store.drafts import DiscardedDraft
from personachat.ui import session
from personachat.ui.dates import ago, viewer_zone
from personachat.ui.personas import actions as editing
from personachat.ui.personas import kept_drafts
from personachat.ui.personas.rows import Row
from personachat.ui.personas.texts import names_with_ids
from personachat.ui.wording import as_text, heard

MOST_ROWS = 50


def draw(rows: Sequence[Row]) -> None:
    """A collapsed list below that of the personas; nothing if it is empty. `rows` are all personas."""
    unsaved = session.drafts()  # read once: the session is slow to read, and there may be many rows
    drafts = [row for row in rows if row.id in unsaved]
    discarded = kept_drafts.asides()
    if not drafts and not discarded:
        return
    with st.expander(_label(len(drafts)), icon=":material/edit_note:", key="draft_list"):
        names = names_with_ids({row.id: row.name for row in drafts})
        for row in drafts[:MOST_ROWS]:
            _draw_draft(row.id, as_text(names[row.id]))
        if discarded:
            st.caption("Discarded")
        zone, now = viewer_zone(), datetime.now(UTC)
        for discarded_draft in discarded[:MOST_ROWS]:
            _draw_discarded(discarded_draft, when=ago(discarded_draft.discarded_at, now=now, zone=zone))


def _label(count: int) -> str:
    if count == 0:
        return "Discarded drafts"
    return "1 draft" if count == 1 else f"{count} drafts"


def _draw_draft(persona_id: str, name: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.button(
            name,
            key=f"open-draft-{persona_id}",
            type="tertiary",
            width="stretch",
            wrap=False,
            on_click=editing.select,
            args=(persona_id,),
        )
        st.button(
            heard(f"Discard the draft of {name}"),
            icon=":material/close:",
            key=f"discard-draft-{persona_id}",
            help="Discard",
            type="tertiary",
            on_click=editing.discard,
            args=(persona_id,),
        )


def _draw_discarded(discarded_draft: DiscardedDraft, *, when: str) -> None:
    name = discarded_draft.name or discarded_draft.persona_id
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        with st.container(gap=None, width="stretch"):
            st.markdown(as_text(name))
            st.caption(when)
        st.button(
            heard(f"Restore the draft of {as_text(name)}"),
            icon=":material/restore_from_trash:",
            key=f"reopen-draft-{discarded_draft.aside}",
            help="Restore",
            type="tertiary",
            on_click=editing.reopen,
            args=(discarded_draft.aside,),
        )
