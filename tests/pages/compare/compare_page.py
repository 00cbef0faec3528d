"""The Compare page for its tests: going there, what it says, beginning a comparison of two personas."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from personachat.lab.comparisons.model import Setup
from personachat.lab.comparisons.service import Comparisons
from personachat.owners import LOCAL_OWNER
from personachat.services import get_services
from tests.lab.comparisons.conftest import ended

PAIR = (Setup(persona_id="ada"), Setup(persona_id="bob"))


def comparisons() -> Comparisons:
    return get_services().of(LOCAL_OWNER).comparisons


def begun(message: str = "Hello?", *, blind: bool = False) -> str:
    comparison_id = comparisons().begin(PAIR, message, blind=blind)
    ended(comparisons(), comparison_id)
    return comparison_id


def visit(page: AppTest, **query: str | list[str]) -> AppTest:
    page.switch_page("pages/compare.py")
    for name, value in query.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception
    return page


def texts(page: AppTest) -> str:
    parts = [*page.main.markdown, *page.main.caption, *page.main.info, *page.main.error, *page.main.text]
    return "\n".join(str(each.value) for each in parts)
