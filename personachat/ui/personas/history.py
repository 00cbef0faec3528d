"""The history of the open persona: its revisions, what changed in each, and Restore."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from textwrap import shorten
from typing import Literal, TypeAlias

import streamlit as st

from personachat.authoring.library import PersonaLibrary
from personachat.errors import PersonaChatError
from personachat.lab.runs.scoring import LastResult
from personachat.personas.diff import differences
from personachat.personas.store.base import Action, Revision, Revisions
from personachat.personas.store.labels import Label
from personachat.ui import session
from personachat.ui.compare import ways_in
from personachat.ui.dates import ago, exact, viewer_zone
from personachat.ui.personas import diff, revision_labels, test_results
from personachat.ui.personas.desk import HISTORY_TAB, TAB_KEY, OpenPersona, desk, take_typed
from personachat.ui.personas.state import personas_state
from personachat.ui.wording import as_text, error_text, escaped

PAGE = 20

BESIDE = 3
"""How many newer revisions are listed above one that a link leads to."""

SCROLLED = 8
"""A longer list scrolls by itself, so that the difference stays near."""

LIST_HEIGHT = 560
MOST_NOTE_CHARACTERS = 80

Against: TypeAlias = Literal["before", "now", "other"]
AGAINST: dict[Against, str] = {
    "before": "Previous",
    "now": "Current",
    "other": "Another",
}
OTHER_KEY = "revision_other"

_BADGES: dict[Action, tuple[str, str, Literal["green", "violet", "blue", "orange", "red", "gray"]]] = {
    "created": ("New", ":material/add:", "green"),
    "restored": ("Restored", ":material/history:", "violet"),
    "imported": ("Imported", ":material/upload_file:", "blue"),
    "found": ("Edited outside PersonaChat", ":material/edit_document:", "orange"),
    "renamed": ("Renamed", ":material/edit:", "blue"),
    "deleted": ("Deleted", ":material/delete:", "red"),
}
RESTORE_HELP = "Saves this revision again as the newest one."


def draw(open_persona: OpenPersona) -> None:
    """Draw the timeline and the revision that is chosen in it."""
    collection = session.workspace().collection
    try:
        revisions = _timeline_page(collection.revisions, open_persona.id)
        newest = _newest(collection.revisions, open_persona.id, revisions)
        labels = collection.labels.of(open_persona.id)
    except PersonaChatError as error:
        st.error(error_text(error), title="The history can't be loaded", icon=":material/history_off:")
        return
    if not revisions:
        st.info("Nothing has been saved yet. Every save becomes a revision here.", icon=":material/history:")
        return
    left, right = st.columns([1, 1.7], gap="medium")
    wanted_number = _wanted_number(open_persona.id)
    revision = next((each for each in revisions if each.number == wanted_number), revisions[0])
    with left:
        newer = newest > revisions[0].number
        _draw_timeline(open_persona.id, revisions, current=revision, newer=newer, labels=labels)
    with right:
        _draw_revision(collection, open_persona, revision, revisions=revisions, newest=newest, labels=labels)


def _timeline_page(revisions: Revisions, persona_id: str) -> tuple[Revision, ...]:
    """The visible part of the timeline, plus one if there are more; includes the requested revision."""
    wanted_number, size = _wanted_number(persona_id), _row_count(persona_id) + 1
    place = personas_state().history_of(persona_id)
    page = revisions.of(persona_id, limit=size, before=place.first and place.first + 1)
    if wanted_number is None or any(each.number == wanted_number for each in page[: size - 1]):
        return page
    around = revisions.of(persona_id, limit=PAGE + 1, before=wanted_number + BESIDE + 1)
    if not any(each.number == wanted_number for each in around):
        return page or revisions.of(persona_id, limit=size)
    place.first, place.rows = around[0].number, PAGE
    return around


def _newest(revisions: Revisions, persona_id: str, page: Sequence[Revision]) -> int:
    """The number of the newest revision: the first listed, unless a link leads further down."""
    if page and personas_state().history_of(persona_id).first is not None:
        page = revisions.of(persona_id, limit=1)
    return page[0].number if page else 0


def follow_link() -> None:
    """Open the history at the revision that the address names, once."""
    persona_id, linked = st.query_params.get("id", ""), st.query_params.pop("revision", "")
    if persona_id and linked.isdecimal() and len(linked) < 10:
        personas_state().history_of(persona_id).revision_number = int(linked)
        st.session_state[TAB_KEY] = HISTORY_TAB


def choose(persona_id: str, number: int) -> None:
    """Show this revision."""
    take_typed()
    desk().error = None
    personas_state().history_of(persona_id).revision_number = number


def _draw_timeline(
    persona_id: str,
    revisions: Sequence[Revision],
    *,
    current: Revision,
    newer: bool,
    labels: Sequence[Label],
) -> None:
    page = revisions[: _row_count(persona_id)]
    with st.container(height=LIST_HEIGHT if len(page) > SCROLLED else "content", border=False, gap="small"):
        if newer:
            _button("Show the newest", "expand_less", "newest_revisions", _show_newest, persona_id)
        results = test_results.by_revision(persona_id)
        for each in page:
            names = [label.label for label in labels if label.number == each.number]
            _draw_line(
                persona_id,
                each,
                is_chosen=each.number == current.number,
                labels=names,
                result=None if each.action == "deleted" else results.get(each.etag),
            )
        if len(revisions) > len(page):
            _button("Show older revisions", "expand_more", "earlier_revisions", _show_more, persona_id)


def _button(label: str, icon: str, key: str, do: Callable[[str], None], persona_id: str) -> None:
    st.button(label, icon=f":material/{icon}:", type="tertiary", key=key, on_click=do, args=(persona_id,))


def _draw_line(
    persona_id: str,
    revision: Revision,
    *,
    is_chosen: bool,
    labels: Sequence[str],
    result: LastResult | None,
) -> None:
    zone, label = viewer_zone(), f"Revision {revision.number}"
    when = ago(revision.saved_at, now=datetime.now(UTC), zone=zone)
    note = shorten(revision.note, MOST_NOTE_CHARACTERS, placeholder=" …")
    with st.container(gap=None):
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            st.button(
                f"**{label}**" if is_chosen else label,
                icon=":material/radio_button_checked:" if is_chosen else ":material/radio_button_unchecked:",
                type="tertiary",
                key=f"revision-{revision.number}",
                help=exact(revision.saved_at, zone=zone),
                on_click=choose,
                args=(persona_id, revision.number),
            )
            _draw_badge(revision)
            for name in labels:
                st.badge(name, icon=":material/label:", color="blue")
            test_results.draw(result)
        st.caption(" · ".join(part for part in (when, as_text(revision.author), as_text(note)) if part))


def _draw_badge(revision: Revision) -> None:
    if revision.action == "found" and revision.number == 1:
        st.badge("First seen", icon=":material/visibility:", color="gray")
    elif revision.action in _BADGES:
        name, icon, color = _BADGES[revision.action]
        st.badge(name, icon=icon, color=color)


def _draw_revision(
    collection: PersonaLibrary,
    open_persona: OpenPersona,
    revision: Revision,
    *,
    revisions: Sequence[Revision],
    newest: int,
    labels: Sequence[Label],
) -> None:
    is_now = open_persona.stored is not None and open_persona.stored.etag == revision.etag
    why_not = session.why_not_edit(open_persona.id)
    caption_parts = [
        exact(revision.saved_at, zone=viewer_zone()),
        as_text(revision.author),
        as_text(revision.note),
    ]
    with st.container(gap=None):
        st.markdown(f"**Revision {revision.number}**")
        st.caption(" · ".join(part for part in caption_parts if part))
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
        if against == "other":
            st.number_input(
                "Revision",
                min_value=1,
                max_value=newest,
                step=1,
                key=OTHER_KEY,
                width=130,
                persist_state="session",
            )
        st.space("stretch")
        revision_labels.draw(open_persona.id, revision, labels, why_not=why_not)
        st.button(
            "Compare replies",
            icon=":material/compare_arrows:",
            key="compare_revision",
            disabled=is_now or open_persona.saved_persona is None,
            help="Sends a message to this revision and to the saved one, side by side.",
            on_click=ways_in.from_revision,
            args=(open_persona.id, revision.number),
        )
        st.button(
            "Restore",
            icon=":material/history:",
            key="restore_revision",
            disabled=is_now or bool(why_not),
            help=why_not or ("This is the current version." if is_now else RESTORE_HELP),
            on_click=_restore,
            args=(open_persona.id, revision.number),
        )
    if open_persona.draft and not is_now:
        st.caption("Restoring keeps your unsaved edits as a draft.")
    try:
        text = collection.revisions.get(open_persona.id, revision.number).text
        other = _other(collection, open_persona, revision, against or "before", revisions=revisions)
    except PersonaChatError as error:
        st.error(error_text(error), icon=":material/error:")
        return
    st.caption(diff.LEGEND)
    if other is None:
        st.caption("This is the oldest known revision. There is nothing to compare it with.")
    elif against == "other":
        number = int(st.session_state.get(OTHER_KEY) or 1)
        older, newer = (other, text) if number <= revision.number else (text, other)
        first, last = sorted((number, revision.number))
        st.caption(f"From revision {first} to revision {last}.")
        diff.draw(differences(older, newer))
    elif against == "now":
        diff.draw(differences(text, other), none="This is the current version, except for the layout.")
    elif revision.action == "deleted":
        st.caption("This is the version that was deleted.")
    else:
        diff.draw(differences(other, text))
    with st.expander("The whole text", icon=":material/data_object:"):
        st.code(text, language="json", wrap_lines=True)


def _other(
    collection: PersonaLibrary,
    open_persona: OpenPersona,
    revision: Revision,
    against: Against,
    *,
    revisions: Sequence[Revision],
) -> str | None:
    """The text to compare with; None if there is none. `revisions` are those of the timeline."""
    if against == "now":
        return open_persona.stored.text if open_persona.stored else None
    if against == "other":
        return collection.revisions.get(open_persona.id, int(st.session_state.get(OTHER_KEY) or 1)).text
    before = next((each for each in revisions if each.number < revision.number), None)
    if before is None and revision.number > 1:
        before = next(iter(collection.revisions.of(open_persona.id, limit=1, before=revision.number)), None)
    return collection.revisions.get(open_persona.id, before.number).text if before else None


def _restore(persona_id: str, number: int) -> None:
    take_typed()
    here = desk()
    try:
        entry = session.workspace().collection.restore(persona_id, number)
    except PersonaChatError as error:
        here.error = error
        return
    here.error = None
    here.toast = f"Restored revision {number} of **{escaped(entry.persona.name)}**."
    _show_newest(persona_id)


def _wanted_number(persona_id: str) -> int | None:
    """The revision that the address or the person requested."""
    return personas_state().history_of(persona_id).revision_number


def _row_count(persona_id: str) -> int:
    return personas_state().history_of(persona_id).rows or PAGE


def _show_more(persona_id: str) -> None:
    personas_state().history_of(persona_id).rows = _row_count(persona_id) + PAGE


def _show_newest(persona_id: str) -> None:
    personas_state().history.pop(persona_id, None)
