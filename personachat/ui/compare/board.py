"""An open comparison: its messages one below another, each with its replies side by side.

Keys and labels of widgets contain letters and numbers of messages, never who wrote what: before a blind vote,
the browser gets nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from personachat.lab.comparisons.exporting import Format
from personachat.lab.comparisons.seen import SeenAnswer, SeenComparison, SeenRound
from personachat.lab.comparisons.service import Comparisons
from personachat.lab.comparisons.variants import group_name
from personachat.personas.word_diff import compared_words
from personachat.replies.live import LiveReply
from personachat.services.workspace import Workspace
from personachat.ui import address, returning, session
from personachat.ui.chat.stream import column
from personachat.ui.chat.transcript import USER_AVATAR, caption_of, draw_outcome, draw_text
from personachat.ui.compare import actions, matrix, standing_lines, voting, ways_on
from personachat.ui.compare.state import compare_state, leave, show_earlier
from personachat.ui.compare.streaming import Place, draw_running, wait_for_all, wait_for_list
from personachat.ui.personas import diff
from personachat.ui.wording import counted, escaped, heard

BESIDE = 4
"""How many columns are side by side; more go below, or into a matrix."""

COLUMNS, MATRIX = "Columns", "Matrix"

SHOWN_ROUNDS = 6
"""How many of the last messages are drawn; all are drawn again with each message."""

RENAME, DELETE = ":material/edit: Rename…", ":material/delete: Delete"
FILES: Mapping[Format, str] = {"markdown": "Markdown", "json": "JSON", "csv": "CSV"}
_MENU, _VIEW, _BASE = "comparison_menu", "compare_shown", "compare_base"


def draw(comparisons: Comparisons, comparison: SeenComparison) -> None:
    """Draw the comparison, and follow its replies to their end.

    While they run, the browser keeps what an earlier run drew in a place that this run leaves unused. So each
    part has a place of its own, and an empty one is emptied explicitly.
    """
    with st.container():
        _draw_head(comparison)
    voted = comparison.standing is not None and comparison.standing.votes > 0
    with st.container() if voted or comparison.hidden else st.empty():
        _draw_standing(comparison)
    with st.container():
        base = _draw_differences_switch(comparison)
    live = dict(comparisons.live(comparison.id)) if comparison.last and comparison.last.live else {}
    as_matrix = bool(comparison.rounds) and compare_state().layouts.get(comparison.id) == MATRIX
    places: list[Place] = []
    with st.container() if as_matrix else st.empty():
        if as_matrix:
            places += _draw_matrix(comparison, live, base=base)
    earlier = st.container()
    with st.empty() if as_matrix else st.container():
        for one in () if as_matrix else _draw_earlier(comparison, earlier):
            with st.container():
                places += _draw_round(comparison, one, live if one is comparison.last else {}, base=base)
    ways_on.draw(comparisons, comparison)
    running = [each for each in live.values() if each.state == "running"]
    if running and comparison.last and comparison.last.hidden:
        returning.finish()
        wait_for_all(running)
        st.rerun()  # their text is shown together
    if places:
        returning.finish()
        draw_running(places)
        st.rerun()  # all have ended, or those that haven't are paused
    if comparison.list_state == "sending" and not running:
        returning.finish()
        wait_for_list(comparisons, comparison)
        st.rerun()


def _draw_standing(comparison: SeenComparison) -> None:
    if comparison.standing and comparison.standing.votes:
        st.info(escaped(comparison.standing.sentence), icon=":material/leaderboard:")
        _draw_places(comparison)
    elif comparison.hidden:
        words = "Names, models and prices are hidden until you vote."
        if comparison.last and comparison.last.live:
            words += " The replies appear together, once all of them are complete."
        st.caption(f":material/visibility_off: {words}")


def _draw_earlier(comparison: SeenComparison, place: DeltaGenerator) -> tuple[SeenRound, ...]:
    """A button for earlier messages; returns the visible ones."""
    here = compare_state()
    most = SHOWN_ROUNDS + here.earlier.get(comparison.id, 0)
    hidden = len(comparison.rounds) - most
    if hidden > 0:
        place.button(
            f"Show earlier messages ({hidden})",
            icon=":material/expand_less:",
            type="tertiary",
            key="earlier_rounds",
            width="stretch",
            on_click=show_earlier,
            args=(comparison.id,),
        )
    return comparison.rounds[-most:]


def _draw_head(comparison: SeenComparison) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.header(escaped(comparison.title), anchor=False, width="stretch")
        st.button("New comparison", icon=":material/add:", key="new_comparison", on_click=leave)
        with st.container(horizontal=True, gap="small", width="content"):  # they wrap together
            with st.popover(heard("Export"), icon=":material/download:", help="Export", type="tertiary"):
                for file_format, name in FILES.items():
                    suffix = {"markdown": "md"}.get(file_format, file_format)
                    st.download_button(
                        name,
                        data=session.later(
                            partial(_file, comparison_id=comparison.id, file_format=file_format)
                        ),
                        file_name=f"comparison-{comparison.id[:8]}.{suffix}",
                        key=f"export_comparison_{file_format}",
                        on_click="ignore",
                        width="stretch",
                    )
            with st.popover(heard("Share"), icon=":material/share:", help="Share", type="tertiary"):
                _draw_share(comparison)
            st.menu_button(
                heard("More"),
                [RENAME, DELETE],
                icon=":material/more_vert:",
                help="More",
                type="tertiary",
                key=_MENU,
                on_click=_choose,
                args=(comparison.id, comparison.title),
            )
    if compare_state().renaming:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.text_input("Title", comparison.title, key=actions.TITLE, max_chars=200)
            st.button("Save", key="rename_comparison", on_click=actions.rename, args=(comparison.id,))


def _draw_share(comparison: SeenComparison) -> None:
    st.caption("Anyone with the link can read the messages, replies, names and standing, and nothing else.")
    token = compare_state().links.get(comparison.id)
    if token:
        st.code(address.page("shared", comparison=token), language=None, wrap_lines=True)
        st.button(
            "Revoke the link", key="unshare_comparison", on_click=actions.unshare, args=(comparison.id,)
        )
    else:
        st.button("Get the link", key="share_comparison", on_click=actions.share, args=(comparison.id,))


def _choose(comparison_id: str, title: str) -> None:
    action = st.session_state.get(_MENU)
    if action == RENAME:
        actions.ask_title()
    elif action == DELETE:
        actions.delete(comparison_id, title)


def _file(workspace: Workspace, *, comparison_id: str, file_format: Format) -> bytes:
    return workspace.comparisons.export(comparison_id, file_format).content


def group_names(comparison: SeenComparison) -> dict[str, str]:
    """The labels of the places in the standing."""
    return {str(each.group): group_name(each) for each in comparison.variants}


def _draw_places(comparison: SeenComparison) -> None:
    assert comparison.standing
    with st.expander("Standing", icon=":material/format_list_numbered:"):
        standing_lines.draw(comparison.standing, group_names(comparison))
        if comparison.not_counted:
            st.caption(f"{counted(comparison.not_counted, 'vote')} not counted.")


def _draw_differences_switch(comparison: SeenComparison) -> str | None:
    """The letter of the column that others are compared with; None if replies are shown unchanged."""
    if not comparison.rounds or comparison.count < 2:
        return None
    letters = [each.letter for each in comparison.rounds[-1].answers]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        layout = st.segmented_control(
            "Layout",
            [COLUMNS, MATRIX],
            default=MATRIX if comparison.count > BESIDE else COLUMNS,
            required=True,
            key=f"compare_layout_{comparison.id}",
        )
        compare_state().layouts[comparison.id] = layout or COLUMNS
        view = st.segmented_control(
            "Show", ["Replies", "Differences"], default="Replies", required=True, key=_VIEW
        )
        if view != "Differences":
            return None
        base = st.segmented_control("From", letters, default=letters[0], required=True, key=_BASE)
    st.caption(diff.LEGEND)
    return base or letters[0]


def _draw_matrix(
    comparison: SeenComparison, live: Mapping[str, LiveReply], *, base: str | None
) -> list[Place]:
    """The cells, and the chosen reply in full with its message."""
    matrix.draw_cells(comparison)
    one, answer = matrix.focused(comparison)
    with st.container(border=True, key="matrix_focus"):
        with st.chat_message("user", avatar=USER_AVATAR):
            st.text(one.message, width="stretch")
        matrix.draw_neighbours(comparison)
        mine = live if one is comparison.last else {}
        place = _draw_answer(
            comparison, one, answer, mine.get(answer.letter), based_on=one.answer(base) if base else None
        )
    _draw_below(comparison, one)
    others = [
        Place(each, st.empty(), None, lambda: None)
        for letter, each in live.items()
        if each.state == "running" and not (place and letter == answer.letter)
    ]
    return [*([place] if place else []), *others]


def _draw_round(
    comparison: SeenComparison, one: SeenRound, live: Mapping[str, LiveReply], *, base: str | None
) -> list[Place]:
    with st.chat_message("user", avatar=USER_AVATAR):
        st.text(one.message, width="stretch")
    based_on = one.answer(base) if base else None
    places: list[Place] = []
    for number in range(0, len(one.answers), BESIDE):
        answers = one.answers[number : number + BESIDE]
        with st.container(key=f"compare_row_{one.number}_{number}"):
            for place, answer in zip(st.columns(len(answers), gap="medium"), answers, strict=True):
                with place:
                    container = _draw_answer(
                        comparison, one, answer, live.get(answer.letter), based_on=based_on
                    )
                if container:
                    places.append(container)
    _draw_below(comparison, one)
    return places


def _draw_below(comparison: SeenComparison, one: SeenRound) -> None:
    """The buttons for a message's replies: pause, stop, or vote."""
    with st.container() if one.live else st.empty():
        if one.live:
            _draw_steering(comparison)
    votes = not one.live and voting.is_needed(comparison, one)
    with st.container() if votes else st.empty():
        if votes:
            voting.draw(comparison, one)


def _draw_answer(
    comparison: SeenComparison,
    one: SeenRound,
    answer: SeenAnswer,
    live: LiveReply | None,
    *,
    based_on: SeenAnswer | None,
) -> Place | None:
    won = one.vote is not None and one.vote.letter == answer.letter
    name = escaped(answer.variant.name) if answer.variant else f"Reply {answer.letter}"
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.markdown(f"**{answer.letter}** {name}" if answer.variant else f"**{name}**", width="content")
        if won:
            st.badge("Your vote", icon=":material/check:", color="green")
    head, words, below, ways = st.empty(), st.container(), st.empty(), st.empty()
    is_last = one is comparison.last
    if one.hidden and one.live:
        head.markdown(":shimmer[Writing]" if answer.state == "running" else "Paused")
        return None
    if one.incomplete:
        head.badge("Incomplete", icon=":material/visibility_off:", color="gray")
        return None
    if live and live.state == "running":
        with below.container():
            st.button(
                "Stop",
                icon=":material/stop_circle:",
                type="tertiary",
                key=f"stop_column_{answer.letter}",
                on_click=actions.stop,
                args=(comparison.id, answer.letter),
            )
        return Place(
            live, head, column(words).container(), partial(_draw_end, comparison, answer.letter, live, below)
        )
    if based_on and based_on is not answer and answer.text and based_on.text:
        with words:
            diff.draw_words(compared_words(based_on.text, answer.text))
    elif answer.text:
        draw_text(answer.text, column(words).container())
    with below.container():
        _draw_outcome(answer)
    if is_last and not one.live:
        with ways.container():
            _draw_answer_actions(comparison, one, answer)
    return None


def _draw_end(comparison: SeenComparison, letter: str, live: LiveReply, below: DeltaGenerator) -> None:
    """How a reply ended, while others still run; for a blind one no more than that."""
    reply = live.snapshot()
    with below.container():
        if comparison.hidden:
            _draw_outcome(SeenAnswer(letter="", state=reply.state, text=""))
        else:
            draw_outcome(reply)
            st.caption(f"**{letter}** · {caption_of(reply)}")


def _draw_outcome(answer: SeenAnswer) -> None:
    if answer.reply:
        draw_outcome(answer.reply, begun_at=answer.begun_at)
        st.caption(f"**{answer.letter}** · {caption_of(answer.reply)}")
    elif answer.state == "failed":
        st.error("This reply failed.", icon=":material/error:")
    elif answer.state == "missing":
        st.warning("This reply could not be started.", icon=":material/error:")
    elif answer.state != "finished":
        st.badge(answer.state.capitalize(), color="gray")
    elif answer.text:
        st.caption(f"**{answer.letter}**")


def _draw_answer_actions(comparison: SeenComparison, one: SeenRound, answer: SeenAnswer) -> None:
    with st.container(horizontal=True, gap="small"):
        if not one.vote and not (comparison.hidden and answer.state in {"finished", "stopped"}):
            st.button(
                "Ask again",
                icon=":material/refresh:",
                type="tertiary",
                key=f"retry_column_{answer.letter}",
                on_click=actions.retry,
                args=(comparison.id, answer.letter),
            )
        if not comparison.hidden and answer.state != "missing":
            st.button(
                "Continue with this one",
                icon=":material/chat:",
                type="tertiary",
                key=f"continue_column_{answer.letter}",
                on_click=actions.continue_with,
                args=(comparison.id, answer.letter),
            )


def _draw_steering(comparison: SeenComparison) -> None:
    paused = comparison.last is not None and all(
        each.state == "paused" for each in comparison.last.answers if each.live
    )
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Resume all" if paused else "Pause all",
            icon=":material/play_circle:" if paused else ":material/pause_circle:",
            key="pause_comparison",
            on_click=actions.resume if paused else actions.pause,
            args=(comparison.id,),
        )
        st.button(
            "Stop all",
            icon=":material/stop_circle:",
            key="stop_comparison",
            on_click=actions.stop,
            args=(comparison.id,),
        )
