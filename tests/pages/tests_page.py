"""The Tests page for its tests: going there, what it says, running all tests."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from personachat.lab.testing import Tests
from personachat.owners import LOCAL_OWNER
from personachat.services import get_services
from personachat.ui.wording import JOINER
from tests.lab.conftest import ended

SUITE = """\
persona: second
repeat: 2
cases:
  - name: Greets <b>`{x}`</b>
    say: Hi
    check: [ { contains: "You said" } ]
  - name: Asks
    say: Why
    check: [ { questions: 1 } ]
"""


def owners_tests() -> Tests:
    return get_services().of(LOCAL_OWNER).tests


def visit(page: AppTest, **query: str) -> AppTest:
    page.switch_page("pages/tests.py")
    for name, value in query.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception
    return page


def texts(page: AppTest) -> str:
    parts = [*page.main.markdown, *page.main.caption, *page.main.info, *page.main.text]
    return "\n".join(str(each.value) for each in parts).replace(JOINER, "")


def run_all(page: AppTest) -> None:
    """Press Run and wait until it is over."""
    page.button(key="run_tests").click().run()
    (run, *_) = owners_tests().runs.of("second")
    live = owners_tests().runs.live(run.id)
    if live:
        ended(live)
    page.run()
    assert not page.exception
