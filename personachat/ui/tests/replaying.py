"""Replaying saved conversations with the current persona, an unsaved draft, or another model."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from zoneinfo import ZoneInfo

import streamlit as st

from personachat.errors import PersonaChatError
from personachat.history.filters import Filters
from personachat.history.listing import ConversationSummary
from personachat.insights.attention import Kind
from personachat.lab.pairwise import QUESTION
from personachat.lab.replaying import made_replay, recorded
from personachat.lab.runs.experiment import Experiment
from personachat.lab.runs.wish import RunWish
from personachat.lab.testing import Tests
from personachat.services.workspace import Workspace
from personachat.stamps import now
from personachat.ui import notices, session
from personachat.ui.tests import results, running
from personachat.ui.tests.state import open_run
from personachat.ui.wording import distinct, error_text
from personachat.usage.questions import UsageQuery

MOST_OFFERED = 200
MOST_SUGGESTED = 20
MOST_RESULTS = 1000
"""Characters of a search text for messages."""
SAVED, DRAFT = "The saved version", "The unsaved draft"
RECORDED, OWN = "Use the recorded turns", "Follow the new replies"

LOOK, DISLIKED, LIKED, FAILED, CUT, PINNED, ARCHIVED, SEARCH, WEEK, MONTH, NONE = range(11)
WAYS = {
    LOOK: "Worth a look",
    DISLIKED: "Thumbs down",
    LIKED: "Thumbs up",
    FAILED: "Errors",
    CUT: "Cut off",
    PINNED: "Pinned",
    ARCHIVED: "Archived",
    SEARCH: "Containing these words",
    WEEK: "The last 7 days",
    MONTH: "The last 30 days",
    NONE: "By hand",
}
_KINDS: dict[int, Kind] = {DISLIKED: "disliked", FAILED: "failed", CUT: "cut"}
_DAYS = {WEEK: 7, MONTH: 30}


def draw(workspace: Workspace, persona_id: str) -> None:
    tests = workspace.tests
    st.caption(
        "Requests each reply again and shows what is different: either after the recorded messages, or "
        "following the new replies. It also checks for refusals, leaving the role and leaked instructions."
    )
    if not running.follow(tests, tests.runs.of(persona_id, kind="replay", limit=5)):
        _draw_choice(workspace, persona_id)
    results.draw_replays(tests, persona_id)


def _draw_choice(workspace: Workspace, persona_id: str) -> None:
    offered = _offered(workspace, persona_id)
    if not offered:
        st.info(
            "There are no saved conversations with this persona yet. Chat with it first.",
            icon=":material/forum:",
        )
        st.page_link("pages/chat.py", label="Chat", icon=":material/chat:")
        return
    summaries, ways = offered
    key = f"replay_{persona_id}"
    way_key = f"replay_way_{persona_id}"
    first = next((each for each in (LOOK, WEEK, MONTH) if ways[each]), LOOK)
    st.session_state.setdefault(way_key, first)
    st.session_state.setdefault(key, ways[st.session_state[way_key]])
    titles = distinct({each.id: each.title or "Untitled" for each in summaries.values()})
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        way = st.selectbox(
            "Choose",
            list(WAYS),
            format_func=lambda each: f"{WAYS[each]} ({len(ways[each])})" if ways[each] else WAYS[each],
            width=220,
            key=way_key,
            persist_state="session",
            on_change=_choose,
            args=(key, way_key, ways),
        )
        course = st.selectbox(
            "Way",
            (RECORDED, OWN),
            width=220,
            key="replay_course",
            persist_state="session",
            help="With recorded turns, only the change makes a difference. With new turns, you see where "
            "the new replies lead.",
        )
    if way == SEARCH:
        st.text_input(
            "Words in the title or the messages",
            key=_words_key(persona_id),
            persist_state="session",
            help="A word that you put into titles, such as #exam, works as a tag.",
            on_change=_search,
            args=(workspace, key, persona_id, tuple(summaries)),
        )
    picked = st.multiselect(
        "Conversations",
        list(summaries),
        format_func=lambda each: titles[each],
        key=key,
        persist_state="session",
    )
    if way != NONE and not ways[way]:
        st.caption("No conversations of this kind. Choose another kind, or pick some yourself.")
    draft = session.drafts().get(persona_id)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        version = st.selectbox(
            "With",
            [SAVED, DRAFT] if draft else [SAVED],
            width=220,
            key=f"replay_with_{persona_id}",
            persist_state="session",
        )
        model = st.text_input(
            "Model", placeholder="The persona's", width=220, key="replay_model", persist_state="session"
        ).strip()
        pairwise = bool(workspace.tests.judge_model) and st.checkbox(
            "Judge which is better",
            key="replay_pairwise",
            persist_state="session",
            help="A judge compares each reply with the recorded one, in both orders.",
        )
        wish = RunWish(
            persona_id=persona_id,
            repeat=1,
            model=model or None,
            draft=draft.text if draft and version == DRAFT else None,
            pairwise=QUESTION if pairwise else "",
        )
        replay = partial(_experiment, workspace, persona_id, picked, own=course == OWN)
        try:
            forecast = workspace.tests.forecast_experiment(wish, replay()) if picked else None
        except PersonaChatError as error:
            st.warning(error_text(error), icon=":material/info:")
            return
        st.button(
            "Replay",
            type="primary",
            icon=":material/replay:",
            disabled=forecast is None or not workspace.tests.may_edit,
            help=None if workspace.tests.may_edit else "You can't run tests here.",
            on_click=_start,
            args=(workspace.tests, wish, replay),
            key="start_replay",
        )
    if forecast:
        st.caption(running.summary(forecast))


def _offered(
    workspace: Workspace, persona_id: str
) -> tuple[dict[str, ConversationSummary], dict[int, list[str]]] | None:
    """The newest conversations with the persona, and which of them each choice selects."""
    conversations, archived = (
        workspace.library.list(
            Filters(persona_id=persona_id, archived=each), limit=MOST_OFFERED
        ).conversations
        for each in (False, True)
    )
    if not conversations and not archived:
        return None
    suggestions = workspace.insights.suggested(UsageQuery(zone=ZoneInfo("UTC"), persona=persona_id))
    liked = workspace.library.list(Filters(persona_id=persona_id, rating=1), limit=MOST_OFFERED)
    summaries = {summary.id: summary for summary in (*conversations, *archived)}
    ways = {
        LOOK: [each.id for each in suggestions],
        LIKED: [each.id for each in liked.conversations],
        PINNED: [each.id for each in conversations if each.pinned],
        ARCHIVED: [each.id for each in archived],
        SEARCH: _search_results(workspace, str(st.session_state.get(_words_key(persona_id), ""))),
        NONE: [],
        **{
            way: [each.id for each in suggestions if kind in {reason.kind for reason in each.reasons}]
            for way, kind in _KINDS.items()
        },
        **{
            way: [each.id for each in conversations if now() - each.updated_at <= timedelta(days=days)]
            for way, days in _DAYS.items()
        },
    }
    return summaries, {
        way: [each for each in ids if each in summaries][:MOST_SUGGESTED] for way, ids in ways.items()
    }


def _words_key(persona_id: str) -> str:
    return f"replay_words_{persona_id}"


def _search_results(workspace: Workspace, words: str) -> list[str]:
    """The conversations with these words in their title or messages; archived ones come last."""
    if not words.strip():
        return []
    hits = [
        hit
        for archived in (False, True)
        for hit in workspace.library.search(words, Filters(archived=archived), limit=MOST_RESULTS).hits
    ]
    return list(dict.fromkeys(hit.conversation.id for hit in hits))


def _search(workspace: Workspace, key: str, persona_id: str, offered: tuple[str, ...]) -> None:
    ids = _search_results(workspace, str(st.session_state[_words_key(persona_id)]))
    st.session_state[key] = [each for each in ids if each in offered][:MOST_SUGGESTED]


def _choose(key: str, way_key: str, ways: dict[int, list[str]]) -> None:
    st.session_state[key] = ways[st.session_state[way_key]]


def _experiment(workspace: Workspace, persona_id: str, ids: list[str], *, own: bool) -> Experiment:
    talks = [recorded(workspace.chat, workspace.inspection, each) for each in ids]
    return made_replay(persona_id, talks, course="own" if own else "recorded")


def _start(tests: Tests, wish: RunWish, replay: Callable[[], Experiment]) -> None:
    try:
        open_run(tests.begin_experiment(wish, replay()).plan.run.id)
    except PersonaChatError as error:
        notices.say_not_done(error, title="Nothing was replayed")
