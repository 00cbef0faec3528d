"""The History page without a browser: what it finds, and what one can do to many conversations."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from streamlit.testing.v1 import AppTest

from personachat.history.filters import Filters
from personachat.history.import_writing import Progress
from personachat.history.library import ConversationLibrary, Repeats
from personachat.personas.formats.safe_zip import Content
from personachat.services import get_services
from personachat.stamps import now
from personachat.ui.history import import_run
from personachat.ui.history.state import HistoryState
from personachat.ui.live_fields import SEARCH_PAUSE
from personachat.ui.wording import JOINER, as_text, marked
from tests.conftest import local, persona_text
from tests.pages.conftest import OpenPage
from tests.pages.conversing import click, converse, library

pytestmark = pytest.mark.usefixtures("local")


def go(page: AppTest) -> AppTest:
    page.switch_page("pages/history.py").run()
    assert not page.exception
    return page


def search(page: AppTest, query: str) -> AppTest:
    page.text_input(key="q").set_value(query).run()
    assert not page.exception
    return page


def shown(page: AppTest) -> list[str]:
    """The titles on the page itself, in order."""
    return [button.label for button in page.main.button if (button.key or "").startswith("show_")]


def texts(page: AppTest) -> str:
    return "\n".join(str(element.value) for element in [*page.main.markdown, *page.main.caption])


def pick(page: AppTest, *ids: str) -> AppTest:
    for conversation_id in ids:
        page.checkbox(key=f"picked_{conversation_id}").check()
    page.run()
    assert not page.exception
    return page


def test_before_the_first_conversation_it_says_what_comes_here(open_home: OpenPage) -> None:
    page = go(open_home())
    assert "No conversations yet." in texts(page)


def test_without_a_query_the_conversations_are_listed_newest_first(open_home: OpenPage) -> None:
    page = open_home()
    converse("Older")
    converse("Newer")
    assert shown(go(page)) == ["Newer", "Older"]
    assert "2 conversations, newest first" in texts(page)
    assert "Guide · 4 messages · just now" in texts(page)


def test_a_search_is_made_soon_after_the_last_key(open_home: OpenPage) -> None:
    field = go(open_home()).text_input(key="q")
    assert f"{field.proto.live_debounce_ms}ms" == SEARCH_PAUSE


def test_a_query_finds_the_turn_and_marks_the_words(open_home: OpenPage) -> None:
    page = open_home()
    converse("About fruit", said="The quince is a fruit.")
    converse("Something else")
    search(go(page), "quince")
    assert shown(page) == ["**About fruit**"]
    assert "The :orange-background[**quince**] is a fruit." in texts(page)
    assert "1 message, newest first" in texts(page)
    assert "You to Guide" in texts(page)


def test_a_hit_leads_to_its_turn_in_the_chat(open_home: OpenPage) -> None:
    page = open_home()
    found = converse("About fruit", said="The quince is a fruit.")
    turn_id = library().search("quince").hits[0].turn_id
    search(go(page), "quince")
    click(page, f"show_{turn_id}")
    assert page.query_params["chat"] == found
    assert page.chat_input[0].placeholder == "Message Guide"
    assert any(text.value == "The quince is a fruit." for text in page.text)


def test_what_is_not_found_says_what_to_change(open_home: OpenPage) -> None:
    page = open_home()
    converse("About fruit")
    search(go(page), "zzz [x](http://evil.example)")
    assert "No results for “zzz \\[x\\]" in texts(page)
    assert "Try fewer words" in texts(page)


def test_query_and_filters_survive_another_page(open_home: OpenPage) -> None:
    page = open_home()
    converse("About fruit", said="The quince is a fruit.")
    search(go(page), "quince")
    page.selectbox(key="speaker").set_value("default-persona").run()
    page.switch_page("pages/personas.py").run()
    go(page)
    assert page.text_input(key="q").value == "quince"
    assert page.selectbox(key="speaker").value == "default-persona"
    assert shown(page) == ["**About fruit**"]


def test_of_two_personas_that_are_called_the_same_each_can_be_filtered_by(
    open_home: OpenPage, folder: Path
) -> None:
    (folder / "second.json").write_text(persona_text("second", name="Guide"))
    page = open_home()
    converse("With the guide")
    converse("With the second", persona_id="second")
    page = go(page)
    assert sorted(page.selectbox(key="speaker").options) == ["Guide", "Guide (2)"]
    for each, title in (("second", "With the second"), ("default-persona", "With the guide")):
        page.selectbox(key="speaker").set_value(each).run()
        assert shown(page) == [title]


def test_the_list_can_be_filtered_by_persona(open_home: OpenPage) -> None:
    page = open_home()
    converse("With the guide")
    converse("With the second", persona_id="second")
    page = go(page)
    page.selectbox(key="speaker").set_value("second").run()
    assert shown(page) == ["With the second"]
    click(page, "clear_history_filters")
    assert len(shown(page)) == 2


def test_the_list_can_be_filtered_by_date(open_home: OpenPage) -> None:
    page = open_home()
    converse("Of today")
    page = go(page)
    page.date_input(key="until").set_value((now() - timedelta(days=3)).date()).run()
    assert shown(page) == []
    assert "No conversation matches these filters." in texts(page)


def test_a_rating_finds_its_conversation(open_home: OpenPage) -> None:
    page = open_home()
    converse("Not rated")
    liked = converse("Liked")
    here = local(get_services())
    here.branches.rate(here.chat.conversation(liked).path[1].id, 1)
    page = go(page)
    page.button_group(key="rating").set_value("good").run()
    assert shown(page) == ["Liked"]


def test_what_is_archived_is_listed_apart(open_home: OpenPage) -> None:
    page = open_home()
    converse("In sight")
    put_aside = converse("Put aside")
    library().archive(put_aside, True)
    assert shown(go(page)) == ["In sight"]
    page.toggle(key="archived").set_value(True).run()
    assert shown(page) == ["Put aside"]
    pick(page, put_aside)
    click(page, "archive_many")
    assert library().list(Filters(archived=True)).conversations == ()


def test_selected_ones_are_deleted_and_come_back(open_home: OpenPage) -> None:
    page = open_home()
    first, second, _ = converse("First"), converse("Second"), converse("Third")
    pick(go(page), first, second)
    click(page, "delete_many")
    assert shown(page) == ["Third"]
    assert "Deleted 2 conversations." in texts(page)
    next(button for button in page.button if button.label == "Undo").click().run()
    assert shown(page) == ["Third", "Second", "First"]


def test_all_that_are_shown_are_selected_at_once(open_home: OpenPage) -> None:
    page = open_home()
    converse("First")
    converse("Second")
    click(go(page), "pick_all")
    assert "2 of 2 conversations selected" in texts(page)
    click(page, "pick_all")
    assert "2 conversations, newest first" in texts(page)


def test_a_hit_in_a_title_says_so(open_home: OpenPage) -> None:
    page = open_home()
    converse("Quarterly review", said="Something else")
    page = go(page)
    page.text_input(key="q").set_value("quarterly").run()
    assert "found in the title" in texts(page)


def test_more_are_shown_on_demand(open_home: OpenPage) -> None:
    page = open_home()
    for number in range(32):
        converse(f"Number {number}")
    assert len(shown(go(page))) == 30
    assert "32 conversations, newest first" in texts(page)
    click(page, "more_history")
    assert len(shown(page)) == 32


def test_an_import_says_how_many_came_and_happens_once(open_home: OpenPage) -> None:
    page = open_home()
    converse("Taken along")
    data = library().export(None, "json").content
    page = go(page)
    page.file_uploader(key="import_0").upload("conversations.json", data).run()
    assert [message.proto.title for message in page.warning] == ["Imported before"]
    assert shown(page) == ["Taken along"]
    click(page, "import_copies")
    assert [message.value for message in page.success] == ["Imported 1 conversation."]
    assert shown(page) == ["Taken along", "Taken along"]
    page.run()
    assert not page.success
    assert len(shown(page)) == 2


def test_an_import_shows_how_far_it_is_and_goes_on_without_the_page(open_home: OpenPage) -> None:
    page = open_home()
    converse("Taken along")
    followed, content = threading.Event(), library().export(None, "json").content

    class Watched(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            followed.set()
            return super().wait(timeout)

    class Slow(ConversationLibrary):
        def import_json(
            self,
            data: Content,
            *,
            repeats: Repeats = "copy",
            progress: Progress = lambda _done, _total: None,
        ) -> tuple[str, ...]:
            progress(1_000, 4_000)
            assert followed.wait(20)
            progress(4_000, 4_000)
            return super().import_json(data)

    run = import_run.ImportRun(ended=Watched())
    worker = threading.Thread(
        target=run.work, args=(Slow(get_services().database, owner="local"), content, "copy")
    )
    page.session_state["history_page"] = HistoryState(import_run=run)
    worker.start()
    page = page.switch_page("pages/personas.py").run()  # which does not wait for it
    assert not page.exception
    go(page)
    worker.join()
    assert run.total == 4_000
    assert [message.value for message in page.success] == ["Imported 1 conversation."]
    assert shown(page) == ["Taken along", "Taken along"]


def test_a_cancelled_import_says_that_nothing_is_kept(open_home: OpenPage) -> None:
    page = open_home()
    converse("Taken along")
    run = import_run.ImportRun()
    run.cancelled.set()
    run.work(library(), library().export(None, "json").content, "copy")
    page.session_state["history_page"] = HistoryState(import_run=run)
    go(page)
    assert [message.value for message in page.info] == ["The import was cancelled. Nothing was kept."]
    assert shown(page) == ["Taken along"]


def test_what_is_no_export_is_refused_in_a_sentence(open_home: OpenPage) -> None:
    page = go(open_home())
    page.file_uploader(key="import_0").upload("x.json", b'{"a": 1}').run()
    (refusal,) = page.error
    assert refusal.value
    assert "Traceback" not in refusal.value
    assert library().list().conversations == ()


def test_a_damaged_database_is_a_sentence_with_a_way_out(open_home: OpenPage, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(exist_ok=True)
    (tmp_path / "data" / "personachat.sqlite3").write_bytes(b"this is no database" * 500)
    page = go(open_home())
    (error,) = page.error
    assert "damaged" in error.value
    assert str(tmp_path) not in error.value
    assert "Traceback" not in error.value


@pytest.mark.parametrize(
    "words",
    [
        "https://evil.example/x",
        "www.evil.example",
        "someone@evil.example",
        "![x](https://evil.example/x.png)",
        "[x](javascript:alert(1))",
        "<script>alert(1)</script> &lt;",
        "$x^2$ :tada: :material/home: `code`",
        "1. one",
        "- one",
        "# one",
        "    indented",
        "a -> b -- c",
    ],
)
def test_hostile_words_hold_nothing_that_markdown_would_act_upon(words: str) -> None:
    parser = MarkdownIt("commonmark", {"linkify": False}).enable("table")
    for markdown in (as_text(words), marked(words, ())):
        tokens = parser.parse(markdown)
        assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
        children = tokens[1].children or []
        assert {child.type for child in children} <= {"text", "text_special"}
        text = "".join(child.content for child in children).replace(JOINER, "")
        assert text == words.strip()


def test_marks_stand_around_the_words_that_were_found() -> None:
    assert marked("A quince, *ripe*", [(2, 8), (10, 16)]) == (
        "A :orange-background[**quince**], :orange-background[**\\*ripe\\***]"
    )
    assert marked("quince", [(0, 6)]) == ":orange-background[**quince**]"
