"""Conversations of other programs come in as they were: the tree, the open branch, models and moments."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from personachat.errors import ImportRefused
from personachat.history.chats.documents import as_document
from personachat.personas.formats.safe_zip import archive
from personachat.services import Services
from tests.conftest import local

CHATGPT: dict[str, Any] = {
    "title": "Berths",
    "create_time": 1_700_000_000.5,
    "update_time": 1_700_000_100.0,
    "current_node": "a2",
    "is_archived": False,
    "mapping": {
        "root": {"id": "root", "message": None, "parent": None, "children": ["sys"]},
        "sys": {
            "id": "sys",
            "parent": "root",
            "children": ["u1"],
            "message": {
                "author": {"role": "system"},
                "content": {"content_type": "text", "parts": [""]},
                "metadata": {"is_visually_hidden_from_conversation": True},
            },
        },
        "u1": {
            "id": "u1",
            "parent": "sys",
            "children": ["a1", "a2"],
            "message": {
                "author": {"role": "user"},
                "create_time": 1_700_000_001.0,
                "content": {"content_type": "text", "parts": ["Is berth 3 free?"]},
                "recipient": "all",
            },
        },
        "a1": {
            "id": "a1",
            "parent": "u1",
            "children": [],
            "message": {
                "author": {"role": "assistant"},
                "content": {"content_type": "text", "parts": ["No."]},
                "metadata": {"model_slug": "gpt-4o"},
                "recipient": "all",
            },
        },
        "a2": {
            "id": "a2",
            "parent": "tool",
            "children": [],
            "message": {
                "author": {"role": "assistant"},
                "content": {
                    "content_type": "multimodal_text",
                    "parts": ["Yes.", {"asset_pointer": "file-service://x"}],
                },
                "metadata": {"model_slug": "gpt-5"},
                "recipient": "all",
            },
        },
        "tool": {
            "id": "tool",
            "parent": "u1",
            "children": ["a2"],
            "message": {
                "author": {"role": "tool", "name": "search"},
                "content": {"content_type": "text", "parts": ["a list"]},
            },
        },
    },
}

OPEN_WEBUI: dict[str, Any] = {
    "id": "c1",
    "title": "Moorings",
    "created_at": 1_700_000_000,
    "updated_at": 1_700_000_009,
    "pinned": True,
    "archived": False,
    "chat": {
        "title": "Moorings",
        "models": ["llama3"],
        "history": {
            "currentId": "m2",
            "messages": {
                "m1": {
                    "id": "m1",
                    "parentId": None,
                    "childrenIds": ["m2"],
                    "role": "user",
                    "content": "Hello",
                },
                "m2": {
                    "id": "m2",
                    "parentId": "m1",
                    "childrenIds": [],
                    "role": "assistant",
                    "model": "llama3",
                    "modelName": "Clerk",
                    "timestamp": 1_700_000_003,
                    "content": '<details type="reasoning" done="true">\n<summary>Thought</summary>\n'
                    "> A greeting.\n</details>\nAhoy.",
                },
            },
        },
    },
}

SILLYTAVERN = [
    {
        "user_name": "Kim",
        "character_name": "Keeper Ana",
        "create_date": "2024-6-2 @21h 09m 51s 363ms",
        "chat_metadata": {},
    },
    {"name": "Keeper Ana", "is_user": False, "mes": "Evening.", "send_date": "June 2, 2024 9:09pm"},
    {"name": "Kim", "is_user": True, "mes": "Who are you?", "send_date": "2024-06-02T21:10:00.000Z"},
    {
        "name": "Keeper Ana",
        "is_user": False,
        "mes": "The keeper.",
        "swipes": ["Nobody.", "The keeper."],
        "swipe_id": 1,
        "send_date": 1_717_362_700_000,
        "extra": {"model": "gpt-5", "reasoning": "Be short."},
    },
    {"name": "Kim", "is_user": True, "mes": "Good night."},
]


def lines(*values: Any) -> bytes:
    return "\n".join(json.dumps(value) for value in values).encode()


def brought(services: Services, content: bytes) -> list[Any]:
    """The conversations that come of a file, each as its turns on the branch that is open."""
    library = local(services).library
    ids = library.import_json(content)
    exported = json.loads(library.export(list(ids), "json").content)
    return list(exported["conversations"])


def said(conversation: Any) -> list[tuple[str, str]]:
    """The open branch, from its first turn."""
    by_id = {turn["id"]: turn for turn in conversation["turns"]}
    found = []
    at = conversation["leafId"]
    while at:
        found.append((by_id[at]["role"], by_id[at]["content"]))
        at = by_id[at]["parentId"]
    return found[::-1]


def test_chatgpts_tree_comes_with_both_answers_and_the_open_branch(services: Services) -> None:
    (found,) = brought(services, json.dumps([CHATGPT]).encode())
    assert found["title"] == "Berths"
    assert said(found) == [("user", "Is berth 3 free?"), ("assistant", "Yes.\n\n[picture]")]
    assert len(found["turns"]) == 3
    models = {turn["content"]: turn["reply"]["model"] for turn in found["turns"] if turn.get("reply")}
    assert models == {"No.": "gpt-4o", "Yes.\n\n[picture]": "gpt-5"}
    assert found["createdAt"].startswith("2023-11-14")


def test_code_that_holds_a_fence_stays_one_block(services: Services) -> None:
    code = "print(1)\n```\n# no heading"
    message = {"author": {"role": "user"}, "content": {"content_type": "code", "text": code}}
    tree = {"mapping": {"a": {"message": message}}, "current_node": "a", "title": "Code"}
    (found,) = brought(services, json.dumps([tree]).encode())
    assert said(found) == [("user", f"````\n{code}\n````")]


def test_chatgpts_archive_is_taken_as_it_is_downloaded(services: Services) -> None:
    files = {
        "chat.html": b"<html></html>",
        "user.json": b"{}",
        "conversations.json": json.dumps([CHATGPT]).encode(),
    }
    (found,) = brought(services, archive(files))
    assert found["title"] == "Berths"


def test_open_webuis_chat_comes_with_its_thoughts_apart(services: Services) -> None:
    (found,) = brought(services, json.dumps([OPEN_WEBUI]).encode())
    assert said(found) == [("user", "Hello"), ("assistant", "Ahoy.")]
    reply = found["turns"][1]
    assert reply["reply"]["reasoning"] == "A greeting."
    assert (reply["personaName"], reply["reply"]["model"], found["pinned"]) == ("Clerk", "llama3", True)


def test_a_chat_of_an_older_open_webui_is_a_row_of_messages(services: Services) -> None:
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]
    (found,) = brought(services, json.dumps([{"title": "Old", "chat": {"messages": messages}}]).encode())
    assert said(found) == [("user", "Hi"), ("assistant", "Ho")]


def test_sillytaverns_swipes_are_versions_of_a_reply(services: Services) -> None:
    (found,) = brought(services, lines(*SILLYTAVERN))
    assert said(found) == [
        ("assistant", "Evening."),
        ("user", "Who are you?"),
        ("assistant", "The keeper."),
        ("user", "Good night."),
    ]
    assert "Nobody." in [turn["content"] for turn in found["turns"]]
    assert {turn["personaId"] for turn in found["turns"]} == {"keeper-ana"}
    assert found["createdAt"].startswith("2024-06-02T21:09")


def test_an_export_of_ours_is_not_touched() -> None:
    ours = b'{"format": "personachat.conversations", "version": 1, "conversations": []}'
    assert as_document(ours) == ours


@pytest.mark.parametrize(
    "content",
    [
        b"[]",
        b'[{"mapping": 1}]',
        b"{",
        archive({"notes.txt": b"x"}),
        b'[{"mapping": ' + b'{"a":' * 100_000,
        b"[" + b"{}," * 20_000 + b"{}]",
        json.dumps([{"mapping": {"a": {"parent": "b"}, "b": {"parent": "a"}}, "current_node": "c"}]).encode()[
            :-2
        ],
    ],
)
def test_what_is_no_conversation_is_refused(services: Services, content: bytes) -> None:
    with pytest.raises(ImportRefused):
        local(services).library.import_json(content)


def test_a_circle_of_messages_ends(services: Services) -> None:
    circle = {
        "a": {"parent": "b", "message": None},
        "b": {"parent": "a", "message": None},
        "c": {
            "parent": "b",
            "message": {"author": {"role": "user"}, "content": {"content_type": "text", "parts": ["Hi"]}},
        },
    }
    (found,) = brought(services, json.dumps([{"title": "", "mapping": circle, "current_node": "c"}]).encode())
    assert said(found) == [("user", "Hi")]


def test_what_no_text_can_be_kept_of_is_made_storable(services: Services) -> None:
    hostile = [
        {"user_name": "u", "character_name": "x\ud800" * 200, "chat_metadata": {}},
        {"name": "n\u0000", "is_user": False, "mes": "a\u0000b\ud800", "send_date": "9" * 400},
        {"name": 7, "is_user": True, "mes": "ok", "send_date": 1e308},
    ]
    (found,) = brought(services, lines(*hostile))
    assert [role for role, _ in said(found)] == ["assistant", "user"]
    assert len(found["turns"][0]["personaName"]) <= 80


ODD: list[Any] = [
    None,
    True,
    [],
    {},
    "",
    "x",
    -1,
    10**400,
    float("inf"),
    float("nan"),
    "\0\ud800",
    [None],
    [[1]],
    {"a": 1},
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
]


def places(value: Any, *above: str | int) -> Iterator[tuple[str | int, ...]]:
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, inner in members:
        yield (*above, key)
        yield from places(inner, *above, key)


def with_value(whole: Any, place: tuple[str | int, ...], value: Any) -> Any:
    changed = copy.deepcopy(whole)
    *way, last = place
    inner = changed
    for key in way:
        inner = inner[key]
    inner[last] = value
    return changed


@pytest.mark.parametrize(
    "written",
    [lambda value: json.dumps([value]).encode(), lambda value: lines(*value)],
    ids=["one", "lines"],
)
def test_whatever_stands_in_any_place_is_read_or_refused(written: Callable[[Any], bytes]) -> None:
    wholes = [CHATGPT, OPEN_WEBUI] if written([]) == b"[[]]" else [SILLYTAVERN]
    for whole in wholes:
        for place in places(whole):
            for odd in ODD:
                with suppress(ImportRefused):
                    read = as_document(written(with_value(whole, place, odd)))
                    assert isinstance(read, bytes), (place, odd)
