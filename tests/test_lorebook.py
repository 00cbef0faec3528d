"""Lore is told when it comes up, within its limits, and nonsense in a book does no harm."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from personachat.lore import limits, triggered
from personachat.messages import ChatMessage
from personachat.persona import Persona
from personachat.prompts import compile_prompt, system_message
from tests.strategies import json_values

DAY = date(2026, 1, 2)


def entry(content: str, *keys: str, **more: Any) -> dict[str, Any]:
    return {
        "content": content,
        "keys": list(keys),
        "enabled": True,
        "insertion_order": 1,
        "extensions": {},
    } | more


def with_book(book: Any) -> Persona:
    return Persona(
        id="nell", name="Nell", system_prompt="You are {{char}}.", extensions={"character_book": book}
    )


def persona(*entries: Any, **book: Any) -> Persona:
    return with_book({"entries": list(entries), "extensions": {}} | book)


def said(*texts: str) -> list[ChatMessage]:
    return [ChatMessage("user", text) for text in texts]


def after(one: Persona, *texts: str) -> str:
    return triggered(one, said(*texts))[1]


def test_an_entry_is_told_when_one_of_its_keys_was_said() -> None:
    one = persona(entry("The mill burnt down.", "mill", "flour"))
    assert after(one, "Tell me of the MILL.") == "The mill burnt down."
    assert after(one, "Tell me of the river.") == ""
    assert after(one) == ""


def test_only_the_last_messages_are_searched() -> None:
    one = persona(entry("Old.", "mill"))
    assert after(one, "mill", "b", "c", "d") == "Old."
    assert after(one, "mill", "b", "c", "d", "e") == ""
    assert after(persona(entry("Old.", "mill"), scan_depth=5), "mill", "b", "c", "d", "e") == "Old."


def test_case_counts_only_where_the_book_says_so() -> None:
    one = persona(entry("A name.", "Will", case_sensitive=True))
    assert after(one, "I will go.") == ""
    assert after(one, "Will goes.") == "A name."


def test_a_selective_entry_needs_a_key_of_each_kind() -> None:
    one = persona(entry("Both.", "mill", selective=True, secondary_keys=["fire"]))
    assert after(one, "the mill") == ""
    assert after(one, "a fire at the mill") == "Both."


def test_what_is_constant_is_always_told_and_what_is_disabled_never() -> None:
    one = persona(entry("Always.", constant=True), entry("Never.", "x", enabled=False))
    assert after(one, "x") == "Always."


def test_entries_come_in_their_order_and_on_their_side() -> None:
    one = persona(
        entry("Second.", "x", insertion_order=2),
        entry("First.", "x", insertion_order=1),
        entry("Before.", "x", position="before_char"),
    )
    assert triggered(one, said("x")) == ("Before.", "First.\n\nSecond.")
    told = system_message(one, said("x"), today=DAY)
    assert told == "## Background\nBefore.\n\nYou are Nell.\n\n## Background\nFirst.\n\nSecond."


def test_a_recursive_book_goes_on_from_what_it_told() -> None:
    entries = entry("The mill is by the river.", "mill"), entry("The river is deep.", "river")
    assert after(persona(*entries), "mill") == "The mill is by the river."
    assert "deep" in after(persona(*entries, recursive_scanning=True), "mill")


def test_the_budget_is_kept() -> None:
    one = persona(
        entry("x" * 40, "k", insertion_order=1), entry("y" * 40, "k", insertion_order=2), token_budget=15
    )
    assert after(one, "k") == "x" * 40


def test_regular_expressions_are_never_run_and_that_is_said() -> None:
    one = persona(entry("Slow.", "(a+)+$", use_regex=True))
    assert after(one, "a" * 10_000 + "!") == ""
    assert limits(one.extensions["character_book"]) == [
        "1 entry of its lore has regular expressions for keys, which are kept and never run."
    ]


def test_lore_is_part_of_what_is_compiled_and_names_are_put_in() -> None:
    compiled = compile_prompt(persona(entry("{{char}} likes {{user}}.", "like")), said("like?"), today=DAY)
    assert compiled.messages[0].content.endswith("## Background\nNell likes User.")
    assert compiled.pinned == 1


@pytest.mark.parametrize("book", [None, 7, [], {}, {"entries": 3}, {"entries": [None, 1, {"keys": "x"}]}])
def test_a_book_that_is_none_tells_nothing(book: Any) -> None:
    assert triggered(with_book(book), said("x")) == ("", "")
    assert limits(book) == []


@settings(max_examples=60)
@given(book=json_values, raw=some.lists(json_values, max_size=3))
def test_nonsense_never_raises(book: Any, raw: list[Any]) -> None:
    odd = {"content": "c", "keys": raw, "insertion_order": book}
    for value in (book, {"entries": raw}, {"entries": [odd]}):
        triggered(with_book(value), said("x"))
