"""Replaying saved conversations with the persona as it is now, as an unsaved draft, or with another model."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import streamlit as st

from personachat.errors import PersonaChatError
from personachat.history.filters import Filters
from personachat.history.listing import ConversationSummary
from personachat.lab.pairwise import QUESTION
from personachat.lab.replaying import Talk, made_replay
from personachat.lab.runs.made import MadeRun
from personachat.lab.testing import RunWish, Tests
from personachat.services import Services
from personachat.services.workspace import Workspace
from personachat.ui import notices, session
from personachat.ui.tests import results, running
from personachat.ui.tests.state import open_run
from personachat.ui.wording import error_text
from personachat.usage.insights import Insights
from personachat.usage.questions import UsageQuery

MOST_OFFERED = 200
MOST_SUGGESTED = 20
SAVED, DRAFT = "The saved version", "The unsaved draft"


def draw(services: Services, workspace: Workspace, persona_id: str) -> None:
    tests = workspace.tests
    st.caption(
        "Asks for each reply again, after exactly what had been said before it, and shows what is different. "
        "Refusals, leaving the role and leaked instructions are checked."
    )
    if not running.follow(tests, tests.runs_of(persona_id, "replay", limit=5)):
        _draw_choice(services, workspace, persona_id)
    results.draw(tests, persona_id, replays=True)


def _draw_choice(services: Services, workspace: Workspace, persona_id: str) -> None:
    offered = _offered(services, workspace, persona_id)
    if not offered:
        st.info(
            "There are no saved conversations with this persona yet. Chat with it first.",
            icon=":material/forum:",
        )
        st.page_link("pages/chat.py", label="Chat", icon=":material/chat:")
        return
    summaries, suggested = offered
    picked = st.multiselect(
        "Conversations",
        list(summaries),
        default=suggested,
        format_func=lambda each: summaries[each].title or "Untitled",
        key=f"replay_{persona_id}",
        help="Those with thumbs down, errors or cut replies are chosen first.",
    )
    draft = session.drafts().get(persona_id)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        version = st.selectbox(
            "With", [SAVED, DRAFT] if draft else [SAVED], width=220, key=f"replay_with_{persona_id}"
        )
        model = st.text_input("Model", placeholder="The persona's", width=220, key="replay_model").strip()
        pairwise = bool(workspace.tests.judge_model) and st.checkbox(
            "Judge which is better",
            key="replay_pairwise",
            help="A judge compares each reply with the recorded one, in both orders.",
        )
        wish = RunWish(
            persona_id=persona_id,
            repeat=1,
            model=model or None,
            draft=draft.text if draft and version == DRAFT else None,
            pairwise=QUESTION if pairwise else "",
        )
        try:
            talks = [_talk(workspace, summaries[each]) for each in picked]
            made = made_replay(persona_id, talks) if talks else None
            forecast = workspace.tests.forecast_made(wish, made) if made else None
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
            args=(workspace.tests, wish, made),
            key="start_replay",
        )
    if forecast:
        st.caption(running.told(forecast))


def _offered(
    services: Services, workspace: Workspace, persona_id: str
) -> tuple[dict[str, ConversationSummary], list[str]] | None:
    """The newest conversations with the persona, and those of them that deserve a look."""
    listed = workspace.library.list(Filters(persona_id=persona_id), limit=MOST_OFFERED).conversations
    if not listed:
        return None
    insights = Insights(workspace.usage, services.people, owner=workspace.owner)
    found = insights.suggested(UsageQuery(zone=ZoneInfo("UTC"), persona=persona_id))
    summaries = {summary.id: summary for summary in listed}
    suggested = [each.id for each in found if each.id in summaries][:MOST_SUGGESTED]
    return summaries, suggested


def _talk(workspace: Workspace, summary: ConversationSummary) -> Talk:
    conversation = workspace.chat.conversation(summary.id)
    return Talk(summary.title, conversation.path, conversation.variables)


def _start(tests: Tests, wish: RunWish, made: MadeRun) -> None:
    try:
        open_run(tests.begin_made(wish, made).plan.run.id)
    except PersonaChatError as error:
        notices.say_not_done(error, title="Nothing was replayed")
