"""Personas: the list on the left; the open one in tabs, and beside them, if there is room, a chat with it.

If there is none the chat is behind a tab of its own; which of the two is the style sheet's choice.
"""

import streamlit as st

from personachat.ui import front_door, last_seen, returning, session
from personachat.ui.chat import storage_notice
from personachat.ui.personas import actions as editing
from personachat.ui.personas import (
    bulk,
    deleted_personas,
    dialogs,
    draft_list,
    drafting,
    history,
    kept_drafts,
    list_choices,
    menu,
    returned_desk,
    tabs,
    try_out,
    undo,
    view,
)
from personachat.ui.personas import desk as persona_desk
from personachat.ui.personas import list as persona_list
from personachat.ui.personas import rows as persona_rows
from personachat.ui.personas.desk import OpenQuestion
from personachat.ui.wording import error_text, escaped, heard

front_door.require_home()
st.set_page_config(layout="wide")

list_choices.restore(
    {
        persona_list.ORDER: tuple(persona_rows.ORDERS),
        persona_list.GROUPED: ("folders", "list"),
        persona_desk.TAB_KEY: tabs.TABS,
    }
)
workspace = session.workspace()
personas = workspace.personas
why_not = session.why_not_edit()
desk = persona_desk.desk()
persona_desk.take_typed()
kept_drafts.keep()
kept_drafts.follow()

entries, unreadable = last_seen.personas(personas, owner=workspace.owner)
if unreadable:
    storage_notice.draw_unreachable(unreadable, "Personas can't be loaded")
if unreadable and not entries:
    for persona_id, draft in session.drafts().items():
        with st.expander(f"Your unsaved edits to {escaped(persona_id)}"):
            st.code(draft.text, language="json", wrap_lines=True)
    returning.stop()

by_id = {entry.id: entry for entry in entries}
rows = persona_rows.rows(entries, session.drafts())
asked = persona_desk.current_id(session.remembered("id"), by_id)
if asked and asked != session.remembered("id"):
    session.remember("id", asked)
history.follow_link()
wanted = asked or (rows[0].id if rows else None)
open_persona = persona_desk.opened(wanted, by_id) if wanted else None
if open_persona:
    session.remember("id", open_persona.id)
    returned_desk.draw_mark_of_draft(open_persona.id)

if desk.toast:
    st.toast(desk.toast, icon=":material/check:")
    desk.toast = ""
notice = st.container()
with notice:
    if not bulk.draw_done():
        undo.draw(editing.undo)
    drafting.draw_notice(wanted)
    if not storage_notice.personas_are_kept(session.services().settings):
        storage_notice.draw_short_lived(session.services().settings)

with st.container(key="desk" if open_persona else "desk_without_persona"):
    left, right = st.columns([1, 2.5], gap="medium")

with right:
    trouble = st.container()
    if why_not:
        trouble.info(f"{why_not} You can still try them out and download them.", icon=":material/lock:")
    elif open_persona and (why_not_this := session.why_not_edit(open_persona.id)):
        trouble.info(why_not_this, icon=":material/lock:")
    if open_persona and session.hides_prompt(open_persona.id):
        trouble.info("This persona's prompt is hidden from you.", icon=":material/visibility_off:")
    if desk.error:
        trouble.error(error_text(desk.error), title="That didn't work", icon=":material/error:")
    if open_persona:
        view.draw_head(personas, entries, open_persona)
        with st.container(key="desk_pair"):
            written, tried = st.columns([1.5, 1], gap="medium")
            with written:
                tabs.draw(entries, open_persona)
            with tried, st.container(key="try_out_pane"):
                try_out.draw(open_persona)
    elif drafting.draw(wanted, entries):
        pass
    elif wanted:
        st.warning(
            f"There is no persona with the id “{escaped(wanted[:80])}”. It may have been renamed or deleted.",
            title="Not found",
            icon=":material/person_off:",
        )
        st.caption("Choose one from the list or create a new one.")
    else:
        st.info(
            (
                "A persona answers in the chat. It has a prompt, a model and a personality. Create the first "
                "one."
            ),
            title="No personas yet",
            icon=":material/group_add:",
        )

with left:  # after what was opened from it, which is what one waits for
    with st.container(key="list_head", horizontal=True, gap="xsmall"):
        st.button(
            heard("List of personas"),
            icon=":material/left_panel_open:",
            key="show_list",
            type="tertiary",
            help="List of personas (Ctrl+P, or ⌘P)",
        )
        st.button(
            "Create new",
            icon=":material/add:",
            width="stretch",
            key="create",
            type="secondary" if rows else "primary",
            on_click=editing.ask,
            args=(OpenQuestion("create"),),
        )
        st.button(
            "Import",
            icon=":material/upload:",
            help=why_not or "Import personas, bundles and character cards from files",
            key="import_personas",
            disabled=bool(why_not),
            on_click=editing.ask,
            args=(OpenQuestion("import"),),
        )
    if rows:
        persona_list.draw(rows, selected=open_persona.id if open_persona else None)
    draft_list.draw(rows)
    deleted_personas.draw()

list_choices.draw_cookie((persona_list.ORDER, persona_list.GROUPED, persona_desk.TAB_KEY))
if not menu.draw_dialog(personas, open_persona):
    dialogs.draw(personas, entries, open_persona)
