"""Experiments on the Tests page: replays, questions about conversations, simulated users, sweeps."""

from __future__ import annotations

import pytest

from personachat.lab.on_save import TestSettings
from personachat.owners import LOCAL_OWNER
from personachat.personas.persona import parse_persona
from personachat.services import get_services
from personachat.ui.tests.replaying import ARCHIVED, PINNED, SEARCH, WEEK
from personachat.ui.tests.state import ADHERENCE, REPLAYS, STRESS, SWEEPS, view_key
from tests.fake_provider import FakeProvider, Gate, tokens
from tests.lab.conftest import ended
from tests.lab.scripted import verdict
from tests.pages.conftest import OpenPage
from tests.pages.conversing import converse
from tests.pages.tests_page import owners_tests, texts, visit

pytestmark = pytest.mark.usefixtures("local")


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


def test_questions_are_drafted_edited_kept_and_asked_about_a_conversation(
    open_home: OpenPage, fake: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERSONACHAT_JUDGE_MODEL", "fake-2")
    page = open_home()
    converse("Trams", persona_id="second")
    page.session_state[view_key("second")] = ADHERENCE
    visit(page, suite="second")
    assert page.button(key="start_adherence").disabled
    gate = Gate()
    fake.enqueue(tokens([gate, '{"questions": ["Is the reply warm?"]}']))
    page.button(key="draft_questions").click().run()
    assert page.button(key="draft_questions").disabled
    page.text_area[0].set_value("Is it short?").run()  # while the model writes
    gate.open()
    assert page.session_state["tests_page"].question_drafts["second"].ended.wait(20)
    page.run()
    (field,) = page.text_area
    assert field.value == "Is it short?\nIs the reply warm?"
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


def test_without_conversations_the_replay_says_what_to_do_first(open_home: OpenPage) -> None:
    page = open_home()
    page.session_state[view_key("second")] = REPLAYS
    visit(page, suite="second")
    assert "Chat with it first." in texts(page)
    assert "Nothing has been replayed yet." in texts(page)
    assert [each.proto.label for each in page.main.get("page_link")] == ["Chat"]


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
