"""The create dialog without a browser: templates, a draft by a model, and what each leaves in the editor."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from personachat.errors import DatabaseUnavailable
from personachat.owners import LOCAL_OWNER
from personachat.personas.persona import Persona, parse_persona
from personachat.personas.templates.gallery import Gallery, shipped
from personachat.services import get_services
from personachat.ui.personas.drafting import PREFIX
from tests.authoring.test_drafting import WISH, WRITTEN
from tests.conftest import persona_text
from tests.fake_provider import FakeProvider, Gate, failure, tokens
from tests.pages.conftest import OpenPage
from tests.pages.conversing import be_local


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A personas folder with the default persona, which asks for a model of the house's."""
    made = tmp_path / "personas"
    made.mkdir()
    (made / "default-persona.json").write_text(persona_text("default-persona", model="house-model"))
    return made


@pytest.fixture
def at(open_home: OpenPage) -> AppTest:
    return open_dialog(open_home)


def open_dialog(open_home: OpenPage) -> AppTest:
    """The personas page with the dialog open."""
    page = open_home()
    page.switch_page("pages/personas.py").run()
    return click(page, "create")


def click(at: AppTest, key: str) -> AppTest:
    at.button(key=key).click().run()
    assert not at.exception
    return at


def cards(at: AppTest) -> list[str]:
    """Ids of the templates that are shown."""
    return [str(each.key).removeprefix("use-") for each in at.button if str(each.key).startswith("use-")]


def opened(at: AppTest) -> tuple[str, Persona]:
    """The one unsaved persona and the id it is open under."""
    ((persona_id, draft),) = at.session_state["persona_drafts"].items()
    assert at.session_state["remembered_id"] == persona_id
    return persona_id, parse_persona(draft.text)


def told(at: AppTest) -> str:
    said = [*at.markdown, *at.caption, *at.warning, *at.error, *at.toast]
    return "\n".join(str(each.value) for each in said)


def describe(at: AppTest, words: str = WISH) -> AppTest:
    at.text_area(key="draft_description").set_value(words)
    return click(at, "draft_it")


def drafting_of(at: AppTest) -> str | None:
    """The reply in which a model writes a persona, if that is what is open."""
    opened_id = str(at.session_state["remembered_id"]) if "remembered_id" in at.session_state else ""
    return opened_id.removeprefix(PREFIX) if opened_id.startswith(PREFIX) else None


def wait_for_draft(at: AppTest) -> None:
    """What the page does by itself every moment; a quick draft is there already."""
    if (reply_id := drafting_of(at)) is None:
        return
    drafting = get_services().runner.find(reply_id)
    assert drafting is not None
    while drafting.live:
        drafting.wait(drafting.version[0], timeout_seconds=10)
    at.run()
    assert not at.exception


def test_every_template_is_a_card_with_its_purpose(at: AppTest) -> None:
    assert cards(at) == [template.id for template in shipped()]
    for template in shipped():
        assert template.persona.name in told(at)
        assert template.persona.examples[0].user in [str(each.value) for each in at.text]


def test_search_and_group_narrow_the_cards(at: AppTest) -> None:
    at.button_group(key="template_group").set_value("Analysis").run()
    assert set(cards(at)) == {each.id for each in shipped() if each.group == "Analysis"}

    at.text_input(key="template_search").set_value("sql QUERY").run()
    assert cards(at) == ["sql-partner"]

    at.text_input(key="template_search").set_value("z*bra").run()
    assert cards(at) == []
    assert r"No template matches “z\*bra”" in told(at)


def test_using_a_template_opens_an_unsaved_copy_for_the_model_of_the_house(at: AppTest, folder: Path) -> None:
    click(at, "use-sql-partner")

    persona_id, persona = opened(at)
    template = next(each for each in shipped() if each.id == "sql-partner")
    assert persona_id == "sql-partner"
    assert persona == template.persona.model_copy(update={"model": "house-model"})
    assert cards(at) == []
    assert not (folder / "sql-partner.json").exists()


def test_a_second_copy_gets_an_id_of_its_own(at: AppTest) -> None:
    click(at, "use-sql-partner")
    click(at, "create")
    click(at, "use-sql-partner")

    assert at.session_state["remembered_id"] == "sql-partner-2"


def test_an_own_template_is_copied_with_its_model_deleted_and_brought_back(open_home: OpenPage) -> None:
    at = open_home()
    get_services().gallery.save(
        Persona(id="mine", name="*Mine*", system_prompt="Hi.", model="my-model"), author="ada"
    )
    at.switch_page("pages/personas.py").run()
    click(at, "create")
    assert cards(at)[-1] == "own-mine"

    click(at, "delete-own-mine")
    assert "own-mine" not in cards(at)
    assert r"\*Mine\*" in told(at)

    click(at, "undo_template")
    assert cards(at)[-1] == "own-mine"

    click(at, "use-own-mine")
    persona_id, persona = opened(at)
    assert (persona_id, persona.model) == ("mine", "my-model")


def test_without_the_database_the_shipped_templates_are_there(
    at: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(_: Gallery) -> None:
        raise DatabaseUnavailable("The database doesn't answer.")

    monkeypatch.setattr(Gallery, "all", down)

    at.run()

    assert len(cards(at)) == len(shipped())
    assert "The database doesn't answer." in told(at)


def test_a_blank_persona_and_a_copy_can_still_be_begun(at: AppTest) -> None:
    at.text_input(key="new_persona_name").set_value("Second")
    at.selectbox(key="new_persona_start").set_value("default-persona")
    click(at, "confirm_create")

    persona_id, persona = opened(at)
    assert (persona_id, persona.name, persona.model) == ("second", "Second", "house-model")


def test_a_name_outlasts_the_dialog_until_it_is_used(at: AppTest) -> None:
    at.text_input(key="new_persona_name").set_value("Second").run()
    click(at, "cancel_create")
    click(at, "create")
    assert at.text_input(key="new_persona_name").value == "Second"

    click(at, "confirm_create")
    click(at, "create")
    assert at.text_input(key="new_persona_name").value == ""


def test_a_described_persona_is_drafted_and_opens_unsaved(
    at: AppTest, fake: FakeProvider, folder: Path
) -> None:
    fake.enqueue(tokens(["Sure:\n```json\n", json.dumps(WRITTEN, indent=2), "\n```"]))

    describe(at)
    wait_for_draft(at)

    persona_id, persona = opened(at)
    assert (persona_id, persona.model) == ("sql-tutor", "house-model")
    assert persona.system_prompt == WRITTEN["systemPrompt"]
    assert "in the editor" in told(at)
    assert drafting_of(at) is None
    assert [path.name for path in folder.glob("*.json")] == ["default-persona.json"]


def test_the_writer_is_named_before_the_draft(at: AppTest) -> None:
    assert "house-model writes it." in told(at)


def test_an_empty_description_is_not_sent(at: AppTest, fake: FakeProvider) -> None:
    describe(at, "  ")

    assert "Describe the persona in a sentence." in told(at)
    assert fake.chats == []


def test_a_failed_draft_says_why_and_is_tried_again_with_the_same_words(
    at: AppTest, fake: FakeProvider
) -> None:
    fake.enqueue(failure(401, "Wrong key."))
    describe(at)
    wait_for_draft(at)
    assert "key" in told(at)
    [words] = at.session_state["persona_drafts"].values()
    assert WISH in words.text  # what was described is not lost, whatever becomes of it

    fake.enqueue(tokens([json.dumps(WRITTEN)]))
    click(at, "retry_draft")
    wait_for_draft(at)

    assert opened(at)[0] == "sql-tutor"
    assert fake.chats[-1].body["messages"][-1]["content"] == WISH


def test_after_a_failure_the_description_is_kept_for_a_persona_or_another_try(
    at: AppTest, fake: FakeProvider
) -> None:
    fake.enqueue(failure(401, "Wrong key."))
    describe(at)
    wait_for_draft(at)

    click(at, "describe_again")
    assert at.text_area(key="draft_description").value == WISH
    at.session_state["persona_desk"].question = None
    at.run()

    click(at, "open_draft")
    assert WISH in opened(at)[1].system_prompt


def test_a_draft_is_found_again_without_its_session(
    fake: FakeProvider, open_home: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    be_local(monkeypatch)
    at = open_dialog(open_home)
    gate = Gate()
    fake.enqueue(tokens([gate, json.dumps(WRITTEN)]))
    describe(at)

    new = open_home()
    new.switch_page("pages/personas.py").run()
    [words] = new.session_state["persona_drafts"].values()
    assert WISH in words.text
    assert "Writing a persona draft" in told(new)
    gate.open()
    drafting = get_services().drafter.waiting(owner=LOCAL_OWNER)
    assert drafting
    while drafting.live_reply.live:
        drafting.live_reply.wait(drafting.live_reply.version[0], timeout_seconds=10)
    click(new, "show_draft")

    assert opened(new)[0] == "sql-tutor"
    assert get_services().drafter.waiting(owner=LOCAL_OWNER) is None


def test_a_draft_goes_on_while_another_persona_is_looked_at(at: AppTest, fake: FakeProvider) -> None:
    gate = Gate()
    fake.enqueue(tokens([gate, json.dumps(WRITTEN)]))
    describe(at)
    click(at, "persona-default-persona")
    assert at.session_state["remembered_id"] == "default-persona"
    assert WISH in told(at)

    click(at, "show_draft")
    assert [each.key for each in at.button if each.key == "stop_draft"]
    gate.open()
    wait_for_draft(at)

    assert opened(at)[0] == "sql-tutor"


def test_stopping_opens_what_came(at: AppTest, fake: FakeProvider) -> None:
    gate = Gate()
    fake.enqueue(tokens(['{"name": "Early", "systemPrompt": "You are', gate]))
    describe(at)
    drafting = get_services().runner.find(drafting_of(at) or "")
    assert drafting is not None
    while not drafting.snapshot().text:
        drafting.wait(drafting.version[0], timeout_seconds=10)

    click(at, "stop_draft")

    assert opened(at)[1].system_prompt == "You are"
    assert "Stopped." in told(at)
    gate.open()


def test_a_dropped_draft_is_stopped_and_forgotten(at: AppTest, fake: FakeProvider) -> None:
    gate = Gate()
    fake.enqueue(tokens([gate]))
    describe(at)
    drafting = get_services().runner.find(drafting_of(at) or "")
    assert drafting is not None
    click(at, "persona-default-persona")

    click(at, "drop_draft")

    assert not drafting.live
    assert WISH not in told(at)
    gate.open()


def test_nobody_else_sees_a_draft_by_its_address(
    at: AppTest, fake: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate()
    fake.enqueue(tokens([gate]))
    describe(at)
    assert WISH in told(at)
    monkeypatch.setattr("personachat.ui.personas.drafting.current_owner", lambda: "browser:somebody")

    at.run()

    assert WISH not in told(at)
    assert "There is no persona with the id" in told(at)
    gate.open()


def test_a_persona_made_of_a_template_gets_the_templates_tests_when_it_is_saved(at: AppTest) -> None:
    click(at, "use-socratic-tutor")
    persona_id, _ = opened(at)
    tests = get_services().of(LOCAL_OWNER).tests
    assert tests.suites.find(persona_id) is None
    click(at, "save")
    assert len(tests.suites.get(persona_id).whole().cases) >= 5
    assert "Its tests came along." in told(at)


def test_of_two_personas_that_are_called_the_same_the_one_that_was_picked_is_copied(
    open_home: OpenPage, folder: Path
) -> None:
    for each, prompt in (("p-1", "You teach sums."), ("p-2", "You teach songs.")):
        (folder / f"{each}.json").write_text(persona_text(each, name="Tutor", systemPrompt=prompt))
    at = open_dialog(open_home)
    start = at.selectbox(key="new_persona_start")
    assert len(set(start.options)) == len(start.options) == 4
    start.select("p-2").run()
    click(at, "confirm_create")
    assert opened(at)[1].system_prompt == "You teach songs."
