"""The Tests page without a browser: from no tests at all to results case by case."""

from __future__ import annotations

from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from personachat.accounts.rights import PersonaAccess
from personachat.lab.on_save import TestSettings
from personachat.lab.runs.forecast import RunForecast
from personachat.lab.runs.options import RunKind
from personachat.lab.runs.wish import RunWish
from personachat.lab.testing import Tests
from personachat.owners import LOCAL_OWNER
from personachat.personas.persona import parse_persona
from personachat.services import build_services, get_services
from personachat.ui import session
from personachat.ui.tests.replaying import ARCHIVED, PINNED, SEARCH, WEEK
from personachat.ui.tests.running import summary
from personachat.ui.tests.state import ADHERENCE, REPLAYS, STRESS, SWEEPS, view_key
from personachat.ui.wording import JOINER
from tests.fake_provider import FakeProvider, Gate, tokens
from tests.lab.conftest import ended
from tests.lab.scripted import verdict
from tests.pages.conftest import OpenPage
from tests.pages.conversing import be_local, converse, make_personas

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


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_personas(tmp_path / "personas")


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    be_local(monkeypatch)


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


def test_a_persona_without_tests_says_how_to_begin_and_saves_what_it_offers(open_home: OpenPage) -> None:
    page = visit(open_home(), suite="second")
    assert page.main.info[0].value.startswith("A suite says what Second promises")
    page.button(key="write_tests").click().run()
    page.button(key="save_suite").click().run()
    assert not page.exception
    assert owners_tests().suites.get("second").whole().persona == "second"
    assert page.button(key="run_tests").label == "Run tests"


def test_a_run_is_forecast_run_and_shown_case_by_case(open_home: OpenPage) -> None:
    page = open_home()
    owners_tests().suites.save("second", SUITE)
    visit(page, suite="second")
    assert "4 calls to" in texts(page)
    run_all(page)
    figures = {each.label: each.value.replace(JOINER, "") for each in page.metric}
    assert figures["Cases that pass every time"] == "1 of 2"
    assert "9 to 91 %" in {each.delta for each in page.metric}
    labels = [each.label for each in page.expander]
    assert labels[0].startswith(":material/cancel: Asks: failed, 0 of 2")
    assert "<b>" not in labels[1]
    said = texts(page)
    assert "You said: Why" in said
    assert "0 questions; exactly 1 expected." in said


def test_what_changed_since_the_run_before_is_told(open_home: OpenPage, fake: FakeProvider) -> None:
    page = open_home()
    owners_tests().suites.save("second", SUITE)
    visit(page, suite="second")
    run_all(page)
    fake.enqueue(*(tokens(["Why?"]) for _ in range(4)))
    run_all(page)
    assert "**Since the run before:** 1 better, 1 worse" in texts(page)
    (drawn,) = page.get("echarts_chart")
    assert "2 of 4 (15 to 85 %) in the newest run, 2 of 4 (15 to 85 %) in the oldest" in drawn.proto.alt


def test_results_are_shared_by_a_link_that_shows_no_more_than_them(
    open_home: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_home()
    owners_tests().suites.save("second", SUITE)
    visit(page, suite="second")
    run_all(page)
    page.button(key="share_run").click().run()
    (run,) = owners_tests().runs.of("second")
    token = owners_tests().results.link(run.id)
    assert token
    assert any(f"/shared?results={token}" in each.value for each in page.code)
    reader = open_home(results=token)
    reader.switch_page("pages/shared.py").run()
    assert not reader.exception
    assert reader.title[0].value == "Tests of Second"
    assert "**1 of 2 (9 to 91 %)** cases passed in every repeat" in texts(reader)
    assert "You said: Why" in texts(reader)
    assert not reader.main.button
    get_services().accesses.put("second", PersonaAccess("local", "everyone", prompt_visible=False))
    reader.run()
    assert "You said" not in texts(reader)
    assert "Asks" not in texts(reader)
    assert ":material/cancel: Case 2: failed, 0 of 2" in texts(reader)
    page.run()
    page.button(key="unshare_run").click().run()
    reader.run()
    assert not reader.exception
    assert "This link is invalid or was revoked." in " ".join(each.value for each in reader.main.info)


@pytest.mark.parametrize("view", ["Results", "Suite", "Sweep"])
def test_a_suite_whose_file_is_broken_while_it_is_open_is_said_to_be_so(
    open_home: OpenPage, folder: Path, view: str
) -> None:
    page = open_home()
    owners_tests().suites.save("second", SUITE)
    visit(page, suite="second")
    page.button_group(key=view_key("second")).set_value(view).run()
    for broken in (b"cases: [\n", b"\xff\xfe\x00", b"repeat: 0x" + b"f" * 5_000, b""):
        (folder / "second.tests.yaml").write_bytes(broken)
        page.run()
        assert not page.exception
    (folder / "second.tests.yaml").write_text(SUITE, "utf-8")
    page.run()
    assert not page.exception


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


def test_errors_in_a_suite_are_on_their_lines_and_it_cannot_be_run(open_home: OpenPage, folder: Path) -> None:
    (folder / "second.tests.yaml").write_text(SUITE.replace("questions", "questionz"))
    page = visit(open_home(), suite="second")
    assert "Line 9: Unknown key" in texts(page)
    assert page.button(key="save_suite").disabled


def test_a_suite_of_someone_who_may_not_edit_can_be_read(
    open_home: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_home()
    owners_tests().suites.save("second", SUITE)
    monkeypatch.setattr(session, "may_edit_here", lambda _: False)
    visit(page, suite="second")
    assert page.button(key="run_tests").disabled
    page.button_group(key="tests_view_second").set_value("Suite").run()
    assert not page.exception
    assert page.button(key="save_suite").disabled


def test_a_reply_of_a_chat_becomes_a_test_with_what_was_said_before_it(
    open_home: OpenPage, fake: FakeProvider
) -> None:
    page = open_home(persona="second")
    for words in ("Hello: {there}", "Tell me"):
        page.chat_input[0].set_value(words).run()
    choice = ":material/rule: Save as test"
    menu = next(each for each in page.menu_button if choice in each.options)
    menu.set_value(choice).run()
    page.text_input(key="test_name").set_value("Doesn't echo")
    page.text_input(key="test_value").set_value("You said")
    page.run()
    page.button(key="save_test").click().run()
    assert not page.exception
    (case,) = owners_tests().suites.get("second").whole().cases
    assert [turn.words for turn in case.all_turns] == [
        "Hello: {there}",
        "You said: Hello: {there}",
        "Tell me",
    ]
    assert (case.name, case.reference) == ("Doesn't echo", "You said: Tell me")
    assert (case.check[0].kind, case.check[0].expected) == ("not_contains", "You said")


def test_a_judge_is_not_calibrated_until_people_have_answered_too(
    open_home: OpenPage, fake: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERSONACHAT_JUDGE_MODEL", "fake-2")
    page = open_home()
    question = "Is the reply kind?"
    owners_tests().suites.save(
        "second", f"persona: second\nrepeat: 1\ncases: [{{name: a, say: Hi, check: [{{judge: {question}}}]}}]"
    )
    visit(page, suite="second")
    fake.enqueue(tokens(["You are kind"]), tokens([verdict("yes", "You are kind")]))
    run_all(page)
    assert r"Yes\: It says so." in texts(page)
    page.button(key="label_0_0_0_No").click().run()
    assert not page.exception
    found = owners_tests().labelling.agreement(question=question, judge="openai/fake-2")
    assert (found.no_yes, found.count, found.calibrated) == (1, 1, False)
    chips = [each.value for each in page.main.markdown if "Not calibrated" in each.value]
    assert len(chips) == 2  # beside the figures and beside the answer


def test_saved_conversations_are_replayed_and_what_changed_is_shown(
    open_home: OpenPage, fake: FakeProvider
) -> None:
    page = open_home()
    conversation_id = converse("Trams", persona_id="second")
    visit(page, suite="second")
    page.button_group(key="tests_view_second").set_value("Replay").run()
    assert not page.exception
    page.selectbox(key="replay_way_second").set_value(WEEK).run()
    assert page.multiselect(key="replay_second").value == [conversation_id]
    page.selectbox(key="replay_course").set_value("Follow the new replies").run()
    fake.enqueue(tokens(["You said: Go away"]))
    page.button(key="start_replay").click().run()
    (run,) = owners_tests().runs.of("second", kind="replay")
    live = owners_tests().runs.live(run.id)
    if live:
        ended(live)
    page.run()
    assert not page.exception
    assert "% of the words changed" in page.expander[0].label
    assert "You said: Go away" in texts(page)
    assert "Following the new replies" in texts(page)


def test_conversations_to_replay_are_chosen_by_their_marks_and_words(open_home: OpenPage) -> None:
    page = open_home()
    ids = [converse(words, persona_id="second") for words in ("Trams", "Buses", "Ferries")]
    other = converse("Trams")
    library = get_services().of(LOCAL_OWNER).library
    library.pin(ids[0], True)
    library.archive(ids[1], True)
    library.rename(ids[2], "Boats #exam")
    library.rename(other, "Not mine #exam")
    visit(page, suite="second")
    page.button_group(key="tests_view_second").set_value("Replay").run()
    for way, chosen in ((PINNED, ids[:1]), (ARCHIVED, ids[1:2]), (SEARCH, [])):
        page.selectbox(key="replay_way_second").set_value(way).run()
        assert not page.exception
        assert page.multiselect(key="replay_second").value == chosen
    for words, chosen in (("#exam", ids[2:]), ("buses", ids[1:2]), ('"%_*', []), ("trams", ids[:1])):
        page.text_input(key="replay_words_second").set_value(words).run()
        assert not page.exception
        assert page.multiselect(key="replay_second").value == chosen


def test_replies_of_a_run_are_compared_with_those_of_another(
    open_home: OpenPage, fake: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERSONACHAT_JUDGE_MODEL", "fake-2")
    page = open_home()
    owners_tests().suites.save("second", SUITE.replace("repeat: 2", "repeat: 1"))
    visit(page, suite="second")
    run_all(page)
    (other,) = owners_tests().runs.of("second")
    page.selectbox(key="tests_against_second").set_value(other.id).run()

    run_all(page)
    said = texts(page)
    assert "**Compared with those of the other run:** Better in 0 of 2" in said
    assert "Both replies say the same." in said


def test_a_persona_is_told_to_run_its_tests_on_save(open_home: OpenPage, folder: Path) -> None:
    page = open_home()
    owners_tests().suites.save("second", SUITE)
    visit(page, suite="second")
    etag = owners_tests().suites.get("second").persona_id and get_services().personas.get("second").etag
    page.checkbox(key=f"on_save_{etag}").check()
    page.number_input(key=f"on_save_most_{etag}").set_value(0.5).run()
    page.button(key="save_on_save").click().run()
    assert not page.exception
    saved = get_services().personas.get("second").persona.extensions["tests"]
    assert saved == {"onSave": True, "maxCostUsd": 0.5}


def test_questions_are_drafted_edited_kept_and_asked_about_a_conversation(
    open_home: OpenPage, fake: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERSONACHAT_JUDGE_MODEL", "fake-2")
    page = open_home()
    converse("Trams", persona_id="second")
    page.session_state[view_key("second")] = ADHERENCE
    visit(page, suite="second")
    assert page.button(key="start_adherence").disabled
    fake.enqueue(tokens(['{"questions": ["Is the reply warm?"]}']))
    page.button(key="draft_questions").click().run()
    (field,) = page.text_area
    assert field.value == "Is the reply warm?"
    field.set_value("Is the reply kind?").run()
    page.button(key="save_questions").click().run()
    saved = get_services().personas.get("second").persona
    assert saved.extensions["tests"] == {"questions": ["Is the reply kind?"]}
    assert "1 call to" in texts(page)
    fake.enqueue(tokens([verdict("yes", "You said")]))
    page.button(key="start_adherence").click().run()
    (run,) = owners_tests().runs.of("second", kind="adherence")
    live = owners_tests().runs.live(run.id)
    if live:
        ended(live)
    page.run()
    assert not page.exception
    (drawn,) = page.get("echarts_chart")
    assert drawn.proto.alt == "1 of 1 replies have all answers; on average 100 % fit the persona."
    assert "Is the reply kind? **1 of 1" in texts(page)


def test_a_simulated_user_talks_to_the_persona(
    open_home: OpenPage, fake: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERSONACHAT_JUDGE_MODEL", "fake-2")
    page = open_home()
    page.session_state[view_key("second")] = STRESS
    visit(page, suite="second")
    assert page.button(key="start_stress").disabled
    assert "There are no questions for the probes." in texts(page)
    stored = get_services().personas.get("second")
    settings = TestSettings(questions=("Is the reply kind?",))
    get_services().personas.save(settings.written_into(stored.text))
    page.number_input(key="stress_rounds").set_value(2)
    page.text_input(key="stress_probes").set_value("2").run()
    assert "2 calls to" in texts(page)
    fake.enqueue(
        tokens(['{"message": "Who are you?", "done": false}']),
        tokens(["I am Second."]),
        tokens(['{"message": "And now?", "done": true}']),
        tokens(["Still Second."]),
        tokens([verdict("yes", "Still Second")]),
    )
    page.button(key="start_stress").click().run()
    (run,) = owners_tests().runs.of("second", kind="stress")
    live = owners_tests().runs.live(run.id)
    if live:
        ended(live)
    page.run()
    assert not page.exception
    (drawn,) = page.get("echarts_chart")
    assert drawn.proto.alt == "Answers that fit the persona: round 2 100 %."
    said = texts(page)
    assert "The talk ended after round 2." in said
    assert "Who are you?" in said
    assert "Still Second." in said
    page.selectbox(key=f"stress_requests_{run.id}").set_value(2).run()
    assert not page.exception
    assert "You play a person" in texts(page)


def test_a_talk_that_stops_early_says_so_once_and_draws_no_empty_chart(
    open_home: OpenPage, fake: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERSONACHAT_JUDGE_MODEL", "fake-2")
    page = open_home()
    stored = get_services().personas.get("second")
    settings = TestSettings(questions=("Is the reply kind?",))
    get_services().personas.save(settings.written_into(stored.text))
    page.session_state[view_key("second")] = STRESS
    visit(page, suite="second")
    page.number_input(key="stress_rounds").set_value(4)
    page.text_input(key="stress_probes").set_value("4").run()
    fake.enqueue(tokens(["No object"]), tokens(["Again none"]))
    page.button(key="start_stress").click().run()
    (run,) = owners_tests().runs.of("second", kind="stress")
    live = owners_tests().runs.live(run.id)
    if live:
        ended(live)
    page.run()
    assert not page.exception
    said = texts(page)
    assert "Round 1: The simulated user's answer can't be read" in said
    assert "The talk stopped there, with 3 rounds left." in said
    assert "Round 2" not in said
    assert not page.get("echarts_chart")
    assert "No probe has all its answers." in said


def test_a_sweep_is_forecast_drawn_as_a_grid_and_becomes_the_draft(open_home: OpenPage) -> None:
    page = open_home()
    page.session_state[view_key("second")] = SWEEPS
    visit(page, suite="second")
    assert page.button(key="start_sweep").disabled
    page.multiselect(key="sweep_tone").set_value(["warm", "dry"])
    page.multiselect(key="sweep_temperature").set_value([0.3])
    page.text_area(key="sweep_message").set_value("Who are you?").run()
    assert "2 calls to" in texts(page)
    page.button(key="start_sweep").click().run()
    (run,) = owners_tests().runs.of("second", kind="sweep")
    live = owners_tests().runs.live(run.id)
    if live:
        ended(live)
    page.run()
    assert not page.exception
    assert "**tone dry, temperature 0.3**" in texts(page)
    assert "You said: Who are you?" in texts(page)
    assert page.multiselect(key="sweep_tone").value == ["warm", "dry"]  # to change one and try again
    assert page.text_area(key="sweep_message").value == "Who are you?"
    page.button(key=f"use_{run.id}_1").click().run()
    assert not page.exception
    draft = parse_persona(page.session_state["persona_drafts"]["second"].text)
    assert (draft.personality.tone, draft.temperature) == ("dry", 0.3)
    assert page.query_params["id"] == "second"


def test_forms_keep_what_was_chosen_while_another_view_is_open(open_home: OpenPage) -> None:
    page = open_home()
    page.session_state[view_key("second")] = STRESS
    visit(page, suite="second")
    page.text_area(key="stress_goal").set_value("You want a discount.")
    page.number_input(key="stress_rounds").set_value(7).run()
    page.button_group(key="tests_view_second").set_value(ADHERENCE).run()
    (questions,) = page.text_area
    questions.set_value("Is the reply firm?").run()
    page.button_group(key="tests_view_second").set_value(STRESS).run()
    assert page.text_area(key="stress_goal").value == "You want a discount."
    assert page.number_input(key="stress_rounds").value == 7
    page.button_group(key="tests_view_second").set_value(ADHERENCE).run()
    assert [each.value for each in page.text_area] == ["Is the reply firm?"]


def test_a_sweep_with_too_many_replies_says_so(open_home: OpenPage) -> None:
    page = open_home()
    page.session_state[view_key("second")] = SWEEPS
    visit(page, suite="second")
    for name in ("tone", "style", "formality"):
        box = page.multiselect(key=f"sweep_{name}")
        box.set_value(list(box.options))
    page.multiselect(key="sweep_temperature").set_value([0.0, 0.3, 0.7])
    page.text_area(key="sweep_message").set_value("Hi").run()
    assert not page.exception
    assert "144 replies" in str(page.warning[0].value)
    assert page.button(key="start_sweep").disabled


def test_tests_of_promptfoo_are_added_to_the_text_and_saved_by_the_person(open_home: OpenPage) -> None:
    page = open_home()
    owners_tests().suites.save("second", SUITE)
    visit(page, suite="second")
    page.button_group(key="tests_view_second").set_value("Suite").run()
    found = b"tests: [{vars: {message: Paris?}, description: Asks, assert: [{type: contains, value: Paris}]}]"
    page.file_uploader[0].upload("promptfooconfig.yaml", found, "application/yaml").run()
    assert not page.exception
    assert len(owners_tests().suites.get("second").whole().cases) == 2
    page.button(key="save_suite").click().run()
    assert not page.exception
    assert [case.name for case in owners_tests().suites.get("second").whole().cases][1:] == [
        "Asks",
        "Asks (2)",
    ]


def test_a_run_of_many_cases_is_drawn_in_parts(open_home: OpenPage) -> None:
    page = open_home()
    cases = "".join(f"  - {{ name: n{each}, say: Hi, check: [{{ words: 3 }}] }}\n" for each in range(45))
    owners_tests().suites.save("second", f"persona: second\nrepeat: 1\ncases:\n{cases}")
    visit(page, suite="second")
    run_all(page)
    assert len(page.expander) == 40
    page.button(key="more").click().run()
    assert len(page.expander) == 45


def test_without_conversations_the_replay_says_what_to_do_first(open_home: OpenPage) -> None:
    page = open_home()
    page.session_state[view_key("second")] = REPLAYS
    visit(page, suite="second")
    assert "Chat with it first." in texts(page)
    assert "Nothing has been replayed yet." in texts(page)
    assert [each.proto.label for each in page.main.get("page_link")] == ["Chat"]


def test_a_forecast_never_takes_no_time() -> None:
    known: dict[str, Any] = dict.fromkeys((each.name for each in fields(RunForecast)), 0)
    assert "about 1 s." in summary(RunForecast(**known | {"model": "fake-1", "seconds": 0.2}))


def test_a_share_of_replies_is_measured_by_itself_and_seen_by_day(
    open_home: OpenPage, fake: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERSONACHAT_JUDGE_MODEL", "fake-2")
    page = open_home()
    converse("Trams", persona_id="second")
    stored = get_services().personas.get("second")
    get_services().personas.save(TestSettings(questions=("Is it kind?",)).written_into(stored.text))
    page.session_state[view_key("second")] = ADHERENCE
    visit(page, suite="second")
    etag = get_services().personas.get("second").etag
    page.number_input(key=f"sample_percent_{etag}").set_value(100.0).run()
    page.button(key="save_sampling").click().run()
    said = get_services().personas.get("second").persona.extensions["tests"]
    assert said == {"questions": ["Is it kind?"], "sampling": {"percent": 100.0}}
    assert "0 of 20 replies" in texts(page)
    fake.enqueue(tokens([verdict("no", "You said")]))
    over = get_services().testing.sampler.look()
    assert over
    assert over.wait(20)
    page.run()
    assert not page.exception
    assert "Is it kind? **0 of 1" in texts(page)
    (drawn,) = page.get("echarts_chart")
    assert drawn.proto.alt == "1 day; 0 of 1 (0 to 79 %) answers fit the persona."
    (link,) = (each for each in page.get("page_link") if ": 0 %" in each.proto.label)
    assert "chat=" in link.proto.query_string
