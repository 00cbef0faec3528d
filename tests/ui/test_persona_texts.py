from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as some

from personachat.personas.fields import free_id
from personachat.personas.persona import parse_persona
from personachat.ui.personas.texts import diff, line_of, name_in, new_text


def text_of(**keys: Any) -> str:
    return json.dumps({"id": "one", "name": "One", "systemPrompt": "Hi.", "temperature": 0.7} | keys)


@given(some.text(max_size=80), some.sets(some.sampled_from(["persona", "a", "a-2"])))
def test_every_name_gives_a_free_id_that_is_one(name: str, taken: set[str]) -> None:
    found = free_id(name, taken)
    assert parse_persona(text_of(id=found)).id == found
    assert found not in taken


def test_a_device_name_gets_a_number() -> None:
    assert free_id("CON", ()) == "con-2"


def test_a_new_persona_is_valid_and_keeps_what_its_start_had() -> None:
    start = parse_persona(text_of(tags=["x"], extensions={"kept": 1}))
    persona_id, text = new_text("Zoë & Co", other_ids={"zoe-co"}, start=start)
    made = parse_persona(text)
    assert made == start.model_copy(update={"id": "zoe-co-2", "name": "Zoë & Co"})
    assert persona_id == "zoe-co-2"


def test_a_blank_start_is_valid() -> None:
    persona_id, text = new_text("New persona", other_ids=())
    assert parse_persona(text).id == persona_id == "new-persona"


def test_the_name_of_a_text_that_is_none_is_unknown() -> None:
    assert [name_in(text) for text in ('{"name": "A"}', '{"name": 1}', "[]", "{", '{"name": " "}')] == [
        "A",
        *[None] * 4,
    ]


def test_a_line_is_shown_without_its_indent_and_a_missing_one_is_empty() -> None:
    assert [line_of("a\n  b\r\n", number) for number in (0, 1, 2, 3, 9)] == ["", "a", "b", "", ""]


def test_a_diff_shows_the_lines_that_differ() -> None:
    assert diff("a\nb\nc", "a\nB\nc").splitlines()[1:] == [" a", "-b", "+B", " c"]
