"""The form of a suite edits the very text of the editor beside it, and shows what was typed there."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from personachat.lab.suites.model import Check
from personachat.lab.suites.reading import parse_suite
from personachat.ui.tests.checks_form import KINDS, beginning_of
from personachat.ui.tests.state import SUITE, TestsState, view_key
from tests.pages.conftest import OpenPage
from tests.pages.conversing import be_local, click, make_personas
from tests.pages.test_tests_page import owners_tests, texts, visit

TEXT = """\
# What it promises
persona: second
repeat: 2
cases:
  - name: greets   # kindly
    say: Hi
    check:
      - contains: ["You said"]
      - words: { at_most: 80 }   # short
  - name: asks
    turns: [{ user: Well }, { assistant: Yes? }]
    say: Why
    check: [ { judge: Is it kind? }, { banned: true }, { json: { type: object } } ]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_personas(tmp_path / "personas")


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    be_local(monkeypatch)


@pytest.fixture
def page(open_home: OpenPage) -> AppTest:
    opened = open_home()
    owners_tests().save_suite("second", TEXT)
    opened.session_state[view_key("second")] = SUITE
    return visit(opened, suite="second")


def text_of(page: AppTest) -> str:
    """What the editor shows."""
    state: TestsState = page.session_state["tests_page"]
    return state.mounts["second"].text


def fill(page: AppTest, label: str, value: str) -> None:
    fields = [*page.text_input, *page.text_area]
    next(each for each in fields if each.label == label).set_value(value).run()
    assert not page.exception


def number(page: AppTest, label: str, value: int | None) -> None:
    next(each for each in page.number_input if each.label == label).set_value(value).run()
    assert not page.exception


def test_a_field_changes_one_thing_and_leaves_the_rest_to_the_letter(page: AppTest) -> None:
    fill(page, "Name", "greets: warmly")
    fill(page, "Contains all of these", "You said\nHi")
    number(page, "At most", 40)
    number(page, "Repeats", 5)
    assert text_of(page) == TEXT.replace("name: greets ", "name: 'greets: warmly' ").replace(
        '["You said"]', "[You said, Hi]"
    ).replace("{ at_most: 80 }", "{at_most: 40}").replace("repeat: 2", "repeat: 5")
    click(page, "save_suite")
    assert owners_tests().suite("second").whole().cases[0].name == "greets: warmly"


def test_cases_are_added_moved_and_deleted(page: AppTest) -> None:
    click(page, "form_add")
    assert [case.name for case in parse_suite(text_of(page)).cases] == ["greets", "asks", "Case 3"]
    click(page, "form_arrow_upward")
    assert [case.name for case in parse_suite(text_of(page)).cases] == ["greets", "Case 3", "asks"]
    click(page, "form_delete")
    assert [case.name for case in parse_suite(text_of(page)).cases] == ["greets", "asks"]
    assert "# kindly" in text_of(page)
    assert "# What it promises" in text_of(page)


def test_turns_and_checks_are_added_and_removed(page: AppTest) -> None:
    next(each for each in page.selectbox if each.label == "Case").set_value(1).run()
    assert "Is JSON: only the text beside shows this." in texts(page)
    fill(page, "A judge is asked", "Is it very kind?")
    fill(page, "2. The assistant said", "Go on")
    click(page, "form_small_swap_0")
    click(page, "form_turn_1")
    new = next(each for each in page.selectbox if each.label == "Add a check")
    new.set_value("words").run()
    click(page, "form_small_check_1")
    case = parse_suite(text_of(page)).cases[1]
    assert [(bool(turn.user), turn.words) for turn in case.turns] == [
        (False, "Well"),
        (False, "Go on"),
        (True, "Hi"),
    ]
    assert [check.kind for check in case.check] == ["judge", "json", "words"]
    assert case.check[0].wanted == "Is it very kind?"


def test_what_was_typed_into_the_editor_is_in_the_form_and_the_other_way_round(page: AppTest) -> None:
    state: TestsState = page.session_state["tests_page"]
    mount = state.mounts["second"]
    page.session_state[mount.key] = TEXT.replace("greets", "waves")
    page.run()
    assert next(each for each in page.text_input if each.label == "Name").value == "waves"
    fill(page, "The user says", "Hello")
    assert text_of(page) == TEXT.replace("greets", "waves").replace("say: Hi", "say: Hello")


def test_the_form_waits_for_a_text_that_can_be_read(page: AppTest) -> None:
    state: TestsState = page.session_state["tests_page"]
    page.session_state[state.mounts["second"].key] = "persona: [second"
    page.run()
    assert not page.exception
    assert "The form shows a suite once its text can be read as one." in texts(page)


@pytest.mark.parametrize(
    "text", ["cases: 3", "cases: [1, 2]", "- a", "persona: second\ncases:\n  - name: 3\n"]
)
def test_no_text_breaks_the_form(page: AppTest, text: str) -> None:
    state: TestsState = page.session_state["tests_page"]
    page.session_state[state.mounts["second"].key] = text
    page.run()
    assert not page.exception


def test_every_check_can_be_chosen_and_begins_as_one_that_can_be_run() -> None:
    assert set(KINDS) == {field.alias or name for name, field in Check.model_fields.items()}
    for kind in KINDS:
        assert Check.model_validate({kind: beginning_of(kind)}, strict=False).kind == kind
