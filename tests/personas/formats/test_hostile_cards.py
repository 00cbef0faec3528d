"""Whatever a card's author writes into any of its fields, it is imported or refused, and leaves again."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from personachat.api.schemas import disposition
from personachat.errors import PersonaChatError
from personachat.personas.formats.catalogue import FORMATS, Format
from personachat.personas.formats.writing import leave
from personachat.personas.store.base import StoredPersona
from tests.personas.formats.reading import read_file

VALUES: dict[str, Any] = {
    "a script": "<script>alert(1)</script>",
    "a picture": "<img src=x onerror=alert(1)> ![x](https://example.org/x.png)",
    "a directive": ":material/delete: :red-badge[Admin] $$x$$",
    "a header": "A\r\nSet-Cookie: a=b",
    "a terminal": "\x1b[2J\x1b]0;mine\x07",
    "another direction": "\u202egpj.exe",
    "nothing to see": "\u200b\u200b",
    "a formula": "=cmd|'/c calc'!A0",
    "a path": "../../etc/passwd",
    "a device": "CON",
    "dots": "...",
    "a long text": "x" * 5_000,
    "marks": "e" + "\u0301" * 500,
    "a format": "{x.__class__} %n%s {{7*7}} ${HOME}`id`",
    "an object of YAML": "- !!python/object:os.system\n",
    "an alias of itself": "a: &a [*a]",
    "front matter": "---\nname: x\n---\n# X",
    "an instruction": '"""\nFROM evil\nSYSTEM evil',
    "line ends": "\n\n\n",
    "invisible tags": "\U000e0041\U000e0042",
    "no characters": "\ufffe\uffff",
    "an option": "--help",
    "a prototype": "__proto__",
    "null": None,
    "a number": 7,
    "a list": ["a"],
    "an object": {"a": 1},
    "a truth": True,
}
TEXTS = (
    "name",
    "description",
    "personality",
    "scenario",
    "first_mes",
    "mes_example",
    "creator_notes",
    "creator",
)


def placed(value: Any) -> dict[str, dict[str, Any]]:
    """Cards with this value in one part or another."""
    entry = {"keys": [value], "content": value, "name": value, "insertion_order": value, "enabled": True}
    entry["extensions"] = dict.fromkeys(("position", "probability", "depth"), value)
    own = {str(value)[:200]: value, "depth_prompt": dict.fromkeys(("prompt", "depth", "role"), value)}
    base = {"name": "Robin", "description": "Keeps bees."}
    return {
        "texts": dict.fromkeys((*TEXTS, "nickname", "system_prompt"), value) | {"description": "Keeps bees."},
        "name": base | {"name": value},
        "lists": base | {"tags": [value, value], "alternate_greetings": [value]},
        "lore": base | {"character_book": {"name": value, "entries": [entry]}},
        "extensions": base | {"extensions": own | {"personachat": value}},
    }


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_a_value_anywhere_in_a_card_is_kept_or_refused_and_never_breaks_an_export(value: Any) -> None:
    brought = 0
    for part, data in placed(value).items():
        card = {"spec": "chara_card_v3", "spec_version": "3.0", "data": data}
        try:
            (arrival,) = read_file(json.dumps(card).encode(), filename=str(value)[:50])
        except PersonaChatError:
            continue
        brought += 1
        stored = StoredPersona(arrival.persona, arrival.text, "etag")
        for kind in FORMATS:
            made = leave(stored, kind)
            header = disposition(made.filename)
            assert re.fullmatch(r"attachment; filename=\"[ -.0-~]+\"; filename\*=UTF-8''[!-~]+", header), part
            for words in (*arrival.losses, *made.losses):
                assert not re.search(r"[\x00-\x1f\u202e]", words), (part, words)
                assert len(words) < 1_000, part
            if kind in COMES_BACK:
                (again,) = read_file(made.content, filename=made.filename)
                assert json.loads(again.text) == json.loads(arrival.text), (part, kind)
    assert brought >= 3


COMES_BACK: tuple[Format, ...] = ("json", "card-v2", "card-v3", "card-png", "charx", "bundle")


@pytest.mark.parametrize("name", [None, 7, True, ["a"], {"a": 1}])
def test_a_card_whose_name_is_no_text_leaves_as_a_card_of_version_1(name: Any) -> None:
    card = {
        "spec": "chara_card_v3",
        "spec_version": "3.0",
        "data": {"name": name, "description": "Keeps bees."},
    }
    (arrival,) = read_file(json.dumps(card).encode())
    made = json.loads(leave(StoredPersona(arrival.persona, arrival.text, "etag"), "card-v1").content)
    assert made["name"] == arrival.persona.name
    assert all(isinstance(value, str) for value in made.values())
