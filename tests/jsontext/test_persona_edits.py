from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personachat.jsontext.edits import merged, put_back, swapped, with_value, without
from personachat.jsontext.faults import Path
from personachat.personas.persona import dump_persona, parse_persona
from tests.strategies import json_values, personas

ORDER = ("id", "name", "description", "systemPrompt", "personality", "tags")

WRITTEN = """{
    "name" :  "Ada",

    "id": "ada",  "tags": ["one", "two"],
    "extensions": {"x": [1.0, 2e3,
        {"deep": null}]},
    "systemPrompt": "Be \\u0062rief."
}
"""

keys = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=4)
documents: st.SearchStrategy[dict[str, Any]] = st.dictionaries(keys, json_values, max_size=4)
layouts: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {"indent": 2},
        {"indent": 4},
        {"indent": "\t"},
        {"indent": None},
        {"separators": (",", ":")},
        {"indent": 1, "separators": (" ,", " : ")},
        {"ensure_ascii": True},
    ]
)


def rendered(value: Any, layout: dict[str, Any]) -> str:
    return json.dumps(value, **({"ensure_ascii": False} | layout)) + "\n"


def paths_in(value: Any) -> list[Path]:
    steps: Any = value.items() if isinstance(value, dict) else enumerate(value)
    found: list[Path] = []
    for step, inner in steps:
        found.append((step,))
        if isinstance(inner, dict | list):
            found += [(step, *path) for path in paths_in(inner)]
    return found


def at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


@st.composite
def places(draw: st.DrawFn) -> tuple[dict[str, Any], str, Path]:
    """A document, its text, and a path to something in it."""
    document = draw(documents.filter(lambda made: len(made) > 0))
    return document, rendered(document, draw(layouts)), draw(st.sampled_from(paths_in(document)))


@settings(max_examples=150)
@given(places(), json_values)
def test_a_value_that_is_set_is_read_back_and_nothing_else_has_changed(
    place: tuple[dict[str, Any], str, Path], value: Any
) -> None:
    document, text, path = place
    expected = copy.deepcopy(document)
    at(expected, path[:-1])[path[-1]] = value

    edited = with_value(text, path, value)

    assert json.loads(edited) == expected
    assert with_value(edited, path, value) == edited
    assert with_value(text, path, at(document, path)) == text


@settings(max_examples=100)
@given(places(), json_values)
def test_only_the_span_of_the_value_is_written_anew(
    place: tuple[dict[str, Any], str, Path], value: Any
) -> None:
    document, text, path = place
    mark = "a text that stands nowhere else"
    before, after = with_value(text, path, mark).split(json.dumps(mark))

    assert with_value(text, path, value).startswith(before)
    assert with_value(text, path, value).endswith(after)
    assert before + rendered(0, {}).strip() + after == with_value(text, path, 0) or at(document, path) == 0


@settings(max_examples=100)
@given(documents, layouts, keys, json_values)
def test_a_key_that_is_added_and_removed_leaves_the_text_as_it_was(
    document: dict[str, Any], layout: dict[str, Any], key: str, value: Any
) -> None:
    document.pop(key, None)
    text = rendered(document, layout)

    added = with_value(text, (key,), value)

    assert json.loads(added) == document | {key: value}
    assert without(added, (key,)) == text


@settings(max_examples=100)
@given(places())
def test_what_is_removed_is_gone_and_all_else_is_there(place: tuple[dict[str, Any], str, Path]) -> None:
    document, text, path = place
    expected = copy.deepcopy(document)
    del at(expected, path[:-1])[path[-1]]

    assert json.loads(without(text, path)) == expected


@settings(max_examples=40)
@given(personas(), personas())
def test_every_key_of_a_persona_can_be_set_to_that_of_another(one: Any, two: Any) -> None:
    text, other = dump_persona(one), json.loads(dump_persona(two))
    for key, value in other.items():
        text = with_value(text, (key,), value)
    for key in json.loads(text).keys() - other.keys():
        text = without(text, (key,))

    assert parse_persona(text) == two


def test_the_layout_around_a_change_stays_as_somebody_wrote_it() -> None:
    assert with_value(WRITTEN, ("id",), "bob") == WRITTEN.replace('"ada"', '"bob"')
    assert with_value(WRITTEN, ("extensions", "x", 1), 7) == WRITTEN.replace("2e3", "7")
    assert with_value(WRITTEN, ("tags",), ["a", "b", "c"]) == WRITTEN.replace(
        '["one", "two"]', '["a", "b", "c"]'
    )


def test_a_text_that_says_it_already_is_not_touched() -> None:
    assert with_value(WRITTEN, ("systemPrompt",), "Be brief.") == WRITTEN
    assert with_value(WRITTEN, ("extensions", "x", 1), 2000.0) == WRITTEN
    assert with_value('{"a": 1}', ("a",), True) == '{"a": true}'


def test_a_new_key_follows_the_last_one_that_precedes_it_in_the_order() -> None:
    text = '{\n  "id": "a",\n  "extensions": {},\n  "name": "A",\n  "systemPrompt": "x"\n}\n'

    assert with_value(text, ("description",), "d", order=ORDER).splitlines()[3:5] == [
        '  "name": "A",',
        '  "description": "d",',
    ]
    assert with_value(text, ("tags",), ["t"], order=ORDER).endswith('"x",\n  "tags": [\n    "t"\n  ]\n}\n')
    assert with_value(text, ("colour",), 1, order=ORDER).endswith('"x",\n  "colour": 1\n}\n')
    without_id = '{\n  "name": "A"\n}'
    assert with_value(without_id, ("id",), "a", order=ORDER) == '{\n  "id": "a",\n  "name": "A"\n}'


def test_a_missing_object_on_the_way_is_made_in_the_style_of_the_text() -> None:
    assert (
        with_value('{\r\n\t"name": "A"\r\n}', ("personality", "tone"), "dry")
        == '{\r\n\t"name": "A",\r\n\t"personality": {\r\n\t\t"tone": "dry"\r\n\t}\r\n}'
    )
    assert with_value('{"a":1}', ("b", "c"), [1, 2]) == '{"a":1,"b":{"c":[1,2]}}'
    assert with_value("{}", ("a",), 1) == '{"a": 1}'
    assert with_value('{\n  "p": {}\n}', ("p", "a"), 1) == '{\n  "p": {\n    "a": 1\n  }\n}'


def test_a_list_is_written_in_the_manner_of_the_other_lists() -> None:
    on_a_line = '{\n  "tags": ["a", "b"]\n}'
    in_lines = '{\n  "tags": [\n    "a"\n  ]\n}'

    assert with_value(on_a_line, ("stop",), ["x", "y"]) == '{\n  "tags": ["a", "b"],\n  "stop": ["x", "y"]\n}'
    assert with_value(on_a_line, ("tags", 2), "c") == '{\n  "tags": ["a", "b", "c"]\n}'
    assert with_value(in_lines, ("tags", 1), "b") == '{\n  "tags": [\n    "a",\n    "b"\n  ]\n}'
    assert with_value(in_lines, ("tags",), ["x", "y"]) == '{\n  "tags": [\n    "x",\n    "y"\n  ]\n}'


def test_escapes_or_letters_as_the_text_has_them() -> None:
    assert with_value('{"a": "caf\\u00e9"}', ("b",), "é") == '{"a": "caf\\u00e9", "b": "\\u00e9"}'
    assert with_value('{"a": "café"}', ("b",), "é") == '{"a": "café", "b": "é"}'
    assert with_value('{"a": 1}', ("b",), "é") == '{"a": 1, "b": "é"}'


def test_entries_change_places_as_they_are_written() -> None:
    text = '{"examples": [ {"user":"a"},\n  {"user" : "\\u0062"} ]}'

    assert swapped(text, ("examples", 0), 1) == '{"examples": [ {"user" : "\\u0062"},\n  {"user":"a"} ]}'
    assert swapped(swapped(text, ("examples", 0), 1), ("examples", 1), 0) == text
    with pytest.raises(LookupError):
        swapped(text, ("examples", 0), 2)


def test_a_key_that_is_there_twice_is_changed_where_it_counts_and_removed_wherever_it_is() -> None:
    text = '{"a": 1, "b": 2, "a": 3}'

    assert with_value(text, ("a",), 4) == '{"a": 1, "b": 2, "a": 4}'
    assert without(text, ("a",)) == '{"b": 2}'


def test_texts_with_other_faults_can_be_edited() -> None:
    assert with_value('{"topP": NaN, "x": 1e999}', ("topP",), 0.5) == '{"topP": 0.5, "x": 1e999}'
    assert with_value('{"topP": -NaN}', ("topP",), None) == '{"topP": null}'
    assert with_value('{"a": "\\ud800"}', ("a",), "b") == '{"a": "b"}'


@pytest.mark.parametrize("text", ["", "{", '{"a": 1,}', '{"a" 1}', "\ufeff{}"])
def test_a_broken_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not valid JSON"):
        with_value(text, ("a",), 1)
    with pytest.raises(ValueError, match="not valid JSON"):
        without(text, ("a",))


@pytest.mark.parametrize(
    "path", [("a", "b"), ("a", 0), ("list", 2), ("list", -1), (0,), ("list", "x"), ("new", 0)]
)
def test_a_path_without_a_place_is_refused(path: Path) -> None:
    with pytest.raises(LookupError):
        with_value('{"a": 1, "list": [1]}', path, 1)


def test_what_is_not_there_need_not_be_removed() -> None:
    assert without(WRITTEN, ("greeting",)) == WRITTEN
    assert without(WRITTEN, ("tags", 5)) == WRITTEN
    assert without(WRITTEN, ("id", "deeper")) == WRITTEN


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("a=1 b=2 c=3!", "a=9 b=2 c=3", "a=9 b=2 c=3!"),
        ("a=1 b=2 c=3", "a=9 b=2 c=3", "a=9 b=2 c=3"),
        ("a=17 b=2 c=3", "a=1 b=2 c=", "a=17 b=2 c="),
        ("a=1 c=3", "a=1 b=2 c=345", "a=1 c=345"),
        ("a=1 b=7 c=3", "a=1 b=2 c=3", "a=1 b=7 c=3"),
        ("a=1 b=7 c=3", "a=1 b=8 c=3", "a=1 b=7 c=3"),
        ("", "a=1 b=2 c=3 d", " d"),
    ],
)
def test_two_changes_at_once_are_both_kept_unless_they_touch(one: str, other: str, both: str) -> None:
    assert merged("a=1 b=2 c=3", one, other) == both


def test_what_was_removed_comes_back_as_written_beside_later_edits() -> None:
    after = without(WRITTEN, ("extensions", "x", 1))
    now = with_value(after, ("name",), "Grace")

    assert put_back(WRITTEN, after, now, ("extensions", "x", 1)) == WRITTEN.replace('"Ada"', '"Grace"')


@pytest.mark.parametrize(
    ("path", "now", "expected"),
    [
        (("tags", 0), ["three"], ["one", "three"]),
        (("tags", 0), [7], [7, "one"]),
        (("tags",), ["three"], ["one", "two"]),
    ],
    ids=["the entry behind it", "the list", "the key as it was"],
)
def test_what_was_removed_comes_back_where_its_place_was_edited(path: Path, now: Any, expected: Any) -> None:
    after = without(WRITTEN, path)
    edited = with_value(after, ("tags",), now)

    assert json.loads(put_back(WRITTEN, after, edited, path))["tags"] == expected
