"""Conversations leave as JSON, Markdown and CSV and come back the same; no file harms who opens it."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from personachat.conversations.model import Conversation, Reply, Turn
from personachat.errors import ConversationNotFound
from personachat.history.csv_table import cell
from personachat.history.filenames import file_name, unique_names
from personachat.history.library import ConversationLibrary
from personachat.history.markdown import markdown_of, within_turn
from personachat.messages import Failed
from personachat.stamps import now
from tests.history.talk import Talk, quick, turn
from tests.history.trees import trees


def shape(turns: tuple[Turn, ...]) -> list[Turn]:
    """The turns with their numbers for ids."""
    numbers = {one.id: str(number) for number, one in enumerate(turns)}
    return [
        replace(one, id=numbers[one.id], parent_id=one.parent_id and numbers[one.parent_id]) for one in turns
    ]


@quick
@given(made=trees(), leaf=st.integers(0, 7))
def test_what_is_exported_and_imported_is_the_same(
    talk: Talk, library: ConversationLibrary, made: list[Turn], leaf: int
) -> None:
    conversation_id = talk.new()
    for one in made:
        talk.add(conversation_id, one)
    talk.store.show("local", conversation_id, made[leaf % len(made)].id)
    content = library.export([conversation_id], "json").content
    (copy_id,) = library.import_json(content)
    copy, original = talk.store.get("local", copy_id), talk.store.get("local", conversation_id)
    tree = talk.store.tree("local", copy_id)
    assert shape(tree) == shape(talk.store.tree("local", conversation_id))
    assert shape(tree) == shape(tuple(made))
    assert [one.text for one in copy.path] == [one.text for one in original.path]
    assert (copy.created_at, copy.updated_at) == (original.created_at, original.updated_at)
    again = json.loads(library.export([copy_id], "json").content)["conversations"][0]["turns"]
    first = json.loads(content)["conversations"][0]["turns"]
    assert [one["content"] for one in again] == [one["content"] for one in first]
    assert not {one["id"] for one in again} & {one["id"] for one in first}
    talk.check_index()


def test_the_same_file_twice_gives_two_copies(talk: Talk, library: ConversationLibrary) -> None:
    first, second = talk.new("First", "Answer"), talk.new("Second")
    library.rename(first, "My title")
    library.pin(first, True)
    library.archive(second, True)
    content = library.export(None, "json").content
    copies = library.import_json(content) + library.import_json(content)
    assert len({first, second, *copies}) == 6
    newest, oldest = library.summary(copies[0]), library.summary(copies[1])
    assert (newest.title, newest.archived, newest.turns) == ("Second", True, 1)
    assert (oldest.title, oldest.pinned, oldest.turns) == ("My title", True, 2)


def test_deleted_turns_and_conversations_are_not_exported(talk: Talk, library: ConversationLibrary) -> None:
    conversation_id, gone = talk.new("Kept", "Gone answer", "Gone below"), talk.new("Gone too")
    talk.store.delete_turn("local", talk.store.get("local", conversation_id).path[1].id)
    library.delete(gone)
    for kind in ("json", "csv", "markdown"):
        content = library.export([conversation_id], kind).content
        assert b"Kept" in content
        assert b"Gone" not in content
    with pytest.raises(ConversationNotFound):
        library.export([conversation_id, gone], "json")
    assert len(json.loads(library.export(None, "json").content)["conversations"]) == 1


FORGED = "## You · 2020-01-02 03:04 UTC"

PIECES = [FORGED, "You · 2020-01-02 03:04 UTC", "---", "===", "```", "~~~~", "- ", "> ", "    ", "  ", "1. "]


PIECES += [
    "<!--",
    "-->",
    "<h2>You</h2>",
    "<script>",
    "<div>",
    "# ",
    "\t",
    "\n",
    "\n\n",
    "\r",
    "\u2028",
    "words",
    "`",
    "\\",
]


def headings(markdown: str) -> list[str]:
    """The headings of the first two levels, as whoever reads the file sees them; HTML would be one too."""
    tokens = MarkdownIt("commonmark").parse(markdown)
    assert not [token for token in tokens if token.type == "html_block"]
    return [
        tokens[at + 1].content
        for at, token in enumerate(tokens)
        if token.type == "heading_open" and token.tag in {"h1", "h2"}
    ]


@pytest.mark.parametrize(
    "words",
    [
        f"Sure.\n\n{FORGED}\n\nI agree.",
        f"   {FORGED} ##",
        FORGED[1:],
        f"{FORGED[3:]}\n---",
        f"{FORGED[3:]}\n===\n---\n===",
        f"<!-- {FORGED}\n{FORGED}",
        f"<h2>{FORGED[3:]}</h2>",
        f"a <h2>{FORGED[3:]}</h2>",
        f"> {FORGED}\n\n- {FORGED}",
        f"```\nx\u2028```\r{FORGED}",
        f"- a\n  ```\n  b\n\n{FORGED}",
        f"```a`b\n{FORGED}",
    ],
)
def test_no_words_can_be_read_as_a_turn_of_a_markdown_export(
    talk: Talk, library: ConversationLibrary, words: str
) -> None:
    conversation_id = talk.new("Asked", words, words, "Answered")
    markdown = library.export([conversation_id], "markdown").content.decode()
    who = [heading.partition(" · ")[0] for heading in headings(markdown)]
    assert who == ["Asked", "You", "🧭 Analyst (gpt-4)", "You", "🧭 Analyst (gpt-4)"]
    for piece in ("2020-01-02 03:04 UTC", "Answered"):
        assert piece in markdown


def test_a_persona_called_you_is_told_from_the_person(talk: Talk, library: ConversationLibrary) -> None:
    conversation_id = talk.new("Asked", "Answered", persona_name="You", avatar=None, model="")
    who = headings(library.export([conversation_id], "markdown").content.decode())[1:]
    assert [heading.partition(" · ")[0] for heading in who] == ["You", "“You”"]


PLAIN_WORDS = (
    "<img src=x onerror=alert(1)> <!-- <script>",
    "[here](javascript:alert(1)) ![x](http://127.0.0.1:9/p) <http://127.0.0.1:9/>",
    "*a* **b** _c_ __d__ `e` ~~f~~ snake_case \\* \\",
    "&lt;b&gt; &#60;i&#62; ##",
)


@pytest.mark.parametrize(
    "words",
    ["a;=1+1", "a\n=1+1", "a\r\n@SUM(1)", "a\t+1", "a;-1+cmd|' /C calc'!A0", "a; =1", "；\n＝1", "=1;=2"],  # noqa: RUF001  # the character that is meant
)
def test_no_cell_is_a_formula_where_semicolons_part_them(words: str) -> None:
    for piece in re.split(r"[;\t\r\n]", str(cell(words))):
        assert not piece.lstrip(" ").startswith(("=", "+", "-", "@", "＝")), piece  # noqa: RUF001  # the character that is meant


def test_lists_and_sums_in_a_cell_stay_as_they_are() -> None:
    for words in ("Two:\n- one\n+ two\n---", "1 + 1 = 2; that is all", "a-b;c=d"):
        assert cell(words) == words


@pytest.mark.parametrize("words", PLAIN_WORDS)
def test_titles_names_and_errors_are_plain_words_in_a_markdown_export(words: str) -> None:
    reply = Reply(state="failed", model=words, error=Failed("x", words))
    asked = Turn("1", None, "user", "Asked", "p", "P")
    answered = Turn("2", "1", "assistant", "Answered", "p", words, reply=reply)
    markdown = markdown_of(Conversation(id="c", owner="local", title=words), [asked, answered])
    drawn = [
        "".join(
            child.content if child.type.startswith("text") else f"<{child.type}>"
            for child in token.children or ()
        )
        for token in MarkdownIt("commonmark").enable("strikethrough").parse(markdown)
        if token.type == "inline"
    ]
    assert drawn[0] == words
    assert drawn[4].partition(" · ")[0] == f"{words} ({words})"
    assert drawn[-1] == f"<em_open>Failed: {words}<em_close>"


def test_code_and_plain_words_are_exported_as_they_are() -> None:
    for words in (
        "```sh\n# a comment\n## another <b>\n```",
        "1 < 2, a - b = c",
        "### Third\n\n`<b>` #tag",
        "---",
    ):
        assert within_turn(words) == words


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
@example("\\\r---")
def test_the_words_of_a_turn_stay_within_it(words: str) -> None:
    assert headings(f"{within_turn(words)}\n\n## Next\n\nwords") == ["Next"]


def test_markdown_reads_well(talk: Talk, library: ConversationLibrary) -> None:
    conversation_id = talk.new("What is *it*?", "```py\nx = 1\n", "Go on", "Some ~~~ and ````\n~~~~\nopen")
    moment = now().replace(year=2026, month=1, day=2, hour=3, minute=4)
    talk.set_head(conversation_id, created_at=moment)
    for one in talk.store.tree("local", conversation_id):
        talk.set_turn(one.id, created_at=moment)
    last = talk.store.get("local", conversation_id).path[-1].id
    talk.set_turn(last, state="stopped")
    exported = library.export([conversation_id], "markdown")
    assert exported.filename == "What is it.md"
    assert exported.content.decode() == (
        "# What is it?\n\n*2026-01-02 03:04 UTC*\n\n"
        "## You · 2026-01-02 03:04 UTC\n\nWhat is *it*?\n\n"
        "## 🧭 Analyst (gpt-4) · 2026-01-02 03:04 UTC\n\n```py\nx = 1\n```\n\n"
        "## You · 2026-01-02 03:04 UTC\n\nGo on\n\n"
        "## 🧭 Analyst (gpt-4) · 2026-01-02 03:04 UTC\n\nSome ~~~ and ````\n~~~~\nopen\n~~~~\n\n*Stopped*\n"
    )


def test_many_conversations_as_markdown_are_one_archive(talk: Talk, library: ConversationLibrary) -> None:
    ids = [talk.new("Same title", f"Answer {number}") for number in range(3)]
    library.rename(ids[2], "SAME title")
    exported = library.export(ids, "markdown")
    assert exported.filename == "conversations.zip"
    assert exported.content == library.export(ids, "markdown").content
    with zipfile.ZipFile(io.BytesIO(exported.content)) as archive:
        assert archive.namelist() == ["Same title.md", "Same title (2).md", "SAME title (3).md"]
        assert b"Answer 1" in archive.read("Same title (2).md")


def test_csv_has_one_row_a_turn_and_no_formulas(talk: Talk, library: ConversationLibrary) -> None:
    conversation_id = talk.new("=HYPERLINK(1)", 'Comma, "quote"\nand a line')
    root = talk.store.get("local", conversation_id).path[0].id
    talk.add(conversation_id, turn("+1", root, asks=False, rating=-1, rating_note="@bad"))
    exported = library.export([conversation_id], "csv")
    assert exported.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(exported.content.decode("utf-8-sig"), newline="")))
    assert [row["text"] for row in rows] == ["'=HYPERLINK(1)", 'Comma, "quote"\nand a line', "'+1"]
    assert [row["on_active_branch"] for row in rows] == ["yes", "no", "yes"]
    assert (rows[2]["rating"], rows[2]["rating_note"]) == ("-1", "'@bad")
    assert rows[0]["conversation_title"].startswith("'=")


@given(st.lists(st.text() | st.sampled_from(["a", "A", "a (2)", "con", "NUL.txt", "ﬁ", "é", "e\u0301", "."])))
def test_file_names_are_good_everywhere(titles: list[str]) -> None:
    names = unique_names([title.encode("utf-8", "replace").decode() for title in titles])
    assert len({name.casefold() for name in names}) == len(titles)
    for name in names:
        assert 0 < len(f"{name}.json".encode()) <= 255
        assert not set(name) & set('<>:"/\\|?*\0\n\r\t')
        assert name == name.strip(" .")
        assert name.casefold().split(".")[0] not in {"con", "nul", "prn", "aux", "com1"}
    assert file_name("../../etc/passwd") == "etc passwd"


@pytest.mark.parametrize("title", ["aux .txt", "CONIN$", "conout$.a", "NUL  ", "Com1 .md"])
def test_no_file_is_named_like_a_device(title: str) -> None:
    assert file_name(title) == "conversation"


def test_an_export_of_nothing_is_a_file_all_the_same(library: ConversationLibrary) -> None:
    assert json.loads(library.export(None, "json").content)["conversations"] == []
    assert library.import_json(library.export(None, "json").content) == ()
    assert len(library.export(None, "csv").content.splitlines()) == 1
    assert zipfile.ZipFile(io.BytesIO(library.export(None, "markdown").content)).namelist() == []
