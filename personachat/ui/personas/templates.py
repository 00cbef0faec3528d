"""The gallery of templates: searched, in groups, each with a sample; one opens as a copy in the editor.

Shipped templates are shown even if people's own can't be read. A copy of a shipped one uses the default
persona's model, because this installation has that one.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from personachat.errors import PersonaChatError
from personachat.personas.persona import Persona
from personachat.personas.templates.gallery import GROUPS, OWN_GROUP, Template, matching_templates, shipped
from personachat.services import Services
from personachat.ui import session
from personachat.ui.chat.transcript import USER_AVATAR, draw_text, drawable
from personachat.ui.faces import draw as draw_face
from personachat.ui.faces import face
from personachat.ui.live_fields import SEARCH_PAUSE
from personachat.ui.personas import actions as editing
from personachat.ui.personas.desk import Entry, desk
from personachat.ui.personas.state import personas_state
from personachat.ui.returning import ReturnedWidgets
from personachat.ui.wording import error_text, escaped

CARDS_IN_A_ROW = 3
SEARCH, GROUP = "template_search", "template_group"


def draw(entries: Sequence[Entry]) -> None:
    """Draw search, groups and cards, in the current container."""
    services = session.services()
    everything = _all(services)
    query = st.text_input(
        "Search templates",
        key=SEARCH,
        type="search",
        placeholder="Search",
        icon=":material/search:",
        label_visibility="collapsed",
        live=SEARCH_PAUSE,
    )
    there = {template.group for template in everything}
    group = st.pills(
        "Group",
        [each for each in (*GROUPS, OWN_GROUP) if each in there],
        key=GROUP,
        label_visibility="collapsed",
        wrap=True,
    )
    _draw_deleted()
    templates = [each for each in matching_templates(everything, query or "") if group in (None, each.group)]
    if not templates:
        where = f" in {group}" if group and matching_templates(everything, query or "") else ""
        st.caption(f"No template matches “{escaped(query or '')}”{where}.")
    for start in range(0, len(templates), CARDS_IN_A_ROW):
        columns = st.columns(CARDS_IN_A_ROW, gap="small")
        for column, template in zip(columns, templates[start : start + CARDS_IN_A_ROW], strict=False):
            with column:
                _draw_card(services, entries, template)


def start_of(services: Services, template: Template) -> Persona:
    """The persona that a copy of a template begins as."""
    if template.own:
        return template.persona
    return template.persona.model_copy(update={"model": services.models.best()})


def _all(services: Services) -> Sequence[Template]:
    try:
        return services.gallery.all()
    except PersonaChatError as error:
        st.warning(
            error_text(error), title="Your own templates can't be loaded", icon=":material/folder_off:"
        )
        return shipped()


def _draw_card(services: Services, entries: Sequence[Entry], template: Template) -> None:
    persona, why_not = template.persona, session.why_not_edit()
    with st.container(border=True, height="stretch", gap="xsmall", key=f"template-{template.id}"):
        words = f"**{escaped(persona.name)}** :gray-badge[{template.group}]"
        if persona.picture:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                words = words if draw_face(persona, width=40) else f"{drawable(persona.avatar)} {words}"
                st.markdown(words, width="stretch")
        else:
            st.markdown(f"{drawable(persona.avatar)} {words}")
        st.caption(escaped(template.purpose))
        st.space("stretch")
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.button(
                "Use this",
                key=f"use-{template.id}",
                help=f"Open a copy of {escaped(persona.name)}",
                on_click=_use,
                args=(services, entries, template),
            )
            with st.popover("Sample", type="tertiary", key=f"sample-{template.id}"):
                _draw_sample(persona)
            if template.own:
                st.button(
                    "Delete",
                    icon=":material/delete:",
                    type="tertiary",
                    key=f"delete-{template.id}",
                    disabled=bool(why_not),
                    help=why_not,
                    on_click=_delete,
                    args=(template,),
                )


def _draw_sample(persona: Persona) -> None:
    """A sample of how it talks: its first example, or else its greeting."""
    for example in persona.examples[:1]:
        st.chat_message("user", avatar=USER_AVATAR).text(example.user, width="stretch")
        with st.chat_message("assistant", avatar=face(persona)):
            draw_text(example.assistant)
    if not persona.examples and persona.greeting:
        with st.chat_message("assistant", avatar=face(persona)):
            draw_text(persona.greeting)
    elif not persona.examples:
        st.caption("It has no example and no greeting.")


def marks() -> dict[str, object]:
    """What `restore` offers to undo again."""
    return {"template": personas_state().deleted_template}


def restore(widgets: ReturnedWidgets) -> None:
    """Offer to restore the template that a page deleted before it lost its session."""
    if deleted := widgets.mark("template", Template):
        personas_state().deleted_template = deleted


def _use(services: Services, entries: Sequence[Entry], template: Template) -> None:
    start = start_of(services, template)
    editing.create(entries, name=template.persona.name, start=start, template=template.id)


def _delete(template: Template) -> None:
    try:
        personas_state().deleted_template = session.workspace().gallery.delete(template.id)
    except PersonaChatError as error:
        desk().error = error


def _undo(template: Template) -> None:
    here = session.workspace()
    try:
        here.gallery.put_back(template, author=here.author)
    except PersonaChatError as error:
        desk().error = error
    else:
        personas_state().deleted_template = None


def _draw_deleted() -> None:
    """The last deletion, with Undo, and what went wrong."""
    if error := desk().error:
        st.error(error_text(error), title="Something went wrong", icon=":material/error:")
    deleted = personas_state().deleted_template
    if deleted is None:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        name = escaped(deleted.persona.name)
        st.markdown(f":material/delete: Deleted the template **{name}**.", width="stretch")
        st.button(
            "Undo",
            icon=":material/undo:",
            key="undo_template",
            on_click=_undo,
            args=(deleted,),
        )
