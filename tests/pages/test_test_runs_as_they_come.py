"""Replies of a running test are on the Tests page as they come, whatever kind of run it is."""

from __future__ import annotations

from contextlib import closing

import pytest
from streamlit.testing.v1 import AppTest

from personachat.lab.on_save import TestSettings
from personachat.lab.runs.options import RunKind
from personachat.lab.runs.wish import RunWish
from personachat.owners import LOCAL_OWNER
from personachat.services import build_services, get_services
from personachat.ui.tests.replaying import WEEK
from personachat.ui.tests.state import REPLAYS, STRESS, SWEEPS, view_key
from personachat.ui.wording import JOINER
from tests.fake_provider import FakeProvider, Gate, tokens
from tests.lab.conftest import ended
from tests.pages.conftest import OpenPage
from tests.pages.conversing import converse
from tests.pages.tests_page import SUITE, owners_tests, texts, visit

pytestmark = pytest.mark.usefixtures("local")


def test_replies_are_shown_as_they_come(open_home: OpenPage, fake: FakeProvider) -> None:
    page = open_home()
    owners_tests().suites.save("second", SUITE)
    visit(page, suite="second")
    gate = Gate()
    fake.enqueue(*(tokens(["Is it so?"]) for _ in range(3)), tokens([gate, "x"]))
    page.button(key="run_tests").click().run()
    live = owners_tests().runs.live(owners_tests().runs.of("second")[0].id)
    assert live is not None
    with live.changed:
        assert live.changed.wait_for(lambda: len(live.cells) == 3, 20)
    page.run()
    assert not page.exception
    labels = [each.label.replace(JOINER, "") for each in page.expander]
    assert sum("passed so far" in each for each in labels) == 2
    assert "Is it so?" in texts(page)
    gate.open()
    ended(live)
    page.run()
    assert not page.exception
    assert not any("so far" in each.label for each in page.expander)


def while_one_is_held(page: AppTest, *, button: str, kind: RunKind, gate: Gate, count: int) -> str:
    """Begin a run whose last reply waits at the gate; what the page says once `count` replies are there."""
    page.button(key=button).click().run()
    (run,) = owners_tests().runs.of("second", kind=kind)
    live = owners_tests().runs.live(run.id)
    assert live is not None
    with live.changed:
        assert live.changed.wait_for(lambda: len(live.cells) == count, 20)
    page.run()
    assert not page.exception
    said = texts(page)
    gate.open()
    ended(live)
    return said


def test_replayed_replies_are_shown_as_they_come(open_home: OpenPage, fake: FakeProvider) -> None:
    page = open_home()
    converse("Trams", persona_id="second")
    converse("Buses", persona_id="second")
    page.session_state[view_key("second")] = REPLAYS
    visit(page, suite="second")
    page.selectbox(key="replay_way_second").set_value(WEEK)
    page.selectbox(key="replay_course").set_value("Follow the new replies").run()
    gate = Gate()
    fake.enqueue(tokens(["On rails"]), tokens([gate, "x"]))
    said = while_one_is_held(page, button="start_replay", kind="replay", gate=gate, count=1)
    assert "On rails" in said
    assert "Following the new replies" in said


def test_a_sweep_shows_its_replies_as_they_come(open_home: OpenPage, fake: FakeProvider) -> None:
    page = open_home()
    page.session_state[view_key("second")] = SWEEPS
    visit(page, suite="second")
    page.multiselect(key="sweep_tone").set_value(["warm", "dry", "kind"])
    page.text_area(key="sweep_message").set_value("Who are you?").run()
    gate = Gate()
    fake.enqueue(tokens(["A tram"]), tokens(["A tram"]), tokens([gate, "x"]))
    said = while_one_is_held(page, button="start_sweep", kind="sweep", gate=gate, count=2)
    assert said.count("A tram") == 2
    assert not [each for each in page.button if each.label == "Use this one"]


def test_a_stress_talk_is_shown_round_by_round(
    open_home: OpenPage, fake: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERSONACHAT_JUDGE_MODEL", "fake-2")
    page = open_home()
    stored = get_services().personas.get("second")
    get_services().personas.save(TestSettings(questions=("Is it kind?",)).written_into(stored.text))
    page.session_state[view_key("second")] = STRESS
    visit(page, suite="second")
    page.number_input(key="stress_rounds").set_value(2)
    page.text_input(key="stress_probes").set_value("2").run()
    gate = Gate()
    fake.enqueue(
        tokens(['{"message": "Who are you?", "done": false}']),
        tokens(["I am Second."]),
        tokens([gate, '{"message": "", "done": true}']),
    )
    said = while_one_is_held(page, button="start_stress", kind="stress", gate=gate, count=1)
    assert "Who are you?" in said
    assert "I am Second." in said
    assert not page.get("echarts_chart")


def test_a_running_suite_shows_how_far_it_is_and_can_be_cancelled(
    open_home: OpenPage, fake: FakeProvider
) -> None:
    page = open_home()
    owners_tests().suites.save("second", SUITE)
    visit(page, suite="second")
    gate = Gate()
    fake.enqueue(*(tokens([gate, "x"]) for _ in range(4)))
    page.button(key="run_tests").click().run()
    live = owners_tests().runs.live(owners_tests().runs.of("second")[0].id)
    assert live is not None
    assert not page.metric  # nothing that would be wrong a second later
    assert "The first reply is shown when it is whole." in texts(page)
    assert page.get("progress")[0].proto.text == "0 of 4 replies, 0 passed"
    page.button(key="cancel_run").click().run()
    ended(live)
    gate.open()
    page.run()
    assert page.button(key="resume_run").label == "Run the 4 missing replies"


def test_a_suite_that_runs_on_another_server_is_followed_and_cancelled(
    open_home: OpenPage, fake: FakeProvider
) -> None:
    page = open_home()
    owners_tests().suites.save("second", SUITE)
    gate = Gate()
    fake.enqueue(*(tokens([gate, "x"]) for _ in range(4)))
    with closing(build_services(get_services().settings)) as elsewhere:
        live = elsewhere.of(LOCAL_OWNER).tests.start(RunWish(persona_id="second"))
        visit(page, suite="second")
        assert not page.metric
        assert page.get("progress")[0].proto.text == "0 of 4 replies, 0 passed"
        page.button(key="cancel_run").click().run()
        ended(live)
        gate.open()
    page.run()
    assert page.button(key="resume_run").label == "Run the 4 missing replies"
