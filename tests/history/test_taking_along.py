from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from sqlalchemy import Engine, event

from personachat.conversations.model import Conversation, Reply, Turn
from personachat.errors import ConversationNotFound, ImportRefused, ImportRepeated
from personachat.history.csv_table import cell
from personachat.history.filenames import file_name, unique_names
from personachat.history.library import ConversationLibrary
from personachat.history.markdown import markdown_of, within_turn
from personachat.messages import Failed
from personachat.stamps import now
from tests.history.talk import Talk, turn
from tests.history.trees import trees

quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def shape(turns: tuple[Turn, ...]) -> list[Turn]:
    """The turns with their numbers for ids."""
    numbers = {one.id: str(number) for number, one in enumerate(turns)}
    return [
        replace(one, id=numbers[one.id], parent_id=one.parent_id and numbers[one.parent_id]) for one in turns
    ]


def document(*turns: dict[str, Any], **changes: Any) -> bytes:
    """An export with one conversation."""
    moment = "2026-01-02T03:04:05Z"
    plain = {"role": "user", "content": "Words", "personaId": "p", "personaName": "P", "createdAt": moment}
    conversation = {
        "title": "Mine",
        "createdAt": moment,
        "updatedAt": moment,
        "turns": [plain | one for one in turns],
    } | changes
    whole = {"format": "personachat.conversations", "version": 1, "conversations": [conversation]}
    return json.dumps(whole).encode()


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


@pytest.mark.parametrize("avatar", ["🧭", ":material/school:", "👩\u200d🔬", None])
def test_a_turn_keeps_its_avatar(library: ConversationLibrary, avatar: str | None) -> None:
    (copy_id,) = library.import_json(document({"id": "a", "avatar": avatar}))
    assert library.summary(copy_id).avatar == avatar


@pytest.mark.parametrize(
    "avatar",
    [
        "/etc/hostname",
        "/dev/zero",
        "../x.png",
        "http://evil.example/x.png",
        "//evil.example/x.png",
        "data:image/png;base64,AAAA",
        "spinner",
        "user",
        "x",
        "🧭🧭",
        " 🧭 ",
        ":material/no_such_icon:",
        ":smile:",
        "\x00",
    ],
)
def test_a_turn_whose_avatar_streamlit_would_open_or_refuse_is_not_taken_in(
    library: ConversationLibrary, avatar: str
) -> None:
    with pytest.raises(ImportRefused, match=r'"avatar" in conversation 1 "Mine", turn 1: it (must|names)'):
        library.import_json(document({"id": "a", "avatar": avatar}))
    assert not library.list().conversations


def test_imported_turns_are_found(library: ConversationLibrary) -> None:
    library.import_json(document({"id": "a", "content": "zebra"}))
    assert library.search("zebra").hits[0].conversation.title == "Mine"


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


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "not valid JSON: there is an error in line 1"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[]", "not an export"),
        (b"{}", "not an export"),
        (b"[" * 100_000, "too deeply"),
        (b'{"format": NaN}', "not valid JSON"),
        (b"1" * 5000, "not valid JSON"),
        (b'{"format": "personachat.conversations", "version": 2}', "another version than 1"),
        (b'{"format": "personachat.conversations", "version": 1}', '"conversations": field required'),
        (document({"id": "a"}, {"id": "a"}), 'In conversation 1 "Mine", two turns have the id "a"'),
        (document({"id": "a", "parentId": "b"}), 'the parent of the turn "a" is missing'),
        (document({"id": "a", "parentId": "a"}), 'the turn "a" is its own ancestor'),
        (
            document({"id": "r"}, {"id": "a", "parentId": "b"}, {"id": "b", "parentId": "a"}),
            'In conversation 1 "Mine", the turn "a" is its own ancestor',
        ),
        (document({"id": "a"}, leafId="b"), "the last turn to show is missing"),
        (document({"id": "a", "reply": {"state": "finished"}}), "contains a model's reply"),
        (document({"id": "a", "role": "system"}), 'conversation 1 "Mine", turn 1: '),
        (document({"id": 5}), '"id" in conversation 1 "Mine", turn 1: '),
        (document({"id": "a", "edited": "yes"}), '"edited" in'),
        (document({"id": "a", "rating": 2}), '"rating" in'),
        (document({"id": "a", "personaId": "x" * 65}), '"personaId" in'),
        (document({"id": "a", "createdAt": "yesterday"}), "must be a date and time"),
        (document({"id": "a", "createdAt": 5}), "must be a date and time"),
        (document({"id": "a", "owner": "me"}), '"owner" in'),
        (document({"id": "a"}, title="x" * 201), '"title" in conversation 1 "xxx'),
        (document({"id": "a", "b\ud800": 1}), "in conversation 1"),
        (
            document({"id": "a", "role": "assistant", "reply": {"state": "finished", "costUsd": 1e999}}),
            "not valid JSON",
        ),
        (
            document(
                {
                    "id": "a",
                    "role": "assistant",
                    "reply": {"state": "done", "usage": {"promptTokens": 2**40}},
                }
            ),
            '"reply.state" in',
        ),
    ],
)
def test_what_is_no_export_is_refused_with_a_sentence(
    library: ConversationLibrary, content: bytes, sentence: str
) -> None:
    with pytest.raises(ImportRefused) as refused:
        library.import_json(content)
    assert sentence in str(refused.value)
    assert str(refused.value).endswith(".")
    assert library.list().conversations == ()


def test_a_file_is_limited_in_size_and_conversations(library: ConversationLibrary) -> None:
    with pytest.raises(ImportRefused, match="the limit is 50 MB"):
        library.import_json(b" " * (50 * 1024 * 1024 + 1))
    whole = {"format": "personachat.conversations", "version": 1, "conversations": [{}] * 10_001}
    with pytest.raises(ImportRefused, match="more than 10,000 conversations"):
        library.import_json(json.dumps(whole).encode())


def test_one_bad_conversation_keeps_all_out(library: ConversationLibrary) -> None:
    whole = json.loads(document({"id": "a"}))
    whole["conversations"] += json.loads(document({"id": "a"}, leafId="b", title="Bad"))["conversations"]
    with pytest.raises(ImportRefused, match='conversation 2 "Bad"'):
        library.import_json(json.dumps(whole).encode())
    assert library.list().conversations == ()


def test_odd_content_is_made_fit(talk: Talk, library: ConversationLibrary) -> None:
    (conversation_id,) = library.import_json(
        b"\xef\xbb\xbf"
        + document(
            {"id": "c", "parentId": "b", "content": "a\0b\ud800c", "createdAt": "2999-01-01T00:00:00"},
            {"id": "b", "parentId": "a", "role": "assistant", "createdAt": "0001-01-01T00:00:00+10:00"},
            {"id": "a", "createdAt": "2026-01-02T03:04:05+05:00"},
            {"id": "d", "role": "assistant", "reply": {"state": "running", "costUsd": 1}},
            title=" ",
            leafId="c",
        )
    )
    path = talk.store.get("local", conversation_id).path
    assert [one.text for one in path] == ["Words", "Words", "a\ufffdb\ufffdc"]
    assert [one.depth for one in path] == [0, 1, 2]
    assert path[0].created_at.isoformat() == "2026-01-01T22:04:05+00:00"
    assert path[1].created_at.year == 1970
    assert now() - path[2].created_at < timedelta(minutes=1)
    replies = [one.reply for one in talk.store.tree("local", conversation_id) if one.reply]
    assert replies == [Reply(state="interrupted", text="Words", cost_usd=1.0)]
    assert library.summary(conversation_id).title == "Words"


@quick
@given(st.binary(max_size=200) | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(str))
def test_no_file_makes_an_import_fail_otherwise(library: ConversationLibrary, content: bytes | str) -> None:
    raw = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    with pytest.raises(ImportRefused):
        library.import_json(raw)


def test_a_tree_of_any_depth_is_imported(talk: Talk, library: ConversationLibrary) -> None:
    deep = [{"id": str(number), "parentId": str(number - 1) if number else None} for number in range(5000)]
    (conversation_id,) = library.import_json(document(*reversed(deep), leafId="4999"))
    assert talk.store.get("local", conversation_id, last=1).length == 5000


def test_many_conversations_take_few_queries(talk: Talk, library: ConversationLibrary) -> None:
    one = json.loads(document({"id": "a"}, {"id": "b", "parentId": "a"}, leafId="b"))
    whole = one | {"conversations": one["conversations"] * 1200}
    asked: list[str] = []
    library.list()  # opening the database is not what is counted

    def count(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", count)
    try:
        library.import_json(json.dumps(whole).encode())
        exported = library.export(None, "json")
    finally:
        event.remove(Engine, "before_cursor_execute", count)
    assert len(json.loads(exported.content)["conversations"]) == 1200
    assert len(asked) < 50


def test_an_export_of_nothing_is_a_file_all_the_same(library: ConversationLibrary) -> None:
    assert json.loads(library.export(None, "json").content)["conversations"] == []
    assert library.import_json(library.export(None, "json").content) == ()
    assert len(library.export(None, "csv").content.splitlines()) == 1
    assert zipfile.ZipFile(io.BytesIO(library.export(None, "markdown").content)).namelist() == []


def test_a_file_that_was_imported_before_is_noticed(talk: Talk, library: ConversationLibrary) -> None:
    content = document({"id": "a"})
    (first,) = library.import_json(content, repeats="refuse")
    library.rename(first, "Another name")
    with pytest.raises(ImportRepeated, match="is already here"):
        library.import_json(content, repeats="refuse")
    assert library.import_json(content, repeats="skip") == ()
    library.delete(first)
    assert len(library.import_json(content, repeats="refuse")) == 1


def test_an_export_of_ones_own_is_noticed_and_only_what_is_new_comes(
    talk: Talk, library: ConversationLibrary
) -> None:
    talk.new("One", "Words")
    gone = talk.new("Two", "Words")
    content = library.export(None, "json").content
    library.delete(gone)
    with pytest.raises(ImportRepeated) as noticed:
        library.import_json(content, repeats="refuse")
    assert (noticed.value.repeated, noticed.value.total) == (1, 2)
    assert str(noticed.value) == "1 of the 2 conversations in the file is already here."
    assert len(library.import_json(content, repeats="skip")) == 1
    assert library.count() == 2
