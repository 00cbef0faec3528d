"""The form of a suite edits the very text of the editor beside it, and shows what was typed there."""

from __future__ import annotations

import json

import pytest
from streamlit.testing.v1 import AppTest

from personachat.errors import SuiteInvalid
from personachat.lab.suites.model import Check, OwnCheck
from personachat.lab.suites.reading import parse_suite
from personachat.ui.tests.checks_form import KINDS, beginning_of
from personachat.ui.tests.state import SUITE, TestsState, view_key
from tests.pages.conftest import OpenPage
from tests.pages.conversing import click
from tests.pages.tests_page import owners_tests, texts, visit

pytestmark = pytest.mark.usefixtures("local")

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
def page(open_home: OpenPage) -> AppTest:
    opened = open_home()
    owners_tests().suites.save("second", TEXT)
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
    ).replace("{ at_most: 80 }", "{ at_most: 40 }").replace("repeat: 2", "repeat: 5")
    click(page, "save_suite")
    assert owners_tests().suites.get("second").whole().cases[0].name == "greets: warmly"


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
    assert case.check[0].expected == "Is it very kind?"


def checks_page(open_home: OpenPage, *checks: str) -> tuple[AppTest, str]:
    """The form of a suite with one case that has these checks, and the suite's text."""
    lines = "".join(f"      - {check}\n" for check in checks)
    suite = "persona: second   # mine\ncases:\n  - name: one\n    say: Hi\n    check:\n" + lines
    opened = open_home()
    owners_tests().suites.save("second", suite)
    opened.session_state[view_key("second")] = SUITE
    return visit(opened, suite="second"), suite


def field(page: AppTest, label: str) -> str:
    return str(next(each for each in page.text_area if each.label == label).value)


def test_a_json_schema_has_a_field_that_changes_only_what_is_new(open_home: OpenPage) -> None:
    page, suite = checks_page(
        open_home,
        "json:   # an answer\n          type: object   # nothing else\n          required: [mood]",
        "words: 3   # short",
    )
    assert json.loads(field(page, "JSON Schema")) == {"type": "object", "required": ["mood"]}
    fill(page, "JSON Schema", '{"type": "object", "required": ["mood", "why"], "$id": "a"}')
    changed = suite.replace("[mood]", "[mood, why]\n          $id: a")
    assert text_of(page) == changed
    fill(page, "JSON Schema", "type: object\nrequired: [mood]")  # YAML is fine, too
    assert text_of(page) == suite
    fill(page, "JSON Schema", "")
    assert parse_suite(text_of(page)).cases[0].check[0].expected is True
    assert "words: 3   # short" in text_of(page)


def test_a_check_for_json_gets_a_schema(open_home: OpenPage) -> None:
    page, suite = checks_page(open_home, "json: true   # any")
    fill(page, "JSON Schema", '{"type": "array"}')
    assert text_of(page) == suite.replace("json: true", "json: {type: array}")


@pytest.mark.parametrize("typed", ["{", "[1]", "a: &x [*x]", '"text"', "!!python/name:os.system a"])
def test_what_is_no_mapping_stays_in_the_field_with_the_reason(open_home: OpenPage, typed: str) -> None:
    page, suite = checks_page(open_home, "json: { type: object }")
    fill(page, "JSON Schema", typed)
    assert text_of(page) == suite
    assert field(page, "JSON Schema") == typed
    assert any(each.value.startswith(":red[") for each in page.caption)


def test_a_schema_that_cannot_be_one_is_marked_in_the_text(open_home: OpenPage) -> None:
    page, _ = checks_page(open_home, "json: { type: object }")
    fill(page, "JSON Schema", '{"type": "nonsense"}')
    assert '{ type: "nonsense" }' in text_of(page)
    with pytest.raises(SuiteInvalid, match="JSON Schema"):
        parse_suite(text_of(page))


def test_own_checks_have_a_field_for_their_options(open_home: OpenPage) -> None:
    page, suite = checks_page(open_home, "own: { name: rhymes }   # of poems")
    assert field(page, "Options") == ""
    fill(page, "Options", '{"scheme": "abab", "strict": true}')
    assert text_of(page) == suite.replace(
        "{ name: rhymes }", "{ name: rhymes, options: {scheme: abab, strict: true} }"
    )
    fill(page, "Options", '{"scheme": "aabb", "strict": true}')
    assert 'options: {scheme: "aabb", strict: true}' in text_of(page)
    fill(page, "Passes the installed check", "verse")
    fill(page, "Options", "")
    assert parse_suite(text_of(page)).cases[0].check[0].expected == OwnCheck(name="verse")
    assert "# of poems" in text_of(page)


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
    assert "The form needs a suite without errors. Fix the text first." in texts(page)


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
