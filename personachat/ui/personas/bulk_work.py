"""Changing several personas from the list: progress, Stop and Undo.

What is left to do stays in the session. A click in the middle loses nothing: the next run continues.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import streamlit as st

from personachat.authoring.library import PersonaLibrary
from personachat.authoring.several import BulkChange
from personachat.ui import session
from personachat.ui.personas import undo as persona_undo
from personachat.ui.personas.bulk_steps import BulkWork
from personachat.ui.personas.desk import Entry, name_of
from personachat.ui.personas.state import personas_state
from personachat.ui.wording import counted, error_text, escaped

MOST_ERRORS = 5


def tag(ids: Sequence[str], *, add: Sequence[str], remove: Sequence[str]) -> BulkWork:
    """Add and remove tags. Personas that don't change don't count."""

    def step(collection: PersonaLibrary, some: Sequence[str]) -> BulkChange:
        done = collection.tag(some, add=add, remove=remove)
        pairs = [pair for pair in zip(done.before, done.after, strict=True) if pair[0].etag != pair[1].etag]
        return BulkChange(tuple(one for one, _ in pairs), tuple(other for _, other in pairs), done.errors)

    return BulkWork("Changing the tags of", "Changed the tags of", list(ids), step, _tags_as_before)


def delete(ids: Sequence[str], *, broken: Iterable[str] = ()) -> BulkWork:
    """Delete them; `bring_back` undoes it. `broken` are the broken files among them, as shown."""
    were_broken = frozenset(broken)

    def step(collection: PersonaLibrary, some: Sequence[str]) -> BulkChange:
        return collection.delete_all(some, broken=were_broken)

    return BulkWork("Deleting", "Deleted", list(ids), step, _back, deletes=True)


def begin(work: BulkWork) -> None:
    """Do the first few at once, and the rest while the page is drawn."""
    _close_if_deleted(work)
    work.go_on(session.workspace().collection)
    personas_state().bulk_work = work


def draw() -> bool:
    """Continue with the rest, or show the outcome, with Undo, until it is dismissed."""
    work = personas_state().bulk_work
    if work is None:
        return False
    with st.container(border=True):
        # Two places: in one for both, Stop can stay beside Undo, greyed out, and Undo move under a click.
        progress, outcome = st.empty(), st.empty()
        if work.left:
            with progress.container(horizontal=True, vertical_alignment="center"):
                _go_on(work)
        else:
            _offer(work)
            with outcome.container():
                _draw_done(work)
    return True


def _offer(work: BulkWork) -> None:
    """Make a change undoable without this session, too. For a deletion that is already so."""
    if work.undo and work.after and not (work.deletes or work.is_offered):
        work.is_offered = True
        etags = [
            (one.id, f"{one.etag}.{other.etag}") for one, other in zip(work.before, work.after, strict=True)
        ]
        persona_undo.offer("tagged", work.before[0].persona.name, etags)


def _go_on(work: BulkWork) -> None:
    collection = session.workspace().collection
    _close_if_deleted(work)  # the page has opened another one meanwhile
    bar = st.progress(0.0)
    st.button("Stop", icon=":material/stop:", key="stop_bulk", on_click=work.stop)
    while work.left:
        bar.progress(
            work.done / work.total, text=f"{work.doing} {work.done:,} of {counted(work.total, 'persona')}"
        )
        work.go_on(collection)
    st.rerun()  # the page's list was read before


def _close_if_deleted(work: BulkWork) -> None:
    if work.deletes and session.remembered("id") in work.left:
        session.remember("id", None)


def _draw_done(work: BulkWork) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"{work.did} {_whom(work)}.", width="stretch")
        if (work.before or work.away) and work.undo:
            st.button("Undo", icon=":material/undo:", key="undo_bulk", on_click=_undo, args=(work,))
        st.button("Dismiss", icon=":material/close:", type="tertiary", key="dismiss_bulk", on_click=_forget)
    for error in work.errors[:MOST_ERRORS]:
        st.caption(f":material/error: {error_text(error)}")
    if len(work.errors) > MOST_ERRORS:
        st.caption(f"… and {len(work.errors) - MOST_ERRORS:,} more failed.")


def _whom(work: BulkWork) -> str:
    done: tuple[Entry, ...] = (*work.before, *work.away)
    names = [name_of(each) for each in done]
    if not names:
        return "no persona"
    return f"**{escaped(names[0])}**" if len(names) == 1 else f"**{len(names):,} personas**"


def _tags_as_before(work: BulkWork) -> BulkWork:
    before, after = ({persona.id: persona for persona in each} for each in (work.before, work.after))

    def step(collection: PersonaLibrary, some: Sequence[str]) -> BulkChange:
        return collection.save_again([before[each] for each in some], over=[after[each] for each in some])

    return BulkWork("Undoing the change to", "Undid the change to", list(before), step)


def tags_as_before(changes: Sequence[tuple[str, str]]) -> BulkWork:
    """The same for a session that doesn't know them: `changes` are ids, each with its ETags; see `Undo`."""
    texts_before = dict(changes)

    def step(collection: PersonaLibrary, some: Sequence[str]) -> BulkChange:
        etags = {each: texts_before[each].partition(".") for each in some}
        return collection.save_again_by_etag(
            {each: (before, over) for each, (before, _, over) in etags.items()}
        )

    return BulkWork("Undoing the change to", "Undid the change to", list(texts_before), step)


def _back(work: BulkWork) -> BulkWork:
    away = [each.id for each in work.away]
    return bring_back([*(persona.id for persona in work.before), *away], broken=away)


def bring_back(ids: Sequence[str], *, broken: Iterable[str] = ()) -> BulkWork:
    """Restore what was deleted; `broken` are those that were broken files."""
    were_broken = frozenset(broken)

    def step(collection: PersonaLibrary, some: Sequence[str]) -> BulkChange:
        return collection.bring_back_all(some, broken=were_broken)

    return BulkWork("Restoring", "Restored", list(ids), step)


def _undo(work: BulkWork) -> None:
    if work.undo:
        begin(work.undo(work))
    persona_undo.forget()


def _forget() -> None:
    work = personas_state().bulk_work
    if work and work.undo:
        persona_undo.forget()
    personas_state().bulk_work = None
