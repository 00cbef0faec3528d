"""What is done first on a page whose session is gone: it slept for longer, or the server restarted."""

from __future__ import annotations

import json
import re
import urllib.parse
import urllib.request
from collections.abc import Generator, Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import open_json, settled
from tests.e2e.lost_session import Away, Rounds, Scenario, box, button, say
from tests.e2e.profile import Profile
from tests.fake_provider import FakeProvider, Gate, failure, tokens

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]  # the first of a round prepares all of it

PERSONAS = ("form", "typed", "json", "gone", "noted", "chatty", "theirs")


def last(page: Page) -> Locator:
    return page.get_by_test_id("stChatMessage").last


def dialog(page: Page) -> Locator:
    return page.get_by_role("dialog")


def prompt(page: Page) -> Locator:
    return page.get_by_role("textbox", name="System prompt")


def state_of(page: Page, words: str) -> Locator:
    return page.locator(".stMarkdownBadge").filter(has_text=re.compile(words), visible=True).first


def id_in(page: Page, name: str) -> str:
    return urllib.parse.parse_qs(urllib.parse.urlsplit(page.url).query)[name][0]


def choose_in_menu(page: Page, menu: Locator, item: str) -> None:
    menu.click()
    page.get_by_role("option", name=item).or_(page.get_by_role("menuitem", name=item)).first.click()


def open_form(away: Away, persona_id: str) -> Page:
    page = away.open(f"/personas?id={persona_id}")
    page.get_by_role("tab", name="Prompt").click()
    expect(prompt(page)).to_be_visible()
    settled(page)
    return page


# --- scenarios: what stands before the first `yield` happens before the session is lost ------------


def a_first_message(away: Away) -> Generator[None, None, None]:
    page = away.open()
    expect(box(page)).to_be_enabled()
    yield
    say(page, "First words after the pause")
    expect(last(page)).to_contain_text("You said: First words after the pause")
    expect(box(page)).to_have_value("")
    assert len(away.conversations("First words after the pause")) == 1


def a_further_message(away: Away) -> Generator[None, None, None]:
    page = away.chat_with("Before the pause")
    chat = id_in(page, "chat")
    yield
    say(page, "Further words")
    expect(last(page)).to_contain_text("You said: Further words")
    assert id_in(page, "chat") == chat


def a_turn_that_is_edited(away: Away) -> Generator[None, None, None]:
    page = away.chat_with("Words to be edited")
    question = page.get_by_test_id("stChatMessage").nth(-2)
    button(question, "edit").click()
    question.get_by_role("textbox").fill("Edited before the pause")
    yield
    button(page, "Save and send").click()
    expect(last(page)).to_contain_text("You said: Edited before the pause")
    assert away.conversations("Edited before the pause")


def a_reply_regenerated(away: Away) -> Generator[None, None, None]:
    """In a dialog that runs alone and has not run yet, so that the page asks for nothing by itself."""
    page = away.chat_with("Say it twice")
    choose_in_menu(page, button(last(page), "More"), "Regenerate with…")
    expect(button(dialog(page), "Regenerate")).to_be_enabled()
    yield
    away.provider.enqueue(tokens(["Said ", "anew."]))
    button(dialog(page), "Regenerate").click()
    expect(dialog(page)).to_have_count(0)
    expect(last(page)).to_contain_text("Said anew.")


def a_reply_retried(away: Away) -> Generator[None, None, None]:
    away.provider.enqueue(failure(400, "No."))
    page = away.open()
    say(page, "Fail first")
    expect(button(page, "Retry")).to_be_visible()
    yield
    away.provider.enqueue(tokens(["Better ", "now."]))
    button(page, "Retry").click()
    expect(last(page)).to_contain_text("Better now.")


def a_reply_stopped(away: Away) -> Generator[None, None, None]:
    gate = Gate()
    away.provider.enqueue(tokens(["It goes on. ", gate]))
    page = away.open()
    say(page, "Go on for ever")
    expect(last(page)).to_contain_text("It goes on.")
    yield
    if away.restarts:
        expect(state_of(page, "Interrupted")).to_be_visible()
        expect(button(page, "Continue")).to_be_visible()
    else:
        page.get_by_test_id("stBaseButton-secondary").filter(has_text="Stop").click()  # not Streamlit's own
        expect(state_of(page, "Stopped")).to_be_visible()
    gate.open()


def a_rating(away: Away) -> Generator[None, None, None]:
    page = away.chat_with("Rate this")
    chat = id_in(page, "chat")
    yield
    last(page).get_by_test_id("stFeedback").get_by_role("button").or_(
        last(page).get_by_test_id("stFeedback").get_by_role("radio")
    ).first.click()
    expect(
        button(last(page), "Note on the rating").or_(last(page).get_by_test_id("stPopover"))
    ).to_be_visible()
    reply = away.api("GET", f"/api/conversations/{chat}")["messages"][-1]
    assert reply["rating"] in {"up", "down"}


def a_conversation_renamed(away: Away) -> Generator[None, None, None]:
    page = away.chat_with("Rename me")
    choose_in_menu(page, button(page.get_by_test_id("stSidebar"), "Conversation options"), "Rename")
    dialog(page).get_by_label("Title").fill("Named before the pause")
    yield
    button(dialog(page), "Rename").click()
    expect(dialog(page)).to_have_count(0)
    expect(button(page, "Named before the pause")).to_be_visible()
    assert [each for each in away.conversations() if each["title"] == "Named before the pause"]


def a_conversation_deleted(away: Away) -> Generator[None, None, None]:
    page = away.chat_with("Delete this conversation")
    yield
    choose_in_menu(page, button(page.get_by_test_id("stSidebar"), "Conversation options"), "Delete")
    expect(page.get_by_text("Deleted “Delete this conversation”.")).to_be_visible()
    assert not away.conversations("Delete this conversation")


def a_form_saved(away: Away) -> Generator[None, None, None]:
    page = open_form(away, "form")
    prompt(page).fill("After the pause.")
    prompt(page).press("Control+Enter")
    expect(state_of(page, "Unsaved")).to_be_visible()
    yield
    button(page, "Save").click()
    expect(state_of(page, "Saved")).to_be_visible()
    assert away.persona("form")["systemPrompt"] == "After the pause."


def a_field_that_was_not_left(away: Away) -> Generator[None, None, None]:
    page = open_form(away, "typed")
    prompt(page).press("Control+End")
    page.keyboard.type(" Typed before the pause.")
    yield
    expect(state_of(page, "Unsaved")).to_be_visible()
    expect(prompt(page)).to_have_value("Before. Typed before the pause.")
    button(page, "Save").click()
    expect(state_of(page, "Saved")).to_be_visible()
    assert away.persona("typed")["systemPrompt"] == "Before. Typed before the pause."


def a_form_that_somebody_else_overtook(away: Away) -> Generator[None, None, None]:
    page = open_form(away, "theirs")
    prompt(page).fill("Mine.")
    prompt(page).press("Control+Enter")
    expect(state_of(page, "Unsaved")).to_be_visible()
    yield
    theirs = away.folder / "personas" / "theirs.json"
    theirs.write_text(json.dumps(persona("theirs") | {"systemPrompt": "Theirs."}))
    button(page, "Save").click()
    expect(dialog(page)).to_contain_text("Changed elsewhere")
    expect(dialog(page)).to_contain_text("Theirs.")
    assert away.persona("theirs")["systemPrompt"] == "Theirs."


def a_json_text_saved(away: Away) -> Generator[None, None, None]:
    page = away.open("/personas?id=json")
    open_json(page)
    page.frame_locator("iframe[title$='ace']").first.locator(".ace_content").click(position={"x": 5, "y": 5})
    page.keyboard.press("Control+End")
    page.keyboard.type("  ")
    expect(state_of(page, "Unsaved")).to_be_visible()
    yield
    button(page, "Save").click()
    expect(state_of(page, "Saved")).to_be_visible()
    assert (away.folder / "personas" / "json.json").read_text().endswith("  ")


def a_persona_deleted(away: Away) -> Generator[None, None, None]:
    page = open_form(away, "gone")
    choose_in_menu(page, button(page, "More"), "Delete")
    expect(dialog(page)).to_contain_text("is deleted for everyone")
    yield
    button(dialog(page), "Delete").click()
    expect(page.get_by_text("Deleted gone.")).to_be_visible()
    assert not (away.folder / "personas" / "gone.json").exists()


def a_persona_created(away: Away) -> Generator[None, None, None]:
    page = open_form(away, "noted")
    button(page, "Create new").click()
    dialog(page).get_by_role("tab", name="Blank or a copy").click()
    expect(dialog(page).get_by_role("textbox", name="Name")).to_be_visible()
    settled(page)
    dialog(page).get_by_role("textbox", name="Name").fill("Made after the pause")
    settled(page)
    yield
    button(dialog(page), "Create").click()
    expect(page.get_by_role("heading", name=re.compile("Made after the pause"))).to_be_visible()


def a_persona_opened_from_the_list(away: Away) -> Generator[None, None, None]:
    page = open_form(away, "noted")
    yield
    page.locator(".st-key-persona-chatty button").click()
    expect(page.get_by_role("heading", name=re.compile("chatty"))).to_be_visible()


def a_persona_searched_for(away: Away) -> Generator[None, None, None]:
    page = open_form(away, "noted")
    expect(button(page, "List of personas")).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("Control+p")  # the list, with its search
    expect(page.get_by_label("Search personas")).to_be_visible()
    yield
    page.get_by_label("Search personas").fill("chatty")
    expect(page.locator(".st-key-persona-typed button")).to_have_count(0)
    page.locator(".st-key-persona-chatty button").click()
    expect(page.get_by_role("heading", name=re.compile("chatty"))).to_be_visible()


def a_save_with_a_note(away: Away) -> Generator[None, None, None]:
    page = open_form(away, "noted")
    page.get_by_role("textbox", name="Description").fill("Noted after the pause")
    expect(state_of(page, "Unsaved")).to_be_visible()
    choose_in_menu(page, button(page, "More"), "Save with a note")
    settled(page)
    dialog(page).get_by_role("textbox", name="What changed").fill("Why it changed")
    yield
    button(dialog(page), "Save").click()
    expect(state_of(page, "Saved")).to_be_visible()
    assert away.persona("noted")["description"] == "Noted after the pause"
    assert away.api("GET", "/api/personas/noted/revisions")["revisions"][0]["note"] == "Why it changed"


def personas_imported(away: Away) -> Generator[None, None, None]:
    page = open_form(away, "chatty")
    button(page, "Import").click()
    files = dialog(page).get_by_test_id("stFileUploaderDropzoneInput")
    given = {"name": "guest.json", "mimeType": "application/json"}
    given |= {"buffer": json.dumps(persona("guest")).encode()}  # type: ignore[dict-item]  # looser than the types on purpose
    files.set_input_files(given)  # type: ignore[arg-type]  # looser than the types on purpose
    expect(button(dialog(page), "Import 1")).to_be_visible()
    yield
    button(dialog(page), "Import 1").click()
    expect(page.get_by_text("Files were lost")).to_be_visible()
    expect(page.get_by_text("guest.json").first).to_be_visible()
    dialog(page).get_by_test_id("stFileUploaderDropzoneInput").set_input_files(given)  # type: ignore[arg-type]  # looser than the types on purpose
    button(dialog(page), "Import 1").click()
    expect(page.get_by_text("Imported guest.")).to_be_visible()
    assert (away.folder / "personas" / "guest.json").exists()


def a_message_to_try_a_draft_out(away: Away) -> Generator[None, None, None]:
    page = open_form(away, "chatty")
    prompt(page).fill("Tried after the pause.")
    prompt(page).press("Control+Enter")
    expect(state_of(page, "Unsaved")).to_be_visible()
    expect(box(page)).to_be_enabled()
    yield
    say(page, "Trying out")
    expect(last(page)).to_contain_text("You said: Trying out")
    asked = [chat.body["messages"] for chat in away.provider.chats if "Trying out" in str(chat.body)]
    assert "Tried after the pause." in str(asked)


SCENARIOS: tuple[Scenario, ...] = (
    a_first_message,
    a_further_message,
    a_turn_that_is_edited,
    a_reply_regenerated,
    a_reply_retried,
    a_reply_stopped,
    a_rating,
    a_conversation_renamed,
    a_conversation_deleted,
    a_form_saved,
    a_field_that_was_not_left,
    a_form_that_somebody_else_overtook,
    a_json_text_saved,
    a_persona_deleted,
    a_persona_created,
    a_persona_opened_from_the_list,
    a_persona_searched_for,
    a_save_with_a_note,
    personas_imported,
    a_message_to_try_a_draft_out,
)


def persona(persona_id: str) -> dict[str, Any]:
    return {"id": persona_id, "name": persona_id, "systemPrompt": "Before.", "model": "fake-1"}


@pytest.fixture(scope="module", params=["slept", "restarted"])
def rounds(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, profile: Profile
) -> Iterator[Rounds]:
    folder = tmp_path_factory.mktemp("away")
    (folder / "personas").mkdir()
    for persona_id in PERSONAS:
        (folder / "personas" / f"{persona_id}.json").write_text(json.dumps(persona(persona_id)))
    with (
        FakeProvider() as provider,
        Rounds(SCENARIOS, profile, folder, provider, restarts=request.param == "restarted") as all_rounds,
    ):
        yield all_rounds


@pytest.mark.parametrize("scenario", [each.__name__ for each in SCENARIOS])
def test_what_is_done_first_is_done(rounds: Rounds, scenario: str) -> None:
    going = rounds.after(scenario)
    with pytest.raises(StopIteration):
        next(going)
