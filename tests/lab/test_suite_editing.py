"""Edits of a suite's text change one thing and leave the rest to the letter."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personachat.lab.suites.editing import Path, swapped, with_entry, with_mapping, with_value, without
from personachat.personas.formats.yaml_text import read_yaml

BLOCK = """\
# What it promises
persona: tester   # its id
repeat: 3

cases:
  # the first
  - name: greets   # kindly
    say: |
      Hi
      there
    check:
      - contains: "You said"   # an echo
      - words: { at_most: 80 }
  - name: asks
    say: Why?
    check: [ { questions: 1 }, { banned: true } ]

  # the last
  - { name: leaves, say: Bye, check: [{ words: 3 }] }
# the end
"""


@pytest.mark.parametrize(
    ("path", "value", "old", "new"),
    [
        (("repeat",), 5, "repeat: 3", "repeat: 5"),
        (("cases", 0, "name"), "greets: kindly", "name: greets ", "name: 'greets: kindly' "),
        (("cases", 0, "say"), "Hello", "say: |\n      Hi\n      there", "say: Hello"),
        (("cases", 1, "say"), "Why\nnot?", "say: Why?", 'say: "Why\\nnot?"'),
        (("cases", 1, "say"), "yes", "say: Why?", "say: 'yes'"),
        (("cases", 0, "check", 1), {"words": 5}, "{ at_most: 80 }", "5"),
        (("cases", 1, "check", 0, "questions"), {"at_least": 2}, "questions: 1", "questions: {at_least: 2}"),
        (("cases", 2, "say"), "So long, all", "say: Bye", 'say: "So long, all"'),
        (("cases", 2, "repeat"), 4, "[{ words: 3 }] }", "[{ words: 3 }], repeat: 4 }"),
        (("cases", 0, "reference"), "Hi!", "{ at_most: 80 }", "{ at_most: 80 }\n    reference: Hi!"),
    ],
)
def test_one_value_changes_and_nothing_else(path: Path, value: Any, old: str, new: str) -> None:
    edited = with_value(BLOCK, path, value)
    if path == ("cases", 0, "check", 1):
        old, new = "- words: { at_most: 80 }", "- {words: 5}"
    assert edited == BLOCK.replace(old, new, 1)


def test_entries_are_added_in_the_lists_own_style() -> None:
    edited = with_entry(BLOCK, ("cases", 0, "check"), {"questions": {"at_least": 1}})
    assert edited == BLOCK.replace("{ at_most: 80 }", "{ at_most: 80 }\n      - questions: {at_least: 1}")
    edited = with_entry(BLOCK, ("cases", 1, "check"), {"words": 9})
    assert edited == BLOCK.replace("{ banned: true } ]", "{ banned: true }, {words: 9} ]")
    case = {"name": "new", "say": "Hm?", "check": [{"words": {"at_most": 80}}]}
    edited = with_entry(BLOCK, ("cases",), case)
    added = "\n  - name: new\n    say: Hm?\n    check:\n      - {words: {at_most: 80}}\n# the end"
    assert edited == BLOCK.replace("\n# the end", added)
    edited = with_entry(BLOCK, ("cases", 1, "turns"), {"user": "Hi"})
    assert read_yaml(edited)["cases"][1]["turns"] == [{"user": "Hi"}]


def test_entries_and_keys_are_removed_with_their_lines() -> None:
    assert without(BLOCK, ("repeat",)) == BLOCK.replace("\nrepeat: 3", "")
    assert without(BLOCK, ("cases", 0, "check", 1)) == BLOCK.replace("\n      - words: { at_most: 80 }", "")
    edited = without(BLOCK, ("cases", 1, "check", 0))
    assert edited == BLOCK.replace("{ questions: 1 }, ", "")
    for number in range(3):
        names = [case["name"] for case in read_yaml(without(BLOCK, ("cases", number)))["cases"]]
        assert names == [name for name in ("greets", "asks", "leaves") if name != names_of(BLOCK)[number]]
        assert "# its id" in without(BLOCK, ("cases", number))


def names_of(text: str) -> list[str]:
    return [case["name"] for case in read_yaml(text)["cases"]]


def test_entries_change_places_with_their_comments() -> None:
    edited = swapped(BLOCK, ("cases",), 0, 1)
    assert names_of(edited) == ["asks", "greets", "leaves"]
    assert swapped(edited, ("cases",), 1, 0) == BLOCK
    assert "name: greets   # kindly" in edited


def test_json_stays_json() -> None:
    text = json.dumps(
        {"persona": "a", "cases": [{"name": "n", "say": "Hi", "check": [{"words": 3}]}]}, indent=1
    )
    for edited in (
        with_value(text, ("cases", 0, "name"), 'A "name"'),
        with_value(text, ("cases", 0, "repeat"), 2),
        with_entry(text, ("cases", 0, "check"), {"questions": 1}),
        with_entry(text, ("cases",), {"name": "m"}),
    ):
        assert json.loads(edited) == read_yaml(edited)
    assert with_value(text, ("persona",), "b") == text.replace('"a"', '"b"')


def test_what_cannot_be_done_in_place_is_written_anew_and_says_what_was_meant() -> None:
    text = "persona: a\ncases:\n- &x {name: n, say: Hi, check: [{words: 3}]}\n- *x\n"
    edited = with_value(text, ("cases", 1, "name"), "m")
    assert [case["name"] for case in read_yaml(edited)["cases"]] == ["n", "m"]


VALUES = st.one_of(
    st.text(max_size=20).filter(lambda text: text.isprintable() or "\n" in text),
    st.integers(-5, 500),
    st.booleans(),
    st.lists(st.sampled_from(["a: b", "#", "- x", "'", '"', "yes", "1", ""]), max_size=3),
)


@settings(deadline=None, max_examples=60)
@given(VALUES, st.sampled_from([("cases", 0, "say"), ("cases", 2, "say"), ("repeat",), ("cases", 1, "new")]))
def test_whatever_is_written_is_read_again(value: Any, path: Path) -> None:
    wanted = read_yaml(BLOCK)
    here = wanted
    for part in path[:-1]:
        here = here[part]
    here[path[-1]] = value
    assert read_yaml(with_value(BLOCK, path, value)) == wanted


@pytest.mark.parametrize(
    ("old", "value", "new"),
    [
        ("{ a: 1, b: [2] }   # why", {"a": 1, "b": [3]}, "{ a: 1, b: [3] }   # why"),
        ("{ a: 1, b: { c: 2, d: 3 } }", {"a": 1, "b": {"d": 3}}, "{ a: 1, b: { d: 3 } }"),
        ("{ a: 1 }", {"a": True}, "{ a: true }"),
        ("{ a: 1 }", {"a": 1, "# no": 2, "yes": 3, "x, y": 4}, '{ a: 1, "# no": 2, "yes": 3, "x, y": 4 }'),
        ("{ a: 1 }", {"b": 1}, "{b: 1}"),
        ("{ a: 1 }", {}, "{}"),
        ("3", {"a": 1}, "{a: 1}"),
    ],
)
def test_a_mapping_keeps_what_it_has_in_common_with_the_one_before(
    old: str, value: dict[str, Any], new: str
) -> None:
    text = f"# first\nhere:\n  own: {old}\n  after: 1   # last\n"
    assert with_mapping(text, ("here", "own"), value) == text.replace(old, new)
