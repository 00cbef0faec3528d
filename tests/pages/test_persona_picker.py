"""The chat page's picker without a browser, among more personas than it offers."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from personachat.owners import LOCAL_OWNER
from personachat.services import get_services
from personachat.ui.chat import persona_finder
from personachat.ui.chat.persona_picker import FIND
from tests.conftest import persona_text
from tests.fake_provider import FakeProvider, Gate, tokens
from tests.pages.conftest import OpenPage
from tests.pages.conversing import be_local


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """More personas than one picker offers."""
    made = tmp_path / "personas"
    made.mkdir()
    for each in range(12):
        (made / f"p-{each:02}.json").write_text(persona_text(f"p-{each:02}", name=f"Persona {each:02}"))
    return made


@pytest.fixture
def open_chat(open_home: OpenPage, monkeypatch: pytest.MonkeyPatch) -> OpenPage:
    be_local(monkeypatch)
    monkeypatch.setattr(persona_finder, "MOST_CHOICES", 5)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-key-of-the-test-that-nobody-may-see")
    return open_home


def offered(at: AppTest) -> list[str]:
    return list(at.selectbox(key="persona_choice").options)


def test_of_many_personas_the_picker_offers_the_first_and_to_find_another(open_chat: OpenPage) -> None:
    at = open_chat()

    assert offered(at) == ["Find another persona…", *(f"Persona {each:02}" for each in range(5))]
    assert at.selectbox(key="persona_choice").value == "p-00"


def test_one_that_is_not_among_the_first_is_offered_while_it_is_chosen(open_chat: OpenPage) -> None:
    at = open_chat(persona="p-11")

    assert at.selectbox(key="persona_choice").value == "p-11"
    assert len(offered(at)) == 6
    assert "Persona 11" in offered(at)


def test_to_find_another_opens_a_search_and_leaves_the_persona_as_it_is(open_chat: OpenPage) -> None:
    at = open_chat(persona="p-11")
    at.selectbox(key="persona_choice").select(FIND).run()

    assert not at.exception
    assert at.text_input(key="find_persona").value == ""
    assert at.selectbox(key="persona_choice").value == "p-11"
    assert at.session_state["remembered_persona"] == "p-11"


def test_of_two_that_are_called_the_same_the_one_that_was_picked_is_talked_to(
    open_chat: OpenPage, folder: Path
) -> None:
    (folder / "p-02.json").write_text(persona_text("p-02", name="Persona 01"))
    at = open_chat()
    assert {"Persona 01 (p-01)", "Persona 01 (p-02)"} <= set(offered(at))
    for each in ("p-01", "p-02"):
        at.selectbox(key="persona_choice").select(each).run()
        at.run()
        assert at.selectbox(key="persona_choice").value == each
        assert at.session_state["remembered_persona"] == each


def test_while_one_searches_the_run_of_the_page_does_not_wait_for_the_end_of_a_reply(
    open_chat: OpenPage, fake: FakeProvider
) -> None:
    gate = Gate()
    fake.enqueue(tokens(["Once upon ", "a time", gate, " it ended."]))
    at = open_chat()
    live = get_services().of(LOCAL_OWNER).chat.begin("Tell", persona_id="p-00")
    while "a time" not in live.snapshot().text:
        live.wait(len(live.wait(0, timeout_seconds=0)), timeout_seconds=10)
    try:
        at.query_params["chat"] = live.conversation_id
        at.selectbox(key="persona_choice").select(FIND).run()
        assert not at.exception
        assert at.text_input(key="find_persona").value == ""
        assert live.live
        assert "Once upon a time" in [each.value for each in at.chat_message[-1].markdown]
    finally:
        gate.open()
