"""Labelling replies with one key each, and using the thumbs in chats as labels."""

from __future__ import annotations

import streamlit as st

from personachat.errors import PersonaChatError
from personachat.lab.labelling import GENERAL, Labelling, ToLabel
from personachat.lab.labels import ENOUGH, Agreement
from personachat.lab.suites.model import JudgeQuestion
from personachat.lab.suites.stored_suite import StoredSuite
from personachat.lab.testing import Tests
from personachat.lab.thumbs import ThumbsJob
from personachat.ui import notices
from personachat.ui.tests import pair_labelling
from personachat.ui.tests.chips import count_of, draw_chip
from personachat.ui.tests.label_keys import LabelKeys
from personachat.ui.tests.state import tests_state
from personachat.ui.wording import counted, error_text, escaped

EVERY_SECONDS = 1.0
SINGLE, PAIRS = "Single replies", "Pairs"


def draw(tests: Tests, persona_id: str, stored_suite: StoredSuite | None) -> None:
    """One reply or one pair at a time; below it, the thumbs."""
    labelling = tests.labelling
    pairs = tests.pairs.due(persona_id, without=tests_state().skipped)
    if (pairs or tests_state().labelled_pairs) and _wants_pairs(persona_id):
        pair_labelling.draw(tests, pairs)
        return
    due = labelling.due(persona_id, without=tests_state().skipped)
    if due:
        _draw_one(labelling, due[0], left=len(due))
    else:
        _draw_nothing(labelling)
    _draw_keys(labelling, due[0] if due else None)
    st.space("small")
    _draw_thumbs(tests, persona_id, stored_suite)


def _wants_pairs(persona_id: str) -> bool:
    picked = st.segmented_control(
        "What to label",
        (SINGLE, PAIRS),
        default=SINGLE,
        key=f"label_what_{persona_id}",
        label_visibility="collapsed",
        persist_state="session",
    )
    return picked == PAIRS


def _draw_nothing(labelling: Labelling) -> None:
    if tests_state().skipped:
        st.info("Only replies that you skipped are left.", icon=":material/done_all:")
        st.button("Show them again", key="show_skipped", on_click=tests_state().skipped.clear)
        return
    if done := tests_state().labelled:
        last = done[-1].answer
        agreement = labelling.agreement(question=last.question, judge=last.judge)
        st.info("All replies are labelled.", icon=":material/done_all:")
        st.markdown(f"**{escaped(last.question)}**")
        _draw_agreement(agreement, count_of(agreement))
        if not agreement.calibrated:
            st.caption("Run the tests again to get new replies to label.")
        return
    st.info(
        "Run a suite with a question for the judge. Its replies appear here one by one, and you give the "
        "right answer to each.",
        title="Nothing to label",
        icon=":material/gavel:",
    )


def _draw_one(labelling: Labelling, item: ToLabel, *, left: int) -> None:
    agreement = labelling.agreement(question=item.answer.question, judge=item.answer.judge)
    _draw_agreement(agreement, f"{count_of(agreement)} · {left:,} to label")
    st.markdown(f"**{escaped(item.answer.question)}**")
    try:
        message = labelling.message_before(item)
    except PersonaChatError:
        message = ""
    st.caption("User")
    st.text(message)
    st.caption("Reply")
    with st.container(border=True):
        st.text(item.reply)


def _draw_agreement(agreement: Agreement, count: str) -> None:
    """How well the judge agrees: the chip, the count of labels, and a calibrated judge's figures."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        draw_chip(agreement)
        st.caption(count, width="content")
    st.progress(min(1.0, agreement.count / ENOUGH))
    if agreement.calibrated:
        st.caption(escaped(agreement.sentence))


def _draw_keys(labelling: Labelling, item: ToLabel | None) -> None:
    done = tests_state().labelled
    LabelKeys(labelling, done).draw(item, {"Yes": ("Y", True), "No": ("N", False)})
    if done:
        last = done[-1].answer
        verdict = "yes" if last.verdict else "no"
        st.caption(f"Before: the judge said {verdict}. {escaped(last.reason)}")


# --- thumbs ------------------------------------------------------------------------------------------


def _draw_thumbs(tests: Tests, persona_id: str, stored_suite: StoredSuite | None) -> None:
    labelling = tests.labelling
    with st.expander("Use your thumbs as labels", icon=":material/thumbs_up_down:", key="thumbs"):
        st.caption(
            "The judge looks at replies that you rated in chats. A thumbs up counts as the answer that "
            "passes, a thumbs down as the other one."
        )
        job = labelling.thumbs_job()
        if job and not job.over:
            _follow(labelling)
            st.button("Cancel", icon=":material/stop:", key="cancel_thumbs", on_click=_cancel, args=(job,))
            return
        if job:
            _draw_outcome(job)
        own_questions = tuple(stored_suite.suite.judged) if stored_suite and stored_suite.suite else ()
        questions = {each.question: each for each in (GENERAL, *own_questions)}
        question = questions[st.selectbox("Question", list(questions), key=f"thumbs_question_{persona_id}")]
        try:
            judge, rated = labelling.judge, labelling.rated(persona_id, question=question)
        except PersonaChatError as error:
            st.warning(error_text(error), icon=":material/cloud_off:")
            return
        if judge is None:
            st.warning(
                "No judge is set. Ask the person who runs this server to set `PERSONACHAT_JUDGE_MODEL`.",
                icon=":material/gavel:",
            )
        elif not rated:
            st.caption("No rated replies are left. Rate replies in the chat with thumbs up and thumbs down.")
        else:
            st.button(
                "Label 1 rated reply" if len(rated) == 1 else f"Label {len(rated)} rated replies",
                icon=":material/thumbs_up_down:",
                key="label_by_thumbs",
                help=f"{counted(len(rated), 'call')} to {judge}.",
                disabled=not tests.may_edit,
                on_click=_begin,
                args=(labelling, persona_id, question),
            )


def _draw_outcome(job: ThumbsJob) -> None:
    notice = f"{counted(job.labelled, 'label')} added."
    if job.unread:
        notice += f" {job.unread} without an answer from the judge."
    st.caption(escaped(f"{notice} {job.trouble}".strip()))


@st.fragment(run_every=EVERY_SECONDS)
def _follow(labelling: Labelling) -> None:
    job = labelling.thumbs_job()
    if job is None or job.over:
        st.rerun()
    st.progress(job.done / job.planned if job.planned else 1.0, text=f"{job.done} of {job.planned} replies")


def _cancel(job: ThumbsJob) -> None:
    job.cancelled = True


def _begin(labelling: Labelling, persona_id: str, question: JudgeQuestion) -> None:
    try:
        labelling.label_by_thumbs(
            persona_id, labelling.rated(persona_id, question=question), question=question
        )
    except PersonaChatError as error:
        notices.say_not_done(error, title="No labels were added")
