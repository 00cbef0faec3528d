"""The history of the open persona: its revisions, what changed in each, and the way back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal, TypeAlias, cast

import streamlit as st

from personachat.collection import Collection
from personachat.differences import differences
from personachat.errors import PersonaChatError
from personachat.store.base import Action, Revision
from personachat.ui import differences_view, state
from personachat.ui.moments import ago, exact, viewer_zone
from personachat.ui.persona_desk import HISTORY_TAB, TAB_KEY, Opened, desk, take_typed
from personachat.ui.wording import error_text, escaped

PAGE = 20

Against: TypeAlias = Literal["before", "now"]
AGAINST: dict[Against, str] = {"before": "The one before", "now": "What is saved now"}

_BADGES: dict[Action, tuple[str, str, Literal["green", "violet", "blue", "orange", "red", "gray"]]] = {
    "created": ("New", ":material/add:", "green"),
    "restored": ("Restored", ":material/history:", "violet"),
    "imported": ("Imported", ":material/upload_file:", "blue"),
    "found": ("Edited outside", ":material/edit_document:", "orange"),
    "deleted": ("Deleted", ":material/delete:", "red"),
}


def draw(found: Opened) -> None:
    """Draw the timeline and the revision that is chosen in it."""
    collection, wanted = state.workspace().collection, _wanted(found.id)
    try:
        revisions = collection.revisions.of(found.id, limit=_shown(found.id) + 1)
        if wanted and revisions and wanted < revisions[-1].number:  # a link to one further down
            revisions = collection.revisions.of(found.id, limit=revisions[0].number - wanted + 1)
            st.session_state[f"revisions_shown_{found.id}"] = len(revisions)
    except PersonaChatError as error:
        st.error(error_text(error), title="The history cannot be read", icon=":material/history_off:")
        return
    if not revisions:
        st.info("Nothing was saved yet. Every save becomes a revision here.", icon=":material/history:")
        return
    left, right = st.columns([1, 1.7], gap="medium")
    chosen = next((each for each in revisions if each.number == wanted), revisions[0])
    with left:
        _draw_timeline(found.id, revisions, chosen=chosen)
    with right:
        _draw_revision(collection, found, chosen)


def follow_link() -> None:
    """Open the history at the revision that the address names, once."""
    persona_id, linked = st.query_params.get("id", ""), st.query_params.pop("revision", "")
    if persona_id and linked.isdecimal() and len(linked) < 10:
        st.session_state[_chosen_key(persona_id)] = int(linked)
        st.session_state[TAB_KEY] = HISTORY_TAB


def choose(persona_id: str, number: int) -> None:
    """Show this revision."""
    take_typed()
    st.session_state[_chosen_key(persona_id)] = number


def _draw_timeline(persona_id: str, revisions: Sequence[Revision], *, chosen: Revision) -> None:
    zone, now = viewer_zone(), datetime.now(UTC)
    more = len(revisions) > _shown(persona_id)
    with st.container(gap="xsmall"):
        for each in revisions[: _shown(persona_id)]:
            is_chosen = each.number == chosen.number
            label = f"Revision {each.number}"
            st.button(
                f"**:primary[{label}]**" if is_chosen else label,
                icon=":material/radio_button_checked:" if is_chosen else ":material/radio_button_unchecked:",
                type="tertiary",
                key=f"revision-{each.number}",
                help=exact(each.saved_at, zone=zone),
                on_click=choose,
                args=(persona_id, each.number),
            )
            said = [ago(each.saved_at, now=now, zone=zone), escaped(each.author), escaped(each.note)]
            with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
                if each.action == "found" and each.number == 1:
                    st.badge("First seen", icon=":material/visibility:", color="gray")
                elif each.action in _BADGES:
                    name, icon, color = _BADGES[each.action]
                    st.badge(name, icon=icon, color=color)
                st.caption(" · ".join(part for part in said if part), width="content")
        if more:
            st.button(
                "Show earlier",
                icon=":material/expand_more:",
                type="tertiary",
                key="earlier_revisions",
                on_click=_show_more,
                args=(persona_id,),
            )


def _draw_revision(collection: Collection, found: Opened, chosen: Revision) -> None:
    is_now = found.stored is not None and found.stored.etag == chosen.etag
    with st.container(horizontal=True, vertical_alignment="bottom"):
        against = st.segmented_control(
            "Compared with",
            list(AGAINST),
            format_func=lambda against: AGAINST[against],
            default="before",
            required=True,
            key="revision_against",
            persist_state="session",
        )
        st.space("stretch")
        st.button(
            "Restore",
            icon=":material/history:",
            key="restore_revision",
            disabled=is_now,
            help="This is what is saved now." if is_now else "Saves this revision again, as the newest one.",
            on_click=_restore,
            args=(found.id, chosen.number),
        )
    if found.draft and not is_now:
        st.caption("Your unsaved edits stay a draft if you restore.")
    try:
        text = collection.revisions.get(found.id, chosen.number).text
        other = _other(collection, found, chosen, against or "before")
    except PersonaChatError as error:
        st.error(error_text(error), icon=":material/error:")
        return
    if other is None:
        st.caption("The first one that is known; there is nothing to compare it with.")
    elif against == "now":
        differences_view.draw(differences(text, other), none="This is what is saved now, but for the layout.")
    elif chosen.action == "deleted":
        st.caption("This is what it was when it was deleted.")
    else:
        differences_view.draw(differences(other, text))
    with st.expander("The whole text", icon=":material/data_object:"):
        st.code(text, language="json", wrap_lines=True)


def _other(collection: Collection, found: Opened, chosen: Revision, against: Against) -> str | None:
    """The text to compare with; None where there is none."""
    if against == "now":
        return found.stored.text if found.stored else None
    before = collection.revisions.of(found.id, limit=1, before=chosen.number)
    return collection.revisions.get(found.id, before[0].number).text if before else None


def _restore(persona_id: str, number: int) -> None:
    take_typed()
    here = desk()
    try:
        stored = state.workspace().collection.restore(persona_id, number)
    except PersonaChatError as error:
        here.error = error
        return
    here.error = None
    here.said = f"Restored revision {number} of **{escaped(stored.persona.name)}**."
    newest = state.workspace().collection.revisions.of(persona_id, limit=1)
    if newest:
        choose(persona_id, newest[0].number)


def _wanted(persona_id: str) -> int | None:
    """The revision that the address or the person asked for."""
    return cast("int | None", st.session_state.get(_chosen_key(persona_id)))


def _chosen_key(persona_id: str) -> str:
    return f"revision_{persona_id}"


def _shown(persona_id: str) -> int:
    return int(st.session_state.get(f"revisions_shown_{persona_id}", PAGE))


def _show_more(persona_id: str) -> None:
    st.session_state[f"revisions_shown_{persona_id}"] = _shown(persona_id) + PAGE
