"""A better prompt without a browser: proposed by a model, shown change by change, taken whole or in parts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from personachat.services import get_services
from tests.conftest import persona_text
from tests.fake_provider import FakeProvider, Gate, failure, tokens
from tests.pages.conftest import OpenPage

BEFORE = "You are nice to {{user}}.\nWrite short answers to every question that is asked.\nNever guess."
AFTER = "You are kind to {{user}}.\nWrite short answers to every question that is asked.\nNever guess; ask."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "personas"
    made.mkdir()
    (made / "tutor.json").write_text(persona_text("tutor", name="Tutor", systemPrompt=BEFORE))
    return made


@pytest.fixture
def at(open_home: OpenPage, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-key-of-the-test-that-nobody-may-see")
    page = open_home()
    page.switch_page("pages/personas.py")
    page.query_params["id"] = "tutor"
    return press(page)


def press(at: AppTest, key: str = "") -> AppTest:
    if key:
        at.button(key=key).click()
    at.run()
    assert not at.exception
    return at


def propose(at: AppTest, fake: FakeProvider, words: str) -> None:
    fake.enqueue(tokens([words]))
    press(at, "improve_ask")
    for _ in range(50):
        if not any(button.key == "improve_stop" for button in at.button):
            return
        press(at)
    pytest.fail("The proposal did not end.")


def prompt(at: AppTest) -> str:
    return str(at.text_area[0].value)


def test_every_change_is_shown_and_nothing_is_taken_before_somebody_does(
    at: AppTest, fake: FakeProvider
) -> None:
    propose(at, fake, AFTER)
    sent = fake.chats[-1].body["messages"]
    assert "{{user}}" in str(sent[-1]["content"])
    assert any("2 changes suggested" in str(text.value) for text in at.markdown)
    assert prompt(at) == BEFORE
    press(at, "improve_all")
    assert prompt(at) == AFTER
    assert json.loads(at.session_state["persona_drafts"]["tutor"].text)["systemPrompt"] == AFTER
    assert not any("suggested" in str(text.value) for text in at.markdown)


def test_only_what_is_ticked_is_taken_and_what_was_typed_meanwhile_stays(
    at: AppTest, fake: FakeProvider
) -> None:
    propose(at, fake, AFTER)
    at.text_area[0].set_value(BEFORE.replace("short", "very short"))
    boxes = [box for box in at.checkbox if str(box.key).startswith("improve_take-")]
    boxes[0].set_value(False)
    press(at, "improve_some")
    assert prompt(at) == BEFORE.replace("short", "very short").replace("Never guess.", "Never guess; ask.")


def test_a_prompt_that_was_changed_in_the_same_place_stays_and_says_so(
    at: AppTest, fake: FakeProvider
) -> None:
    propose(at, fake, AFTER)
    at.text_area[0].set_value("All is new.")
    press(at)
    press(at, "improve_all")
    assert prompt(at) == "All is new."
    assert any("nothing was applied" in str(info.value) for info in at.info)


def test_whoever_asks_again_stops_what_was_being_written(at: AppTest, fake: FakeProvider) -> None:
    gate = Gate()
    fake.enqueue(tokens(["Once", gate]))
    press(at, "improve_ask")
    first = get_services().runner.find(str(at.session_state["improving.tutor"]))
    assert first is not None
    gate.wait_reached()
    propose(at, fake, AFTER)
    assert first.snapshot().state == "stopped"
    gate.open()
    press(at, "improve_all")
    assert prompt(at) == AFTER


def test_a_refusal_is_no_proposal_and_a_failure_says_why(at: AppTest, fake: FakeProvider) -> None:
    propose(at, fake, "I'm sorry, but I can't help with that.")
    assert any("suggests no changes" in str(info.value) for info in at.info)
    press(at, "improve_close")
    fake.enqueue(failure(401, "Nobody may see this."))
    press(at, "improve_ask")
    for _ in range(50):
        if at.error:
            break
        press(at)
    assert [error.title for error in at.error] == ["The API key was rejected"]
    assert prompt(at) == BEFORE


def test_the_small_offline_model_does_not_pretend(at: AppTest) -> None:
    at.session_state["remembered_offline"] = "yes"
    at.query_params["offline"] = "yes"
    press(at)
    popover = next(each for each in at.get("popover") if "Improve" in str(each.proto.popover.label))
    assert popover.proto.popover.disabled
    assert "can't improve prompts" in popover.proto.popover.help


def test_where_it_was_asked_closes_once_the_suggestion_begins(at: AppTest, fake: FakeProvider) -> None:
    def popover_id() -> str:
        return next(str(each.proto.id) for each in at.get("popover") if "Improve" in each.proto.popover.label)

    before = popover_id()
    propose(at, fake, AFTER)
    assert popover_id() != before  # to the browser it is another one, and closed
