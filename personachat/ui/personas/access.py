"""The open persona's access rules: a dialog for its owner and admins. Each change is saved at once."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from personachat.accounts.rights import RIGHTS, VISIBILITIES, Grant, PersonaAccess, Right, Visibility
from personachat.errors import PersonaChatError
from personachat.ui import notices, session
from personachat.ui.dialogs import dialog
from personachat.ui.notices import Notice
from personachat.ui.personas import actions as editing
from personachat.ui.personas.desk import OpenPersona
from personachat.ui.wording import error_text, escaped

VISIBLE_TO: dict[Visibility, str] = {
    "private": "Only people named below",
    "team": "Everyone who is logged in",
    "everyone": "Everyone, visitors included",
}
MAY: dict[Right, str] = {"use": "use it", "prompt": "see its prompt", "edit": "edit it", "share": "share it"}
VISIBILITY_KEY, PROMPT_KEY, WHO_KEY, RIGHT_KEY, ALLOWED_KEY = (
    f"access_{name}" for name in ("visibility", "prompt", "who", "right", "allowed")
)


def may_open(persona_id: str) -> bool:
    """Whether the person using this session can set anything here."""
    if not session.services().accounts:
        return False
    try:
        return session.workspace().rights.may_manage(persona_id)
    except PersonaChatError:
        return False


@dialog("Access", icon=":material/lock_person:", on_dismiss=editing.close_question, alone=True)
def ask_access(open_persona: OpenPersona) -> None:
    """Draw the dialog; people without the right see why."""
    for notice in notices.take("access"):
        st.error(notice.text, title=notice.title, icon=notice.icon)
    try:
        access = session.workspace().collection.access(open_persona.id)
    except PersonaChatError as error:
        st.error(error_text(error), icon=":material/error:")
        return
    st.session_state[VISIBILITY_KEY] = access.visibility
    st.session_state[PROMPT_KEY] = access.prompt_visible
    st.radio(
        "Who can use it?",
        VISIBILITIES,
        format_func=lambda each: VISIBLE_TO[each],
        key=VISIBILITY_KEY,
        on_change=_set_visibility,
        args=(open_persona.id,),
    )
    st.checkbox(
        "They can see its prompt",
        key=PROMPT_KEY,
        on_change=_set_prompt,
        args=(open_persona.id,),
        help="If not, they can chat with it, but nothing shows them its prompt, examples or lore.",
    )
    _draw_rules(open_persona.id, access)
    _draw_new_rule(open_persona.id)
    st.caption("A denial always wins. The owner and admins can do everything.")


def _draw_rules(persona_id: str, access: PersonaAccess) -> None:
    st.markdown("**Rules**")
    if not access.grants:
        st.caption("There are no rules for individual people or groups.")
    for number, grant in enumerate(access.grants):
        who = "Everyone" if grant.who == "*" else escaped(grant.who)
        verb = "can" if grant.allowed else "can't"
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"{who} {verb} {MAY[grant.right]}")
            st.button(
                "Remove",
                icon=":material/close:",
                type="tertiary",
                key=f"access_remove_{number}",
                on_click=_remove,
                args=(persona_id, grant),
            )


def _draw_new_rule(persona_id: str) -> None:
    st.text_input(
        "Person, domain or group",
        key=WHO_KEY,
        placeholder="bo@example.com, @example.com or group:editors",
        max_chars=330,
        live=True,
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Rule",
            [True, False],
            format_func=lambda allowed: "can" if allowed else "can't",
            key=ALLOWED_KEY,
            label_visibility="collapsed",
        )
        st.selectbox(
            "Right",
            RIGHTS,
            format_func=lambda right: MAY[right],
            key=RIGHT_KEY,
            label_visibility="collapsed",
        )
        st.button("Add rule", icon=":material/add:", key="access_add", on_click=_add, args=(persona_id,))


def _set_visibility(persona_id: str) -> None:
    visibility = st.session_state[VISIBILITY_KEY]
    _change(persona_id, visibility=visibility)


def _set_prompt(persona_id: str) -> None:
    _change(persona_id, prompt_visible=bool(st.session_state[PROMPT_KEY]))


def _add(persona_id: str) -> None:
    who = str(st.session_state.get(WHO_KEY) or "").strip()
    grant = Grant(who, st.session_state[RIGHT_KEY], st.session_state[ALLOWED_KEY])
    if _change(persona_id, add=grant):
        st.session_state[WHO_KEY] = ""


def _remove(persona_id: str, grant: Grant) -> None:
    _change(persona_id, remove=grant)


def _change(
    persona_id: str,
    *,
    visibility: Visibility | None = None,
    prompt_visible: bool | None = None,
    add: Grant | None = None,
    remove: Grant | None = None,
) -> bool:
    """Change one of the current rules, whoever set the others meanwhile; returns whether it was saved."""
    collection = session.workspace().collection
    try:
        access = collection.access(persona_id)
        if visibility is not None:
            access = replace(access, visibility=visibility)
        if prompt_visible is not None:
            access = replace(access, prompt_visible=prompt_visible)
        grants = [each for each in access.grants if each not in {add, remove}]
        access = replace(access, grants=tuple([*grants, add] if add else grants))
        collection.set_access(persona_id, access)
    except PersonaChatError as error:
        notices.say("access", Notice(error_text(error), "The access was not changed"))
        return False
    return True
