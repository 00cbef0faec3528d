"""Choosing what is compared: one row per variant, presets, the message, and the forecast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import streamlit as st

from personachat.errors import PersonaChatError
from personachat.lab.comparisons.model import MOST_SAMPLES, MOST_VARIANTS, TRAITS, Setup
from personachat.lab.comparisons.spending import MOST_LIMIT_USD
from personachat.personas.limits import TRAIT
from personachat.personas.store.base import StoredPersona
from personachat.services import Services
from personachat.services.workspace import Workspace
from personachat.ui import last_seen, session
from personachat.ui.compare import actions, forecasting, link, questions
from personachat.ui.compare.state import (
    BLIND_VOTE,
    STOP_AT,
    Row,
    add,
    choose,
    compare_state,
    follow_address,
    note_address,
    note_messages,
)
from personachat.ui.personas import kept_drafts
from personachat.ui.wording import distinct, escaped, heard

SAVED, DRAFT = "Saved", "Unsaved draft"
MOST_REVISIONS = 20
DRAFT_PRESET = "The unsaved draft and the saved persona"
MODELS_PRESET = "This persona on every model here"
TEMPERATURE_PRESET = "Temperature 0, 0.7 and 1.2"
PRESETS = (DRAFT_PRESET, MODELS_PRESET, TEMPERATURE_PRESET)
_PRESET, _PERSONAS = "compare_preset", "compare_personas"


def draw(services: Services, workspace: Workspace) -> None:
    """Draw the rows, the message and the button that starts."""
    entries, _ = last_seen.personas(workspace.personas, owner=workspace.owner)
    personas = {each.id: each for each in entries if isinstance(each, StoredPersona)}
    if not personas:
        st.info("There are no personas yet. Create one on the Personas page.", icon=":material/group_add:")
        st.page_link("pages/personas.py", label="Personas", icon=":material/groups:")
        return
    kept_drafts.follow()
    follow_address(next(iter(personas)))
    st.caption(
        "Send one message to several personas, versions, models or settings. Each answers in its own "
        "column, with its own history."
    )
    models = services.model_names.all().names
    _draw_presets(personas, models)
    rows = compare_state().rows
    for row in list(rows):
        _draw_row(workspace, row, personas, models, can_go=len(rows) > 1)
    st.button(
        "Add a variant",
        icon=":material/add:",
        type="tertiary",
        key="add_variant",
        disabled=len(rows) >= MOST_VARIANTS,
        on_click=_add_like_last,
    )
    note_address()
    _draw_start(services, workspace, [_with_draft(row.setup) for row in rows])


def _draw_presets(personas: Mapping[str, StoredPersona], models: Sequence[str]) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        st.menu_button(
            "Presets",
            PRESETS,
            icon=":material/auto_awesome_mosaic:",
            key=_PRESET,
            on_click=_apply,
            args=(tuple(models),),
        )
        with st.popover("These personas", icon=":material/groups:"):
            names = distinct({each: entry.persona.name for each, entry in personas.items()})
            st.multiselect(
                "Personas",
                list(personas),
                key=_PERSONAS,
                format_func=lambda each: names[each],
                max_selections=MOST_VARIANTS,
            )
            st.button("Use these", key="use_personas", on_click=_use_personas)


def _draw_row(
    workspace: Workspace,
    row: Row,
    personas: Mapping[str, StoredPersona],
    models: Sequence[str],
    *,
    can_go: bool,
) -> None:
    setup, key = row.setup, row.number
    persona_ids = list(personas) if setup.persona_id in personas else [setup.persona_id, *personas]
    names = distinct(
        {each: personas[each].persona.name if each in personas else each for each in persona_ids}
    )
    with st.container(border=True, horizontal=True, vertical_alignment="bottom", gap="small"):
        persona_id = st.selectbox(
            "Persona",
            persona_ids,
            index=persona_ids.index(setup.persona_id),
            key=f"compare_persona_{key}",
            format_func=lambda each: names[each],
            width=200,
        )
        versions = _versions(workspace, persona_id, setup)
        version = st.selectbox(
            "Version",
            versions,
            index=versions.index(_version(setup)) if persona_id == setup.persona_id else 0,
            key=f"compare_version_{key}_{persona_id}",
            width=140,
        )
        offered = list(dict.fromkeys([*([setup.model] if setup.model else []), *models]))
        model = st.selectbox(
            "Model",
            offered,
            index=offered.index(setup.model) if setup.model else None,
            key=f"compare_model_{key}",
            placeholder="Persona's default model",
            accept_new_options=True,
            width=190,
        )
        with st.popover(
            escaped(_settings_label(setup)), icon=":material/tune:", key=f"compare_settings_{key}"
        ):
            temperature = st.number_input(
                "Temperature",
                0.0,
                2.0,
                setup.temperature,
                step=0.1,
                key=f"compare_temperature_{key}",
                placeholder="As in the persona",
            )
            max_tokens = st.number_input(
                "Max tokens",
                1,
                1_000_000,
                setup.max_tokens,
                key=f"compare_max_tokens_{key}",
                placeholder="As in the persona",
            )
            traits = {
                name: st.text_input(
                    name.capitalize(),
                    getattr(setup, name) or "",
                    key=f"compare_{name}_{key}",
                    max_chars=TRAIT,
                    placeholder="As in the persona",
                )
                for name in TRAITS
            }
            samples = st.number_input(
                "Samples",
                1,
                MOST_SAMPLES,
                setup.samples,
                key=f"compare_samples_{key}",
                help="How many times this variant answers, so that you see how much its replies vary.",
            )
        st.button(
            heard("Remove this variant"),
            icon=":material/close:",
            type="tertiary",
            help="Remove this variant",
            key=f"compare_remove_{key}",
            disabled=not can_go,
            on_click=_remove,
            args=(key,),
        )
    row.setup = Setup(
        persona_id=persona_id,
        revision=int(version.rpartition(" ")[2]) if version not in {SAVED, DRAFT} else None,
        text="" if version == DRAFT else None,
        model=model or "",
        temperature=temperature,
        top_p=setup.top_p,
        max_tokens=max_tokens,
        **{name: value.strip() or None for name, value in traits.items()},
        samples=int(samples),
    )


def _settings_label(setup: Setup) -> str:
    """The label of a variant's settings: those that differ from the persona's."""
    parts = []
    if setup.temperature is not None:
        parts.append(f"Temperature {setup.temperature:g}")
    if setup.max_tokens is not None:
        parts.append(f"{setup.max_tokens:,} tokens")
    parts += [f"{name.capitalize()}: {value[:20]}" for name in TRAITS if (value := getattr(setup, name))]
    if setup.samples > 1:
        parts.append(f"{setup.samples} samples")
    return " · ".join(parts) or "Settings"


def _draw_start(services: Services, workspace: Workspace, setups: Sequence[Setup]) -> None:
    messages = questions.draw(workspace)
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        stop = st.number_input(
            "Stop at $",
            0.0,
            MOST_LIMIT_USD,
            value=None,
            step=0.1,
            format="%.4g",
            key=STOP_AT,
            placeholder="No limit",
            help="Nothing is sent that could make the comparison cost more than this. You can raise it "
            "later.",
            width=160,
        )
        blind = st.toggle(
            "Blind vote",
            key=BLIND_VOTE,
            help="Hides names, models, prices and times, and shuffles the columns, until you vote.",
        )
        link.draw([each.setup for each in compare_state().rows], messages, blind=blind, stop=stop)
    note_messages(set_id=messages.set_id, blind=blind, stop=stop)
    trouble = _draw_missing_drafts(setups) or forecasting.draw(
        services, workspace, setups, messages.longest, messages=max(1, messages.count), stop=stop
    )
    if not trouble and messages.count == 0:
        trouble = "Choose the messages first."
    st.button(
        "Compare",
        type="primary",
        icon=":material/compare_arrows:",
        key="begin_comparison",
        disabled=bool(trouble),
        help=trouble or None,
        on_click=actions.begin,
        args=(tuple(setups), messages.texts),
        kwargs={"blind": blind, "most_cost_usd": stop},
    )


def _draw_missing_drafts(setups: Sequence[Setup]) -> str:
    """Say which drafts this person doesn't have; returns why nothing can be sent, "" if it can."""
    missing = sorted({each.persona_id for each in setups if each.text == ""})
    if not missing:
        return ""
    sentence = f"You have no unsaved draft of {' and '.join(f'“{each}”' for each in missing)}."
    st.warning(f"{escaped(sentence)} Choose another version.", icon=":material/edit_off:")
    return escaped(sentence)


def _versions(workspace: Workspace, persona_id: str, setup: Setup) -> list[str]:
    """The newest revision is the saved version; earlier ones are offered by number."""
    versions = [SAVED]
    if persona_id in session.drafts():
        versions.append(DRAFT)
    try:
        revisions = workspace.collection.revisions.of(persona_id.partition("@")[0], limit=MOST_REVISIONS)
    except PersonaChatError:
        revisions = ()
    versions += [f"Revision {each.number}" for each in revisions]
    current = _version(setup) if persona_id == setup.persona_id else SAVED
    return versions if current in versions else [*versions, current]


def _version(setup: Setup) -> str:
    if setup.text is not None:
        return DRAFT
    return SAVED if setup.revision is None else f"Revision {setup.revision}"


def _with_draft(setup: Setup) -> Setup:
    """With the text of the draft, if one is requested and exists; otherwise ""."""
    draft = session.drafts().get(setup.persona_id)
    return setup if setup.text is None else replace(setup, text=draft.text if draft else "")


def _add_like_last() -> None:
    rows = compare_state().rows
    if rows:  # a click may arrive after another one has left the comparison
        add(rows[-1].setup)


def _remove(number: int) -> None:
    here = compare_state()
    here.rows = [row for row in here.rows if row.number != number]


def _apply(models: tuple[str, ...]) -> None:
    preset = st.session_state.get(_PRESET)
    rows = compare_state().rows
    first = Setup(persona_id=rows[0].setup.persona_id)
    if preset == DRAFT_PRESET:
        choose([first, replace(first, text="")])
    elif preset == MODELS_PRESET and models:
        choose([replace(first, model=each) for each in models])
    elif preset == TEMPERATURE_PRESET:
        choose([replace(rows[0].setup, temperature=each, samples=1) for each in (0.0, 0.7, 1.2)])


def _use_personas() -> None:
    persona_ids = list(st.session_state.get(_PERSONAS) or ())
    if persona_ids:
        choose([Setup(persona_id=each) for each in persona_ids])
