"""Draws the turns of a conversation with what can be done about each.

The last exchange has its actions as icons and in a menu. Every older turn only says, by the key of its row,
what its menu has, and the page makes that (`page_behaviour/assets/beside.js`): all of them are drawn again
with every rerun, and each element of them delays the next reply's first word.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeAlias

import streamlit as st

from personachat.conversations.model import Conversation, Reply, Turn
from personachat.ui.chat import (
    actions,
    clipboard,
    costs,
    edit_form,
    ratings,
    revision_labels,
    versions,
)
from personachat.ui.chat.state import chat_state
from personachat.ui.chat.transcript import (
    bubble,
    caption_of,
    draw_memory,
    draw_outcome,
    draw_switch,
    draw_words,
    face,
)
from personachat.ui.repeats import Repeats
from personachat.ui.wording import escaped, heard

WaysOn: TypeAlias = Callable[[Turn], None]
"""Draws what can be done about a reply that did not come to its end."""

ONE_LINE = 60
"""So many characters fit beside the icons in one line."""

EDITED = ":material/edit: edited"


def _menu_without(*names: str) -> tuple[str, ...]:
    return tuple(label for label in actions.MENU if not label.endswith(names))


USER_MENU = _menu_without("Regenerate", "Regenerate with…", "Rate", "Save as test", "Costs", "Show request")
WORDS_MENU = _menu_without(
    "Regenerate", "Regenerate with…", "Compare with…", "Save as test", "Costs", "Show request"
)
"""For an assistant's words that nobody asked a model for."""


@dataclass(frozen=True, slots=True)
class View:
    """What the turns of one conversation are drawn with."""

    conversation: Conversation
    reply: Reply | None
    """The latest reply: what it says of its memory holds for the next one too."""
    last_before: frozenset[str]
    """The turns that were the last exchange in the run before."""
    length_before: int
    """How many turns were drawn, at most, in the run before."""
    revisions: Mapping[revision_labels.Spoken, int]
    """Which revision of its persona spoke each turn."""
    linked_turn: str | None
    """The turn a link led to. These four are looked up once: a look at the session state costs a caption."""
    editing: str | None
    rating: str | None
    copying: str | None
    repeats: Repeats

    @classmethod
    def of(cls, conversation: Conversation) -> View:
        reply = next((turn.reply for turn in reversed(conversation.path) if turn.reply), None)
        here = chat_state()
        before, length = here.last_exchange, here.turn_count
        here.last_exchange = frozenset(turn.id for turn in conversation.path[-2:])
        here.turn_count = len(conversation.path)
        here.repeats.begin()
        return cls(
            conversation,
            reply,
            before,
            length,
            revision_labels.numbers(conversation.path),
            linked_turn=here.linked_turn,
            editing=here.editing,
            rating=here.rated_turn,
            copying=here.copying,
            repeats=here.repeats,
        )

    def shows_only(self, turn: Turn) -> bool:
        """Whether there is nothing at a turn but its words, how they came about, and the page's own menu."""
        singled_out = {self.linked_turn, self.editing, self.rating, self.copying}
        return turn.id not in singled_out and turn.id not in self.conversation.siblings


def draw_all(view: View, turns: Sequence[Turn], *, above: Turn | None) -> None:
    """Ended turns in order; `above` is the one that stands above them, drawn or not."""
    question_depth = view.conversation.length - 2
    for turn in turns:
        draw(view, turn, above=above, last=turn.depth >= question_depth and turn.role == "user")
        above = turn


def draw(
    view: View, turn: Turn, *, above: Turn | None, last: bool = False, ways_on: WaysOn | None = None
) -> None:
    """An ended turn; `last`: of the exchange at the end, where there may be ways on from it."""
    draw_head(view, turn, above=above)
    if view.linked_turn == turn.id:
        with st.container(key=f"turn_{turn.depth}"):  # the page scrolls to it
            _draw(view, turn, last=last, ways_on=ways_on)
    elif last or ways_on or not view.shows_only(turn):
        _draw(view, turn, last=last, ways_on=ways_on)
    else:
        view.repeats.draw(
            turn.id,
            partial(_draw, view, turn, last=False, ways_on=None),
            of=(
                turn,
                face(turn),
                revision_labels.number_of(turn, view.revisions),
                turn.id in view.last_before,
            ),
        )


def draw_head(view: View, turn: Turn, *, above: Turn | None) -> None:
    """What stands between two turns."""
    draw_memory(turn, view.reply)
    draw_switch(above, turn.persona_id, turn.persona_name)


def _draw(view: View, turn: Turn, *, last: bool, ways_on: WaysOn | None) -> None:
    with bubble(turn):
        if view.linked_turn == turn.id:
            st.badge("Found here", icon=":material/search:", color="primary")
        if view.editing == turn.id:
            edit_form.draw(turn)
        elif turn.role == "user":
            _draw_message(view, turn, last=last)
        elif ways_on:
            _draw_last(view, turn, ways_on)
        elif _says_nothing_of_itself(view, turn):
            _draw_unasked(view, turn)
        else:
            # What was the last turn until now keeps its one place for the words, so that none of its pieces
            # takes the place where its row was: what stood there would stay until the next reply has ended.
            reply = draw_words(turn, head=st, words=st, may_go_on=turn.id in view.last_before)
            if reply:
                draw_outcome(reply, begun_at=turn.created_at)
            draw_row(view, turn, last=last)


def _draw_last(view: View, turn: Turn, ways_on: WaysOn) -> None:
    """In the three places of a live turn, so that what is there stays there when the reply goes on."""
    places_taken_by(turn.id)
    head, words, below = st.container(), st.container(), st.container()
    reply = draw_words(turn, head=head, words=words)
    with below:
        if reply:
            draw_outcome(reply, begun_at=turn.created_at)
        ways_on(turn)
        draw_row(view, turn, last=True)


def places_taken_by(turn_id: str) -> bool:
    """Note whose places those of the last turn are now; returns whether they were before."""
    here = chat_state()
    before, here.last_turn = here.last_turn, turn_id
    return before == turn_id


def free_places() -> None:
    """The places of the last turn are nobody's now."""
    chat_state().last_turn = None


def _draw_message(view: View, turn: Turn, *, last: bool) -> None:
    """What the person said, beside it what can be done about it."""
    short = len(turn.content) <= ONE_LINE and "\n" not in turn.content
    beside: Literal["center", "top"] = "center" if short else "top"
    if last:
        st.empty()  # as for a reply's row
    key = None if last else actions.row_key("said", turn.id, USER_MENU)
    with st.container(horizontal=True, wrap=False, gap="small", vertical_alignment=beside, key=key):
        st.text(turn.content, width="stretch")
        _draw_actions(view, turn, last=last)
    if not last and turn.id in view.last_before:
        st.empty()


def _says_nothing_of_itself(view: View, turn: Turn) -> bool:
    """Whether nothing would stand in the row below the words but the menu."""
    return turn.reply is None and not turn.edited and view.rating != turn.id


def _draw_unasked(view: View, turn: Turn) -> None:
    """An assistant's words that nobody asked a model for, such as a greeting, with the menu beside them."""
    key = actions.row_key("said", turn.id, WORDS_MENU)
    with st.container(horizontal=True, wrap=False, gap="small", key=key):
        draw_words(turn, head=st, words=st.container())
        _draw_actions(view, turn, last=False)
    if turn.id in view.last_before:
        st.empty()


def draw_row(view: View, turn: Turn, *, last: bool) -> None:
    """Below an assistant's words: how they came about, and what can be done about them."""
    if last:
        st.empty()  # so that its row and the smaller one it has later never share a place
    menu = _menu_of(turn, last=last)
    key = f"actions_{turn.id}" if last else actions.row_key("actions", turn.id, menu)
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small", key=key):
        versions.draw(view.conversation, turn)
        if last:
            _draw_icons(turn)
        elif view.rating == turn.id and _can_be_rated(turn):
            ratings.draw(turn)
        if turn.edited:
            st.caption(EDITED, width="stretch", help="You edited this text.")
        elif last and turn.reply and (cost_text := costs.tokens_and_cost(turn.reply)):
            st.caption(_caption(view, turn, with_costs=False), width="stretch")
            st.button(
                escaped(cost_text),
                type="tertiary",
                key=f"costs_{turn.id}",
                on_click=actions.ask_costs,
                args=(turn.id,),
            )
        else:
            st.caption(_caption(view, turn), width="stretch")
        _draw_copied(view, turn)
        if last:
            _draw_menu(turn, menu)
    if not last and turn.id in view.last_before:
        st.empty()  # where its row was


def _menu_of(turn: Turn, *, last: bool) -> tuple[str, ...]:
    reply = turn.reply
    if reply is None or turn.parent_id is None:
        return WORDS_MENU
    without = []
    if not reply.text.strip():
        without.append("Copy")
    if not _can_be_rated(turn):
        without.append("Rate")
    if last and not reply.complete:  # there is a Retry above
        without.append("Regenerate")
    return _menu_without(*without) if without else tuple(actions.MENU)


def _can_be_rated(turn: Turn) -> bool:
    """Whether there are words that a model is to be judged by; a failure is nobody's taste."""
    reply = turn.reply
    return bool(turn.text.strip()) and (reply is None or reply.state != "failed")


def _caption(view: View, turn: Turn, *, with_costs: bool = True) -> str:
    if turn.reply is None:
        return ""
    caption = caption_of(turn.reply, with_costs=with_costs)
    return " · ".join(filter(None, (caption, revision_labels.label(turn, view.revisions))))


def _draw_actions(view: View, turn: Turn, *, last: bool) -> None:
    versions.draw(view.conversation, turn)
    if turn.edited:
        st.caption(EDITED, width="content", help="You edited this text.")
    _draw_copied(view, turn)
    if last:
        _icon("edit", "Edit and send again", actions.edit, turn)
        _icon("content_copy", "Copy", actions.copy, turn)
        _draw_menu(turn, USER_MENU)


def _draw_icons(turn: Turn) -> None:
    if turn.parent_id is not None and (turn.reply is None or turn.reply.complete):
        _icon("refresh", "Regenerate", actions.regenerate, turn)
    if _can_be_rated(turn):
        _icon("content_copy", "Copy", actions.copy, turn)
        ratings.draw(turn)


def _icon(icon: str, name: str, do: Callable[[str], None], turn: Turn) -> None:
    st.button(
        heard(name),
        icon=f":material/{icon}:",
        help=name,
        type="tertiary",
        on_click=do,
        args=(turn.id,),
        key=f"{icon}_{turn.id}",
    )


def _draw_menu(turn: Turn, options: tuple[str, ...]) -> None:
    key = f"menu_{turn.id}"
    st.menu_button(
        heard("More"),
        options,
        icon=":material/more_horiz:",
        help="More",
        type="tertiary",
        key=key,
        on_click=actions.choose,
        args=(key, turn.id),
    )


def _draw_copied(view: View, turn: Turn) -> None:
    number = actions.copying(turn.id) if view.copying == turn.id else None
    if number is not None:
        clipboard.copy(turn.text, number=number, on_refused=partial(actions.ask, "copy", turn.id))
