"""How much the personas page asks the database in one run, counted: a click waits for each of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.conftest import persona_text
from tests.pages.conftest import OpenPage
from tests.personas.store.counting import statements

TABLES = "FROM persona_", "INTO persona_", "UPDATE persona_", "test_runs"
"""What belongs to the page; the processes' own heartbeats fall into its runs by chance."""

PERSONAS = 60


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "personas"
    made.mkdir()
    for persona_id in ("default-persona", *(f"p{number:02}" for number in range(PERSONAS))):
        (made / f"{persona_id}.json").write_text(persona_text(persona_id))
    return made


@pytest.fixture
def at(open_home: OpenPage) -> AppTest:
    """The page with one of many personas open, after a first run."""
    at = open_home()
    at.switch_page("pages/personas.py")
    at.query_params["id"] = "p01"
    return through_home(at)


def through_home(at: AppTest) -> AppTest:
    """Run as a browser does: AppTest alone would run the page's file without Home.py and its frame."""
    if "sent_home" in at.session_state:
        del at.session_state["sent_home"]
    at.run()
    assert not at.exception
    return at


def questions(act: Callable[[], object]) -> list[str]:
    with statements() as asked:
        act()
    return [each for each in asked if any(table in each for table in TABLES)]


def open_tab(at: AppTest, name: str) -> AppTest:
    at.session_state["persona_tab"] = name
    return through_home(at)


def test_a_run_asks_for_each_thing_once(at: AppTest) -> None:
    asked = questions(lambda: through_home(at))

    assert len(set(asked)) == len(asked)
    assert len(asked) <= 7


@pytest.mark.parametrize("tab", ["JSON", "Preview", "Lore"])
def test_no_other_tab_asks_more(at: AppTest, tab: str) -> None:
    open_tab(at, tab)

    assert len(questions(lambda: through_home(at))) <= 7


def test_the_history_asks_for_its_own_as_well(at: AppTest) -> None:
    open_tab(at, "History")

    assert len(questions(lambda: through_home(at))) <= 14


def test_a_persona_that_is_opened_asks_no_more(at: AppTest) -> None:
    at.button(key="persona-p07").click()

    assert len(questions(lambda: through_home(at))) <= 7


def test_a_key_in_the_prompt_writes_the_draft_and_asks_no_more(at: AppTest) -> None:
    at.text_area[0].set_value("Be brief and kind.")

    asked = questions(lambda: through_home(at))
    assert any(each.startswith("UPDATE persona_drafts") for each in asked)
    assert len(asked) <= 12
