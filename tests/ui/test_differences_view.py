"""Differences for reading: nothing people wrote becomes markup, and nothing depends on colour alone."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as some

from personachat.personas.diff import differences
from personachat.ui.personas.diff import CONTEXT_CHARACTERS, MOST_CHARACTERS, markup


def marked(before: str, after: str) -> str:
    (difference,) = differences(json.dumps({"systemPrompt": before}), json.dumps({"systemPrompt": after}))
    return markup(difference)


def test_what_went_is_struck_out_and_what_came_is_underlined() -> None:
    shown = marked("cold", "warm")
    assert re.search(r"<del [^>]*>cold</del>", shown)
    assert re.search(r"<ins [^>]*>warm</ins>", shown)


def test_long_texts_are_marked_word_by_word() -> None:
    words = "You are a careful librarian who answers in short sentences and names the shelf."
    shown = marked(words, words.replace("careful", "cheerful"))
    assert re.search(r"<del [^>]*>careful</del>", shown)
    assert re.search(r"<ins [^>]*>cheerful</ins>", shown)
    assert "librarian who answers" in shown


def test_what_did_not_change_far_from_a_change_is_left_out() -> None:
    words = " ".join(f"word{number}" for number in range(400))
    shown = marked(words + " last", words + " end")
    assert "word0 " not in shown
    assert "word399" in shown
    kept = re.sub(r"<[^>]*>", "", shown)
    assert len(kept) < 3 * CONTEXT_CHARACTERS
    assert set(re.findall(r"\w*word\w*", kept)) <= set(words.split())


def test_an_added_structure_reads_without_the_signs_of_json() -> None:
    examples = [{"user": "Is Emma here?", "assistant": "Yes,\nshelf 12."}]
    (difference,) = differences("{}", json.dumps({"examples": examples}))
    lines = re.sub(r"<[^>]*>", "", markup(difference)).split("\n")
    assert lines == ["• User: Is Emma here?", "   Assistant: Yes,", "      shelf 12."]


@pytest.mark.parametrize(("before", "after"), [("1", 1), ("true", True), ("", None), (" ", "")])
def test_two_values_that_differ_never_look_the_same(before: object, after: object) -> None:
    (difference,) = differences(json.dumps({"a": before}), json.dumps({"a": after}))
    gone, new = markup(difference).split(" → ")
    assert re.sub(r"<[^>]*>", "", gone) != re.sub(r"<[^>]*>", "", new)


def test_a_huge_value_is_cut_and_the_difference_stays_small() -> None:
    (added,) = differences("{}", json.dumps({"systemPrompt": "word " * 50_000}))
    replaced = marked("old " * 50_000, "new " * 50_000)
    assert len(markup(added)) < 2 * MOST_CHARACTERS
    assert len(replaced) < 4 * MOST_CHARACTERS


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "<img src=x onerror=y>", "&lt;b&gt;", '" onclick="x']
)
def test_markup_in_a_text_is_shown_as_it_is(text: str) -> None:
    shown = marked("plain", text)
    assert "<script" not in shown
    assert "<img" not in shown
    assert not re.search(r"<(?!/?(?:del|ins|span)\b)", shown)


@given(before=some.text(max_size=80), after=some.text(max_size=80))
def test_no_text_brings_markup_of_its_own(before: str, after: str) -> None:
    found = differences(json.dumps({"a": before}), json.dumps({"a": after}))
    for difference in found:
        assert not re.search(r"<(?!/?(?:del|ins|span)\b)", markup(difference))
