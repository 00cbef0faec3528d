"""Words from elsewhere on Compare, Tests, Admin and what is shared of them show, and do nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from personachat.accounts.budget import Budget
from personachat.accounts.tokens import Tokens
from personachat.lab.comparisons.model import Setup
from personachat.owners import LOCAL_OWNER
from personachat.services import get_services
from tests.fake_provider import FakeProvider, tokens
from tests.fake_replies import failure
from tests.lab.comparisons.conftest import ended
from tests.lab.conftest import ended as run_ended
from tests.lab.scripted import verdict
from tests.pages.conftest import OpenPage
from tests.pages.conversing import be_local
from tests.pages.test_hostile_words import LONG, NAME, acted_upon, hostile, see

JUDGE = "fake-2"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "personas"
    made.mkdir()
    for persona_id in ("default-persona", "other"):
        (made / f"{persona_id}.json").write_text(hostile(persona_id))
    return made


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    be_local(monkeypatch)
    monkeypatch.setenv("PERSONACHAT_JUDGE_MODEL", JUDGE)


@pytest.fixture
def page(open_home: OpenPage, fake: FakeProvider) -> AppTest:
    fake.models = (LONG, NAME, JUDGE)
    return open_home()


def test_a_comparison_and_what_is_shared_of_it(page: AppTest, fake: FakeProvider) -> None:
    comparisons = get_services().of(LOCAL_OWNER).comparisons
    fake.enqueue(tokens(["Well."]), failure(400, LONG, error_code=NAME))
    setups = (Setup(persona_id="other"), Setup(persona_id="default-persona", model=NAME))
    comparison_id = comparisons.begin(setups, LONG, blind=False)
    ended(comparisons, comparison_id)
    comparisons.rename(comparison_id, LONG[:200])
    see(page, "compare")
    see(page, id=comparison_id)
    comparisons.vote(comparison_id, 1, "A")
    see(page)
    token = comparisons.share(comparison_id)
    see(page, "shared", comparison=token)


def test_a_comparison_that_is_being_made(page: AppTest) -> None:
    for variants in (["other", f"other;model={NAME}"], ["other", LONG, "nobody www.evil.example"]):
        page.query_params["variant"] = variants
        see(page, "compare", message=LONG)


SUITE = {
    "persona": "other",
    "repeat": 1,
    "cases": [
        {
            "name": NAME,
            "say": LONG,
            "check": [{"contains": LONG}, {"matches": "www.evil.example"}, {"judge": f"Is it {LONG[:200]}?"}],
        }
    ],
}


def test_a_suite_its_results_and_what_is_shared_of_them(page: AppTest, fake: FakeProvider) -> None:
    tests = get_services().of(LOCAL_OWNER).tests
    tests.suites.save("other", json.dumps(SUITE))
    see(page, "tests", suite="other")
    for answers in ((tokens(["Well."]), tokens([verdict("no", "Well.", LONG)])), (failure(400, LONG),)):
        fake.enqueue(*answers)
        page.button(key="run_tests").click().run()
        (run, *_) = tests.runs.of("other")
        live = tests.runs.live(run.id)
        if live:
            run_ended(live)
        see(page)
    for view in page.button_group(key="tests_view_other").options:
        page.button_group(key="tests_view_other").set_value(view).run()
        assert not page.exception
        assert acted_upon(page) == [], view
    see(page, "shared", results=tests.results.share(tests.runs.of("other")[-1].id))


def test_the_admin_page(page: AppTest) -> None:
    services = get_services()
    administrator = services.administrator(LOCAL_OWNER)
    tokens_before = Tokens(
        services.database
    )  # as earlier versions took it: today such a persona has to exist
    tokens_before.create(
        name=NAME, owner=LONG[:200], role="editor", created_by=LOCAL_OWNER, personas=frozenset({NAME[:64]})
    )
    administrator.add_budget(Budget(scope="persona", name=NAME[:64], period="day", unit="usd", most=1))
    here = services.of(LOCAL_OWNER, author=LONG[:200])
    here.collection.save(hostile("other", description="Changed www.evil.example"))
    page.switch_page("pages/admin.py").run()
    for section in page.button_group(key="admin_section").options:
        page.button_group(key="admin_section").set_value(section).run()
        assert not page.exception
        assert acted_upon(page) == [], section
