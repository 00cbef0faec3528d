"""Conversations from files: what is refused, what is made fit, and what was imported before."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, event

from personachat.conversations.model import Reply
from personachat.errors import ImportRefused, ImportRepeated
from personachat.history.library import ConversationLibrary
from personachat.stamps import now
from tests.history.talk import Talk, quick


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
