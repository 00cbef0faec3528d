"""What a suite last came to is seen in the list of personas, beside the open one, and in its history."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from personachat.lab.runs.wish import RunWish
from personachat.services import get_services
from personachat.ui.wording import JOINER
from tests.conftest import persona_text
from tests.lab.conftest import ended
from tests.pages.conftest import OpenPage
from tests.pages.tests_page import SUITE, owners_tests

pytestmark = pytest.mark.usefixtures("local")


def visit(page: AppTest, *, tab: str = "Prompt") -> AppTest:
    page.switch_page("pages/personas.py")
    page.query_params["id"] = "second"
    page.session_state["persona_tab"] = tab
    page.run()
    assert not page.exception
    return page


def row(page: AppTest, persona_id: str) -> str:
    return page.button(key=f"persona-{persona_id}").label.replace(JOINER, "")


def badges(page: AppTest) -> list[str]:
    return [each.value for each in page.markdown if "-badge[" in each.value and " tests" in each.value]


def test_results_are_on_the_row_in_the_head_and_on_the_revision(open_home: OpenPage) -> None:
    page = open_home()
    owners_tests().suites.save("second", SUITE)
    ended(owners_tests().start(RunWish(persona_id="second")))
    visit(page, tab="History")
    assert ":orange-badge[1 of 2 tests]" in row(page, "second")
    assert " tests" not in row(page, "default-persona")
    assert "1 of 2 (9 to 91 %) cases passed in every repeat" in page.button(key="persona-second").help
    assert badges(page) == [":orange-badge[:material/rule: 1 of 2 tests]"] * 2
    get_services().of("local").collection.save(persona_text("second", name="Second", temperature=0.3))
    visit(page, tab="History")
    assert ":gray-badge[1 of 2 tests, outdated]" in row(page, "second")
    assert "The persona changed since" in page.button(key="persona-second").help
    assert badges(page) == [
        ":gray-badge[:material/rule: 1 of 2 tests, outdated]",
        ":orange-badge[:material/rule: 1 of 2 tests]",
    ]


def test_without_results_nothing_is_drawn(open_home: OpenPage) -> None:
    page = visit(open_home(), tab="History")
    assert badges(page) == []
    assert " tests" not in row(page, "second")
