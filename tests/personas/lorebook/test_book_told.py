"""Lore is told when it comes up, as its author means it, whatever shape the book has."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from personachat.personas.lorebook import Occasion, SpokenMessage, Teller, is_book, limits, read
from tests.personas.lorebook.books import book, chat, entry, silly, texts, told
from tests.strategies import json_values


def test_what_is_constant_is_always_told_and_what_is_disabled_never() -> None:
    one = book(
        entry("Always.", constant=True),
        entry("Never.", "x", enabled=False),
        {"key": ["x"], "content": "Never.", "disable": True},
        entry("Off.", constant=True, enabled="false"),
    )
    assert texts(one, "x") == ["Always."]


def test_probability_is_the_same_for_one_message_and_differs_between_them() -> None:
    one = book(entry("Maybe.", "x", extensions={"probability": 50, "useProbability": True}))
    for conversation in map(str, range(20)):
        assert texts(one, "x", conversation=conversation) == texts(one, "x", conversation=conversation)
    outcomes = [bool(texts(one, *["x"] * count)) for count in range(1, 60)]
    assert 10 < sum(outcomes) < 50
    assert texts(book(entry("Never.", constant=True, extensions={"probability": 0})), "x") == []
    unused = {"probability": 0, "useProbability": False}
    assert texts(book(entry("Sure.", constant=True, extensions=unused)), "x") == ["Sure."]


def test_entries_come_in_the_order_of_insertion() -> None:
    one = book(entry("Second.", "x", insertion_order="20"), entry("First.", "x", insertion_order=3))
    assert texts(one, "x") == ["First.", "Second."]


def test_an_entry_says_where_it_stands() -> None:
    places = [
        (entry("a", "x", position="before_char"), ("before", 0)),
        (entry("a", "x", position="after_char"), ("after", 0)),
        (entry("a", "x"), ("after", 0)),
        (silly("a", "x", position=4, depth=2, role=1), ("depth", 2)),
        (silly("a", "x", position=5), ("examples_top", 4)),
        (silly("a", "x", position=6), ("examples_bottom", 4)),
        (silly("a", "x", position=2), ("depth", 4)),
    ]
    for value, (place, depth) in places:
        (found,) = told(book(value), ["x"]).entries
        assert found.entry.place == place
        assert place != "depth" or found.entry.depth == depth


def test_the_lowest_priority_goes_first_and_one_that_does_not_fit_ends_nothing() -> None:
    low = entry("low " * 30, "x", insertion_order=1, priority=1)
    high = entry("High.", "x", insertion_order=2, priority=100)
    middle = entry("Middle.", "x", insertion_order=3, priority=50)
    assert texts(book(low, high, middle, token_budget=20), "x") == ["High.", "Middle."]
    found = told(book(low, high, token_budget=20), ["x"])
    assert [each.text.strip() for each in found.no_room] == [("low " * 30).strip()]


def test_without_priorities_the_latest_in_order_and_the_constant_ones_stay() -> None:
    one = book(
        entry("c" * 36, constant=True, insertion_order=1),
        entry("a" * 36, "x", insertion_order=2),
        entry("b" * 36, "x", insertion_order=3),
        token_budget=20,
    )
    assert [text[0] for text in texts(one, "x")] == ["c", "b"]


def test_an_entry_may_be_told_beyond_the_budget() -> None:
    one = book(entry("z" * 400, "x", extensions={"ignore_budget": True}), entry("y", "x"), token_budget=5)
    assert texts(one, "x") == ["z" * 400, "y"]


def test_of_a_group_one_is_told() -> None:
    one = book(
        *(silly(name, "x", group="weather", group_weight=weight) for name, weight in [("a", 0), ("b", 9)])
    )
    assert texts(one, "x") == ["b"]
    order = {"group": "weather", "group_override": True}
    two = book(silly("a", "x", **order), silly("b", "x", **order) | {"insertion_order": 50})
    assert texts(two, "x") == ["b"]


CHAIN = [
    ("The mill is by the river.", "mill"),
    ("The river is deep.", "river"),
    ("Deep is dark.", "deep"),
]


def test_a_recursive_book_goes_on_from_what_it_told() -> None:
    entries = [entry(*each) for each in CHAIN]
    assert texts(book(*entries), "mill") == ["The mill is by the river."]
    assert texts(book(*entries, recursive_scanning=False), "mill") == ["The mill is by the river."]
    assert len(texts(book(*entries, recursive_scanning=True), "mill")) == 3


def _flags(name: str, *, is_set: bool) -> dict[str, Any]:
    return {name: is_set}


def test_an_entry_may_stay_out_of_it() -> None:
    def chain(at: int, flag: str) -> list[str]:
        entries = [silly(*each, **_flags(flag, is_set=number == at)) for number, each in enumerate(CHAIN)]
        return texts(book(*entries, recursive_scanning=True), "mill")

    assert chain(1, "exclude_recursion") == ["The mill is by the river."]
    assert chain(1, "prevent_recursion") == ["The mill is by the river.", "The river is deep."]
    assert chain(0, "exclude_recursion") == [each[0] for each in CHAIN]


def test_an_entry_may_wait_for_others_to_bring_it_up() -> None:
    waits = silly("Second.", "mill", delay_until_recursion=True)
    later = silly("Third.", "mill", delay_until_recursion=2)
    assert texts(book(waits), "the mill") == ["Second."]
    alone = book(silly("First.", "boat"), waits, later, recursive_scanning=True)
    assert texts(alone, "boat and mill") == ["First.", "Second.", "Third."]
    assert texts(book(waits, recursive_scanning=False), "mill") == []


def test_hidden_keys_bring_up_lore_and_are_never_told() -> None:
    one = book(entry("Mill.{{hidden_key:river}}", "mill"), entry("River.", "river"), recursive_scanning=True)
    assert texts(one, "mill") == ["Mill.", "River."]
    noted = book(entry("Mill.{{// river}}", "mill"), entry("River.", "river"), recursive_scanning=True)
    assert texts(noted, "mill") == ["Mill."]


def timeline(value: Any, said: dict[int, str], length: int) -> list[int]:
    """At which numbers of messages, of those where the user has just spoken, the entry is told."""
    teller = Teller(read(book(value)))
    history = [
        SpokenMessage(said.get(number, "..."), by_persona=number % 2 == 0) for number in range(1, length + 1)
    ]
    return [
        count
        for count in range(1, length + 1, 2)
        if teller.tell(history[:count], Occasion(conversation="c")).entries
    ]


def test_a_sticky_entry_stays_for_as_many_messages_as_it_says() -> None:
    once = {1: "boat"}
    near = {"scan_depth": 1}
    assert timeline(silly("a", "boat", **near), once, 9) == [1]
    assert timeline(silly("a", "boat", sticky=3, **near), once, 9) == [1, 3]
    assert timeline(silly("a", "boat", sticky=4, **near), once, 9) == [1, 3, 5]


def test_an_entry_rests_after_it_was_told() -> None:
    always = dict.fromkeys(range(1, 20, 2), "boat")
    near = {"scan_depth": 1}
    assert timeline(silly("a", "boat", cooldown=4, **near), always, 13) == [1, 7, 13]
    assert timeline(silly("a", "boat", sticky=2, cooldown=2, **near), always, 13) == [1, 3, 7, 9, 13]


def test_an_entry_waits_until_there_are_enough_messages() -> None:
    always = dict.fromkeys(range(1, 20, 2), "boat")
    assert timeline(silly("a", "boat", delay=4), always, 9) == [5, 7, 9]


def test_what_stays_is_found_again_in_any_order() -> None:
    teller = Teller(read(book(silly("a", "boat", sticky=4, scan_depth=1))))
    history = chat("boat", "yes", "and", "no", "then")
    late = teller.tell(history, Occasion())
    teller.tell(history[:1], Occasion())
    assert teller.tell(history, Occasion()) == late
    assert late.entries[0].by == "still told"


def test_books_of_every_shape_are_read() -> None:
    by_number = {"entries": {"0": {"key": ["anchor"], "content": "Told.", "order": 1, "disable": False}}}
    lorebook_v3 = {"spec": "lorebook_v3", "data": book(entry("Told.", "anchor"))}
    risu = {"type": "risu", "data": [{"key": "anchor, x", "content": "Told.", "insertorder": 1}]}
    agnai = {
        "kind": "memory",
        "entries": [{"keywords": ["anchor"], "entry": "Told.", "weight": 1, "enabled": True}],
    }
    novel = {"lorebookVersion": 5, "entries": [{"keys": ["anchor"], "text": "Told.", "enabled": True}]}
    for value in (by_number, lorebook_v3, risu, agnai, novel):
        assert is_book(value)
        assert texts(value, "an anchor") == ["Told."]
        assert texts(value, "a boat") == []


@pytest.mark.parametrize(
    "value", [None, 7, [], {}, {"entries": 3}, {"name": "Ada", "entries": []}, {"id": 1}]
)
def test_other_values_are_no_books(value: Any) -> None:
    assert not is_book(value) or value == {"name": "Ada", "entries": []}
    assert texts(value, "x") == []
    assert limits(value) == []


@settings(max_examples=60, deadline=None)
@given(value=json_values, raw=some.lists(json_values, max_size=3))
def test_of_nonsense_only_texts_are_told(value: Any, raw: list[Any]) -> None:
    odd = dict.fromkeys(
        ("keys", "insertion_order", "probability", "position", "depth", "role", "group"), value
    )
    odd |= {"content": "c", "secondary_keys": raw, "selective": True, "extensions": {"sticky": value}}
    for each in (value, {"entries": raw}, {"entries": [odd]}, {"entries": [odd | {"extensions": odd}]}):
        assert all(isinstance(text, str) for text in texts(each, "x", "y"))
        assert all(sentence.endswith(".") for sentence in limits(each))
        assert is_book(each) in {True, False}


def test_what_does_nothing_here_is_said() -> None:
    one = book(
        silly("Outlet.", "x", position=7),
        silly("Similar.", "x", vectorized=True),
        {"key": ["x"], "content": "c", "characterFilter": {"names": ["Bo"], "tags": [], "isExclude": False}},
    )
    assert limits(one) == [
        "1 entry of its lore is for outlets, which are not supported here, and never used.",
        "1 entry of its lore is meant to be found by similarity. Here, only keys are used.",
        "1 entry of its lore is for certain characters only. Here, this persona always uses them.",
    ]
    assert limits(book(silly("Outlet.", "x", position=0, vectorized=False, characterFilter=None))) == []
