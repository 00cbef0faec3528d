"""Labelling on the Tests page: a key a reply, undo, skip, and the thumbs of chats."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from personachat.services import get_services
from personachat.ui.tests.state import LABELS, view_key
from tests.fake_provider import FakeProvider, tokens
from tests.lab.scripted import verdict
from tests.pages.conftest import OpenPage
from tests.pages.conversing import be_local, converse
from tests.pages.tests_page import owners_tests, run_all, texts, visit

QUESTION = "Is the reply kind?"
SUITE = f"""\
persona: second
repeat: 2
cases: [{{ name: kind, say: Hi, check: [{{ judge: {QUESTION} }}] }}]
"""


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    be_local(monkeypatch)
    monkeypatch.setenv("PERSONACHAT_JUDGE_MODEL", "fake-2")
    monkeypatch.setenv("PERSONACHAT_MAX_CONCURRENT_TEST_CALLS", "1")


def button(page: AppTest, name: str) -> str:
    """The key of the button with this label."""
    return str(next(each.key for each in page.button if each.label == name))


def test_replies_are_labelled_by_key_one_after_the_other_and_can_be_undone(
    open_home: OpenPage, fake: FakeProvider
) -> None:
    page = open_home()
    owners_tests().suites.save("second", SUITE)
    visit(page, suite="second")
    for reply in ("You are kind", "You are nice"):
        fake.enqueue(tokens([reply]), tokens([verdict("yes", reply, "Warm words.")]))
    run_all(page)
    page.button_group(key="tests_view_second").set_value(LABELS).run()
    assert not page.exception
    assert QUESTION in texts(page)
    assert "2 to label" in texts(page)
    assert "Warm words." not in texts(page)  # what the judge said mustn't lead
    shortcuts = {each.label: each.proto.shortcut for each in page.button if each.proto.shortcut}
    assert {name: shortcuts[name] for name in ("Yes", "No", "Skip")} == {"Yes": "y", "No": "n", "Skip": "s"}
    page.button(key=button(page, "No")).click().run()
    assert "1 to label" in texts(page)
    assert "the judge said yes. Warm words." in texts(page)
    found = owners_tests().labelling.agreement(question=QUESTION, judge="openai/fake-2")
    assert (found.no_yes, found.count) == (1, 1)
    page.button(key=button(page, "Undo")).click().run()
    assert owners_tests().labelling.agreement(question=QUESTION, judge="openai/fake-2").count == 0
    assert "2 to label" in texts(page)
    for _ in range(2):
        page.button(key=button(page, "Skip")).click().run()
    assert "Only replies that you skipped are left." in texts(page)
    page.button(key="show_skipped").click().run()
    assert "2 to label" in texts(page)
    for _ in range(2):
        page.button(key=button(page, "Yes")).click().run()
    assert "All replies are labelled." in texts(page)
    assert "2 of 30 labels" in texts(page)


def test_without_judged_replies_it_says_what_to_do(open_home: OpenPage) -> None:
    page = open_home()
    owners_tests().suites.save("second", SUITE)
    page.session_state[view_key("second")] = LABELS
    visit(page, suite="second")
    assert "Run a suite with a question for the judge." in texts(page)
    assert "No rated replies are left." in texts(page)


def test_thumbs_of_chats_become_labels(open_home: OpenPage, fake: FakeProvider) -> None:
    page = open_home()
    conversation_id = converse("Trams", persona_id="second")
    here = get_services().of("local")
    here.branches.rate(here.chat.conversation(conversation_id).path[1].id, 1)
    owners_tests().suites.save("second", SUITE)
    page.session_state[view_key("second")] = LABELS
    visit(page, suite="second")
    fake.enqueue(tokens([verdict("yes", "Indeed")]))
    page.selectbox(key="thumbs_question_second").set_value(QUESTION).run()
    assert page.button(key="label_by_thumbs").label == "Label 1 rated reply"
    page.button(key="label_by_thumbs").click().run()
    job = owners_tests().labelling.thumbs_job()
    assert job is not None
    assert job.ended.wait(20)
    page.run()
    assert not page.exception
    assert "1 label added." in texts(page)
    found = owners_tests().labelling.agreement(question=QUESTION, judge="openai/fake-2")
    assert (found.yes_yes, found.count) == (1, 1)
