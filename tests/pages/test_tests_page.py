"""The Tests page without a browser: from no tests at all to results case by case."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from personachat.accounts.rights import PersonaAccess
from personachat.lab.runs.forecast import RunForecast
from personachat.services import get_services
from personachat.ui import session
from personachat.ui.tests.running import summary
from personachat.ui.tests.state import view_key
from personachat.ui.wording import JOINER
from tests.fake_provider import FakeProvider, tokens
from tests.lab.scripted import verdict
from tests.pages.conftest import OpenPage
from tests.pages.tests_page import SUITE, owners_tests, run_all, texts, visit

pytestmark = pytest.mark.usefixtures("local")


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


def test_a_forecast_never_takes_no_time() -> None:
    known: dict[str, Any] = dict.fromkeys((each.name for each in fields(RunForecast)), 0)
    assert "about 1 s." in summary(RunForecast(**known | {"model": "fake-1", "seconds": 0.2}))
