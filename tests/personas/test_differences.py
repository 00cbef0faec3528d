from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from personachat.personas.diff import as_json, changes, differences
from personachat.personas.word_diff import MOST_CHARACTERS_BY_WORD, DiffPiece, compared_words, spans


def text_of(**keys: Any) -> str:
    return json.dumps({"id": "one", "name": "One", "systemPrompt": "Hi.", "temperature": 0.7} | keys)


def facts(before: str, after: str) -> list[tuple[Any, ...]]:
    return [
        (each.path, each.label, each.kind, each.before, each.after) for each in differences(before, after)
    ]


def rebuilt(pieces: tuple[DiffPiece, ...]) -> tuple[str, str]:
    return tuple(  # type: ignore[return-value]  # looser than the types on purpose
        "".join(piece.text for piece in pieces if piece.kind in ("same", side))
        for side in ("removed", "added")
    )


@pytest.mark.parametrize(
    ("keys", "difference"),
    [
        ({"temperature": 0.2}, (("temperature",), "Temperature", "changed", 0.7, 0.2)),
        ({"maxTokens": 5}, (("maxTokens",), "Max tokens", "added", None, 5)),
        ({"name": "Two"}, (("name",), "Name", "changed", "One", "Two")),
        ({"summarize": True, "x": 1}, (("summarize",), "Summarize", "added", None, True)),
    ],
)
def test_a_difference_names_its_key_in_words(keys: dict[str, Any], difference: tuple[Any, ...]) -> None:
    assert facts(text_of(), text_of(**keys))[0] == difference


def test_a_removed_key_keeps_what_it_said() -> None:
    assert facts(text_of(topP=0.5), text_of()) == [(("topP",), "Top p", "removed", 0.5, None)]


def test_layout_and_the_order_of_keys_are_no_difference() -> None:
    value = json.loads(text_of(topP=None))
    turned = json.dumps(dict(reversed(value.items())), indent=4)
    assert differences(text_of(topP=None), turned) == ()
    assert differences(text_of(temperature=1), text_of(temperature=1.0)) == ()


def test_true_is_not_one() -> None:
    assert len(differences(text_of(extensions={"x": 1}), text_of(extensions={"x": True}))) == 1


def test_lists_are_compared_entry_by_entry() -> None:
    before, after = text_of(tags=["a", "b", "c"]), text_of(tags=["new", "a", "c", "d"])
    assert facts(before, after) == [
        (("tags", 0), "Tags, entry 1", "added", None, "new"),
        (("tags", 1), "Tags, entry 2", "removed", "b", None),
        (("tags", 3), "Tags, entry 4", "added", None, "d"),
    ]


def test_an_entry_that_is_an_object_is_compared_by_its_keys() -> None:
    before = text_of(examples=[{"user": "u", "assistant": "a"}])
    after = text_of(examples=[{"user": "u", "assistant": "b"}])
    label = "Examples, entry 1, assistant"
    assert facts(before, after) == [(("examples", 0, "assistant"), label, "changed", "a", "b")]


def test_a_text_that_cannot_be_read_is_compared_as_a_whole() -> None:
    (found,) = differences('{"id": "one",', text_of())
    assert (found.path, found.label, found.kind) == ((), "Whole text", "changed")
    assert rebuilt(found.words) == ('{"id": "one",', text_of())


def test_a_long_text_is_compared_word_by_word() -> None:
    before = "You are a patient teacher of French, and you never hurry anybody along the way."
    after = "You are a patient teacher of German, and you never ever hurry anybody along the way."
    assert compared_words(before, after) == (
        DiffPiece("same", "You are a patient teacher of "),
        DiffPiece("removed", "French"),
        DiffPiece("added", "German"),
        DiffPiece("same", ", and you never"),
        DiffPiece("added", " ever"),
        DiffPiece("same", " hurry anybody along the way."),
    )
    assert differences(text_of(systemPrompt=before), text_of(systemPrompt=after))[0].words


def test_texts_without_spaces_are_compared_by_their_characters() -> None:
    assert compared_words("你是一位耐心的老师。", "你是一位严格的老师。") == (
        DiffPiece("same", "你是一位"),
        DiffPiece("removed", "耐心"),
        DiffPiece("added", "严格"),
        DiffPiece("same", "的老师。"),
    )


def test_an_added_blank_line_is_all_that_is_shown() -> None:
    assert compared_words("one\ntwo", "one\n\ntwo") == (
        DiffPiece("same", "one\n"),
        DiffPiece("added", "\n"),
        DiffPiece("same", "two"),
    )


def test_scattered_changes_are_shown_as_one() -> None:
    assert compared_words("red green blue", "black white grey") == (
        DiffPiece("removed", "red green blue"),
        DiffPiece("added", "black white grey"),
    )


WORDS = some.lists(some.sampled_from(["a", "b", "c", "of", "the", " ", "\n", ", ", "语", "文", "é"])).map(
    "".join
)


@settings(max_examples=150)
@given(WORDS | some.text(), WORDS | some.text())
def test_the_pieces_make_up_both_texts(before: str, after: str) -> None:
    assert rebuilt(compared_words(before, after)) == (before, after)


@settings(max_examples=100)
@given(some.lists(some.sampled_from("abc"), max_size=12), some.lists(some.sampled_from("abc"), max_size=12))
def test_what_lies_between_the_spans_is_the_same(first: list[str], second: list[str]) -> None:
    at = other_at = 0
    for start, end, other_start, other_end in [*spans(first, second), (len(first), 0, len(second), 0)]:
        assert first[at:start] == second[other_at:other_start]
        at, other_at = end, other_end


def test_as_few_words_differ_as_can_be() -> None:
    found = spans(list("abcabba"), list("cbabac"))
    assert sum(end - start + other_end - other_start for start, end, other_start, other_end in found) == 5


@pytest.mark.parametrize("size", [32_000, 2 * MOST_CHARACTERS_BY_WORD])
def test_texts_of_two_repeated_words_are_compared_however_long(size: int) -> None:
    before, after = "a b " * (size // 4), "b a a " * (size // 6)
    assert rebuilt(compared_words(before, after)) == (before, after)


VALUES = some.recursive(
    some.none() | some.booleans() | some.integers(-9, 9) | some.text(max_size=5),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60)
@given(some.dictionaries(some.text(max_size=3), VALUES), some.dictionaries(some.text(max_size=3), VALUES))
def test_there_are_differences_exactly_where_the_values_differ(before: Any, after: Any) -> None:
    found = differences(json.dumps(before), json.dumps(after))
    assert bool(found) == (json.dumps(before, sort_keys=True) != json.dumps(after, sort_keys=True))
    json.dumps(as_json(found))


def test_as_json_leaves_out_the_side_that_had_nothing() -> None:
    assert as_json(differences(text_of(), text_of(topP=None))) == [
        {"path": ["topP"], "label": "Top p", "kind": "added", "after": None}
    ]


@pytest.mark.parametrize(
    ("after", "said"),
    [
        ({"temperature": 0.2}, "temperature 0.7 → 0.2"),
        ({"systemPrompt": "Hi." + "!" * 120}, "system prompt +120 characters"),
        ({"name": "Two"}, "name “One” → “Two”"),
        ({"maxTokens": 5}, "max tokens added"),
        ({"personality": {"tone": "dry"}, "temperature": 1}, "temperature 0.7 → 1, personality added"),
    ],
)
def test_changes_are_named_in_the_words_of_the_keys(after: dict[str, Any], said: str) -> None:
    assert changes(text_of(), text_of(**after)) == said


def test_a_change_of_the_layout_alone_is_called_so() -> None:
    assert changes(text_of(), json.dumps(json.loads(text_of()), indent=4)) == "only its layout"


def test_changes_of_a_text_that_cannot_be_read_are_those_of_the_whole() -> None:
    assert changes("{", text_of()) == "the whole text"


def test_a_long_text_of_the_same_length_is_reworded() -> None:
    before, after = text_of(systemPrompt="a" * 80), text_of(systemPrompt="b" * 80)
    assert changes(before, after) == "system prompt reworded"


def test_changes_inside_the_personality_are_named() -> None:
    before, after = text_of(personality={"tone": "dry"}), text_of(personality={"tone": "warm"})
    assert changes(before, after) == "tone “dry” → “warm”"


def test_many_changes_are_counted_after_the_third() -> None:
    after = text_of(temperature=1, name="Two", description="x", tags=["a"], model="m")
    assert changes(text_of(), after).endswith(" and 2 more")
