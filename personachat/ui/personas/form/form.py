"""The form of the open persona, which begins with its prompt.

It edits the same text as the JSON tab, and each follows the other at once. `prompt.js` colours the prompt's
field, counts and searches in it. The field stays an ordinary one, whose text reaches the draft like any
other's.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import streamlit as st

from personachat.avatars import avatar_fault
from personachat.jsontext.faults import Path
from personachat.personas import limits
from personachat.personas.persona import Persona
from personachat.personas.token_estimates import estimate_tokens
from personachat.personas.variables import VARIABLES
from personachat.providers.parameters import PARAMETERS
from personachat.ui import prompt_improving
from personachat.ui.chat.transcript import drawable
from personachat.ui.personas import actions as editing
from personachat.ui.personas import findings
from personachat.ui.personas.desk import JSON_TAB, TAB_KEY, OpenPersona, take_typed
from personachat.ui.personas.form import fields, json_text, lists, model_picker, numbers, picture, removal
from personachat.ui.personas.form.binding import FormText, put, remember_value, take_out
from personachat.ui.personas.form.unshowable import draw_unshowable
from personachat.ui.wording import counted, escaped

PROMPT = ("systemPrompt",)
PROMPT_PIXELS = 320
"""Until `prompt.js` makes it as high as the window allows."""

AVATARS = (
    *("🧭", "🎓", "💡", "🛠️", "🔬", "📊", "✍️", "🧑‍🏫", "🕵️", "🎭", "🤝", "🩺", "⚖️", "🌍", "🐙"),
    ":material/school:",
    ":material/monitoring:",
    ":material/edit_note:",
    ":material/support_agent:",
    ":material/code:",
    ":material/gavel:",
)
TONES = ("warm", "matter-of-fact", "encouraging", "dry", "playful", "calm", "curious", "direct", "patient")
STYLES = (
    "short paragraphs",
    "bullet points",
    "conclusion first, then details",
    "one question at a time",
    "step by step",
    "worked examples",
    "small tables",
)
FORMALITIES = ("casual", "conversational", "neutral", "professional", "formal")

_FORM_KEYS = frozenset(field.alias or name for name, field in Persona.model_fields.items()) - {
    "extensions",
    "id",
    "picture",
}

_SETTINGS: tuple[Path, ...] = (
    *((key,) for key in ("model", "temperature", "topP", "maxTokens", "contextTokens", "summarize")),
    ("extensions", PARAMETERS),
)


def draw(open_persona: OpenPersona, *, tags: Sequence[str] = ()) -> None:
    """Draw the form; `tags` are those of other personas, as suggestions."""
    text = FormText(open_persona)
    if not text.has_keys:
        _draw_broken(open_persona)
        return
    _draw_prompt(text)
    with st.container(key="prompt_warnings", gap="xsmall"):
        removal.draw_undo(open_persona, PROMPT)
        _draw_others(text)
        findings.draw(
            open_persona, beside_prompt=isinstance(text.value(PROMPT), str) and not text.is_spoiled(PROMPT)
        )
    _draw_identity(text, tags)
    _draw_manner(text)
    with st.container(border=True):
        st.markdown("**Placeholder values**")
        json_text.draw_object(
            text,
            ("extensions", VARIABLES),
            "Variables, as JSON",
            explanation=(
                "Names with their default values. They replace {{name}} in the persona's "
                "texts. Try out and the API can supply other values."
            ),
            placeholder='{ "company": "ACME", "topic": { "default": "", "description": "What to teach" } }',
        )
        removal.draw_undo(open_persona, ("extensions", VARIABLES))
    _draw_model(text)
    _draw_conversation(text)


def _draw_prompt(text: FormText) -> None:
    with st.container(key="prompt_editor", gap="xsmall"):
        fields.draw_area(text, PROMPT, "System prompt", height=PROMPT_PIXELS)
        prompt = text.value(PROMPT)
        if isinstance(prompt, str) and not text.is_spoiled(PROMPT):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                with st.container(key="prompt_size", width="stretch"):
                    st.caption(size_text(prompt))
                st.button(
                    "Find and replace",
                    icon=":material/find_replace:",
                    key="find_in_prompt",
                    type="tertiary",
                    help="Ctrl+F, or ⌘F, in the prompt",
                )
                prompt_improving.draw_button(text.open_persona)
    prompt_improving.draw(text.open_persona)


def size_text(prompt: str) -> str:
    """The length of a prompt; `prompt.js` shows the same while typing."""
    tokens = counted(estimate_tokens(prompt), "token")
    return f"{counted(len(prompt.split()), 'word')}, about {tokens} in the prompt"


def _draw_broken(open_persona: OpenPersona) -> None:
    first = (
        open_persona.problems[0].message if open_persona.problems else "A persona is an object in braces { }."
    )
    st.warning(
        f"The form needs valid JSON. {escaped(first)}",
        title="Fix the JSON first",
        icon=":material/data_object:",
    )
    st.button("Go to the JSON", icon=":material/arrow_back:", key="form_to_json", on_click=_open_json)


def _open_json() -> None:
    take_typed()
    st.session_state[TAB_KEY] = JSON_TAB


def _draw_others(text: FormText) -> None:
    """Problems of the text in places that have no field."""
    for number, problem in enumerate(text.open_persona.problems):
        if problem.path and problem.path[0] in _FORM_KEYS:
            continue
        with st.container(horizontal=True, gap="small", vertical_alignment="top"):
            st.button(
                f"Line {problem.line}",
                icon=":material/error:",
                type="tertiary",
                key=f"form-other-{number}",
                help="Show the line in the JSON",
                on_click=editing.show_line,
                args=(problem.line,),
            )
            st.markdown(escaped(problem.message), width="stretch")


def _draw_identity(text: FormText, tags: Sequence[str]) -> None:
    with st.container(border=True):
        st.markdown("**Identity**")
        name, avatar, own_id = st.columns([1.6, 1.3, 1.1])
        with name:
            fields.draw_line(text, ("name",), "Name")
        with avatar:
            _draw_avatar(text)
        with own_id:
            _draw_id(text)
        picture.draw(text)
        fields.draw_line(text, ("description",), "Description")
        lists.draw_tags(text, ("tags",), "Tags", all_tags=tags)
        removal.draw_undo(text.open_persona, ("name",), ("avatar",), ("description",), ("tags",))


def _draw_avatar(text: FormText) -> None:
    value = text.value(("avatar",))
    is_icon = isinstance(value, str) and value.startswith(":material/") and not avatar_fault(value)
    fields.draw_choice(
        text,
        ("avatar",),
        "Avatar",
        AVATARS,
        placeholder="None",
        when_empty="remove",
        format_func=_avatar_name,
        icon=drawable(value) if is_icon else None,
    )
    avatar = value if isinstance(value, str) and value in AVATARS else None
    with st.popover("Choose an avatar", icon=":material/mood:", type="tertiary", key="avatar_picker"):
        key = text.key(("avatar", "picker"), avatar)
        st.pills(
            "Avatar",
            AVATARS,
            default=avatar,
            key=key,
            format_func=_picked_name,
            on_change=_avatar_picked,
            args=(text, key),
            label_visibility="collapsed",
            wrap=True,
        )


def _picked_name(avatar: str) -> str:
    """The avatar with its name beside it, for people who hear the list."""
    icon = avatar.startswith(":material/")
    return f"{avatar} {_avatar_name(avatar) if icon else unicodedata.name(avatar[0]).lower()}"


def _avatar_picked(text: FormText, key: str) -> None:
    picked = st.session_state[key]
    remember_value(text.open_persona, ("avatar", "picker"), picked)
    if picked:
        put(text.open_persona, ("avatar",), picked)
    else:
        take_out(text.open_persona, ("avatar",))


def _avatar_name(avatar: str) -> str:
    """The name of an icon: a list shows no icons."""
    return avatar.removeprefix(":material/").removesuffix(":").replace("_", " ") or "None"


def _draw_id(text: FormText) -> None:
    value = text.value(("id",))
    id_text = value if isinstance(value, str) and not text.is_spoiled(("id",)) else ""
    st.text_input(
        "Id",
        id_text,
        key=text.key(("id",), id_text),
        disabled=True,
        help="Its name in web addresses. If you change it in the JSON, saving creates a new persona.",
    )


def _draw_manner(text: FormText) -> None:
    with st.container(border=True):
        st.markdown("**Manner**")
        removal.draw_undo(text.open_persona, ("personality",))
        personality = text.value(("personality",))
        if not isinstance(personality, dict) and text.has(("personality",)):
            draw_unshowable(text, ("personality",), "Personality", instead={})
            return
        tone, formality = st.columns(2)
        with tone:
            fields.draw_line(text, ("personality", "tone"), "Tone", suggestions=TONES)
        with formality:
            fields.draw_line(text, ("personality", "formality"), "Formality", suggestions=FORMALITIES)
        fields.draw_line(text, ("personality", "style"), "Style", suggestions=STYLES)


def _draw_model(text: FormText) -> None:
    with st.container(border=True):
        st.markdown("**Model and settings**")
        model_picker.draw(text, ("model",), "Model")
        temperature, top_p = st.columns(2)
        with temperature:
            numbers.draw_slider(
                text,
                ("temperature",),
                "Temperature",
                most=limits.TEMPERATURE,
                default=limits.DEFAULT_TEMPERATURE,
            )
        with top_p:
            numbers.draw_share(text, ("topP",), "Top-p", left_label="Leave it to the model")
        reply, context = st.columns(2)
        with reply:
            numbers.draw_count(
                text,
                ("maxTokens",),
                "Maximum reply length, in tokens",
                least=1,
                most=limits.REPLY_TOKENS,
                step=100,
                default=limits.DEFAULT_REPLY_TOKENS,
            )
        with context:
            numbers.draw_count(
                text,
                ("contextTokens",),
                "Context, in tokens",
                least=limits.LEAST_CONTEXT_TOKENS,
                most=limits.CONTEXT_TOKENS,
                step=1024,
                default=None,
                placeholder="As much as the model accepts",
            )
        numbers.draw_switch(text, ("summarize",), "Summarize messages that no longer fit")
        json_text.draw_object(
            text,
            ("extensions", PARAMETERS),
            "More parameters, as JSON",
            explanation=(
                "Other parameters for the model's server, such as top_k, seed or chat_template_kwargs."
            ),
            placeholder='{ "top_k": 40 }',
        )
        removal.draw_undo(text.open_persona, *_SETTINGS)


_LISTS: tuple[tuple[str, str, lists.Row, int, str, lists.Adding], ...] = (
    ("alternateGreetings", "Other greetings", lists.area_row, limits.GREETINGS_COUNT, "Greeting", "button"),
    ("starters", "Starters", lists.line_row, limits.STARTERS_COUNT, "Starter", "row"),
    ("examples", "Examples", lists.exchange_row, limits.EXAMPLES_COUNT, "Example", "button"),
    ("stop", "Stop texts", lists.area_row, limits.STOP_TEXTS_COUNT, "Stop text", "button"),
)
"""Key, label, what draws an entry, the limit, the name of one, and how one is added."""


def _draw_conversation(text: FormText) -> None:
    with st.container(border=True):
        st.markdown("**Conversation**")
        fields.draw_area(text, ("greeting",), "Greeting", height=90, when_empty="remove")
        removal.draw_undo(text.open_persona, ("greeting",))
        for key, label, row, most, noun, adding in _LISTS:
            lists.draw_rows(text, (key,), label, row, most=most, noun=noun, adding=adding)
