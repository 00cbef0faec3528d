"""A better prompt proposed by a model: requested, shown as it streams, accepted whole or in part.

Nothing changes until someone accepts it, and what was typed meanwhile stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import streamlit as st

from personachat.authoring.drafting import Drafting, proposed
from personachat.errors import PersonaChatError, ProviderError
from personachat.jsontext.edits import both_changes, with_value
from personachat.personas.word_diff import DiffPiece, compared_words
from personachat.ui import session
from personachat.ui.chat.stream import SILENT_SECONDS
from personachat.ui.chat.transcript import draw_failure
from personachat.ui.owner import current_owner
from personachat.ui.personas import diff
from personachat.ui.personas.desk import OpenPersona, desk
from personachat.ui.personas.form.binding import ORDER, FormText, change
from personachat.ui.wording import counted, error_text, escaped

PROMPT = ("systemPrompt",)
WISH, CHANGE = "improve_wish", "improve_take-"
EVERY_SECONDS = 0.3
OFFLINE = "The small offline model can't improve prompts. Connect a larger model, or use the fixes below."


@dataclass(frozen=True, slots=True)
class Part:
    """One change of a proposal, with the text around it."""

    number: int
    pieces: tuple[DiffPiece, ...]


def draw_button(open_persona: OpenPersona) -> None:
    """The form that requests a proposal. If no model could write one, it says so."""
    drafter = session.services().drafter
    offline = drafter.writes_offline(offline=session.is_offline_chosen())
    improving = _improving(open_persona.id)
    with st.popover(
        "Improve this prompt",
        icon=":material/auto_fix_high:",
        type="tertiary",
        key=f"improve-{improving.id if improving else ''}",  # another one, and closed, once it was asked for
        help=OFFLINE
        if offline
        else "A model suggests a better prompt. You see every change before you accept it.",
        disabled=offline,
    ):
        st.text_area(
            "What should be improved?",
            key=WISH,
            placeholder=("Leave empty for a general improvement"),
            height=80,
        )
        st.caption(_writer())
        st.button("Suggest", type="primary", key="improve_ask", on_click=_ask, args=(open_persona,))


def draw(open_persona: OpenPersona) -> None:
    """The proposal that is streaming or waits to be accepted."""
    improving = _improving(open_persona.id)
    if improving is None:
        return
    with st.container(border=True, key="improvement"):
        reply = improving.live_reply.snapshot()
        if reply.live:
            with st.container(horizontal=True, vertical_alignment="center"):
                with st.container(width="stretch"):
                    _draw_live(improving)
                st.button(
                    "Stop",
                    icon=":material/stop_circle:",
                    key="improve_stop",
                    on_click=_forget,
                    args=(open_persona.id,),
                )
            return
        better = proposed(reply.text, improving.description)
        if reply.error:
            draw_failure(reply.error)
        elif reply.finish_reason == "length":
            st.warning("The suggestion was cut off at the token limit.", icon=":material/content_cut:")
        elif better is None:
            st.info("The model suggests no changes.", icon=":material/check:")
        else:
            _draw_parts(open_persona, improving, compared_words(improving.description, better))
            return
        st.button("Close", key="improve_close", on_click=_forget, args=(open_persona.id,))


def parts_of(pieces: Sequence[DiffPiece]) -> tuple[Part, ...]:
    """The changes of a comparison one by one, each with its surroundings."""
    parts: list[Part] = []
    for number, (start, end) in enumerate(_runs(pieces)):
        parts.append(Part(number, tuple(pieces[max(start - 1, 0) : end + 1])))
    return tuple(parts)


def text_with(pieces: Sequence[DiffPiece], numbers: frozenset[int]) -> str:
    """The text with these changes and no others."""
    text, changes = "", iter(_runs(pieces))
    run = next(changes, None)
    number = 0
    for at, piece in enumerate(pieces):
        if run and at >= run[1]:
            run, number = next(changes, None), number + 1
        if piece.kind in {"same", "added" if number in numbers else "removed"}:
            text += piece.text
    return text


def _runs(pieces: Sequence[DiffPiece]) -> Iterator[tuple[int, int]]:
    """Start and end of runs of pieces that were added or removed."""
    start = None
    for at, piece in enumerate(pieces):
        if piece.kind != "same" and start is None:
            start = at
        elif piece.kind == "same" and start is not None:
            yield start, at
            start = None
    if start is not None:
        yield start, len(pieces)


def _draw_parts(open_persona: OpenPersona, improving: Drafting, pieces: Sequence[DiffPiece]) -> None:
    parts = parts_of(pieces)
    st.markdown(f"**{counted(len(parts), 'change')} suggested**")
    for part in parts:
        with st.container(horizontal=True, vertical_alignment="top", gap="small", wrap=False):
            st.checkbox(
                f"Accept change {part.number + 1}",
                value=True,
                key=f"{CHANGE}{improving.id}-{part.number}",
                label_visibility="collapsed",
            )
            with st.container(width="stretch"):
                diff.draw_words(part.pieces)
    with st.container(horizontal=True, gap="small"):
        every = frozenset(range(len(parts)))
        st.button(
            "Accept all",
            type="secondary",
            key="improve_all",
            on_click=_take,
            args=(open_persona, improving, pieces, every),
        )
        st.button(
            "Accept selected",
            key="improve_some",
            on_click=_take,
            args=(open_persona, improving, pieces, None),
        )
        st.button(
            "Dismiss", type="tertiary", key="improve_dismiss", on_click=_forget, args=(open_persona.id,)
        )


@st.fragment(run_every=EVERY_SECONDS)
def _draw_live(improving: Drafting) -> None:
    reply = improving.live_reply.snapshot()
    if not reply.live:
        st.rerun()
    seconds = int(improving.live_reply.elapsed_seconds)
    time = f" :gray[{seconds} s]" if seconds >= SILENT_SECONDS else ""
    st.markdown(f":shimmer[{'Writing' if reply.text else 'Thinking'}]{time}")


def _ask(open_persona: OpenPersona) -> None:
    prompt = FormText(open_persona).value(PROMPT)
    try:
        live_reply = session.services().drafter.improve(
            prompt if isinstance(prompt, str) else "",
            wish=str(st.session_state.get(WISH) or ""),
            owner=current_owner(),
            offline=session.is_offline_chosen(),
        )
    except PersonaChatError as error:
        desk().error = error
        return
    _forget(open_persona.id)  # one that was asked for before would be written for nobody
    st.session_state[_key(open_persona.id)] = live_reply.id


def _take(
    open_persona: OpenPersona,
    improving: Drafting,
    pieces: Sequence[DiffPiece],
    numbers: frozenset[int] | None,
) -> None:
    if numbers is None:
        every = range(sum(1 for _ in _runs(pieces)))
        numbers = frozenset(n for n in every if st.session_state.get(f"{CHANGE}{improving.id}-{n}"))
    before, after = improving.description, text_with(pieces, numbers)
    clashed = False

    def put(text: str) -> str:
        nonlocal clashed
        now = FormText(OpenPersona(open_persona.id, open_persona.stored, None, text, (), None)).value(PROMPT)
        merged = both_changes(before, after, now) if isinstance(now, str) else None
        clashed = merged is None
        return text if merged is None else with_value(text, PROMPT, merged, order=ORDER)

    change(open_persona, put)
    if clashed:
        desk().note = (
            "The prompt has changed in the same place in the meantime, so nothing was applied. Try again."
        )
    _forget(open_persona.id)


def _forget(persona_id: str) -> None:
    improving = _improving(persona_id)
    if improving:
        improving.live_reply.stop()
    st.session_state.pop(_key(persona_id), None)


def _improving(persona_id: str) -> Drafting | None:
    improvement_id = st.session_state.get(_key(persona_id))
    if not improvement_id:
        return None
    return session.services().drafter.find_improvement(str(improvement_id), owner=current_owner())


def _writer() -> str:
    services = session.services()
    try:
        answering = services.models.answering(services.drafter.model, offline=session.is_offline_chosen())
    except ProviderError as error:
        return error_text(error)
    return f"{escaped(answering.model)} writes the suggestion. Nothing changes until you accept it."


def _key(persona_id: str) -> str:
    return f"improving.{persona_id}"
