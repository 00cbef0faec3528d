"""Lore is told when it comes up, as its author means it, whatever shape the book has."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from personachat.personas.lorebook import Occasion, SpokenMessage, Teller, is_book, limits, read
from tests.personas.lorebook.books import book, chat, entry, silly, texts, told
from tests.strategies import json_values

# --- keys ---------------------------------------------------------------------------------------------


def test_an_entry_is_told_when_one_of_its_keys_was_said() -> None:
    one = book(entry("The mill burnt down.", "mill", "flour"))
    assert texts(one, "Tell me of the MILL.") == ["The mill burnt down."]
    assert texts(one, "Tell me of the river.") == []
    assert texts(one) == []


def test_only_the_last_messages_are_searched() -> None:
    one = book(entry("Old.", "mill"))
    assert texts(one, "mill", "b", "c", "d") == ["Old."]
    assert texts(one, "mill", "b", "c", "d", "e") == []
    assert texts(one | {"scan_depth": 5}, "mill", "b", "c", "d", "e") == ["Old."]
    assert texts(one | {"scan_depth": "5"}, "mill", "b", "c", "d", "e") == ["Old."]
    assert texts(one | {"scan_depth": 0}, "mill") == []


def test_an_entry_may_look_further_or_less_far_than_its_book() -> None:
    near = entry("Near.", "mill", extensions={"scan_depth": 1})
    far = entry("Far.", "mill", extensions={"scan_depth": 6})
    assert texts(book(near, far), "mill", "b", "c", "d", "e") == ["Far."]
    assert texts(book(near, far), "mill") == ["Near.", "Far."]


def test_silly_tavern_says_use_regex_of_plain_keys_and_constant_entries_too() -> None:
    one = book(silly("Harbour.", "harbour"), silly("Always.", constant=True))
    assert texts(one, "the harbour") == ["Harbour.", "Always."]
    assert texts(one, "a + b") == ["Always."]
    assert texts(book(silly("Sum.", "a+b (c)")), "what is a+b (c)?") == ["Sum."]


@pytest.mark.parametrize(
    ("pattern", "said", "expected"),
    [
        ("/whales?/", "A whale!", True),
        ("/whales?/", "A WHALE!", False),
        ("/whales?/i", "A WHALE!", True),
        ("/^boat/", "a\nboat", False),
        ("/^boat/m", "a\nboat", True),
        ("/a.b/", "a\nb", False),
        ("/a.b/s", "a\nb", True),
        (r"/\bcaf\u00e9/i", "the CAFÉ", True),
        (r"/\u{1F600}/u", "so 😀", True),
        (r"/\x41nna/", "Anna", True),
        (r"/and\/or/", "this and/or that", True),
        ("/[^]x/", "\nx", True),
        (r"/\_\é\i/", "_éi", True),
        ("/(?:storm|gale) (?<what>warning)/", "gale warning", True),
        ("/(cat|dog)s{2}/", "catss", True),
        ("/colou?r/i", "COLOR", True),
        ("/{{char}} waves/", "Nell waves", True),
        (r"/\x01Sam:[^\x01]*?hello/", "well, hello", True),
        (r"/\x01Nell:[^\x01]*?hello/", "well, hello", False),
    ],
)
def test_a_key_between_slashes_is_a_regular_expression(pattern: str, said: str, *, expected: bool) -> None:
    history = [SpokenMessage(said, by_persona=False, speaker="Sam")]
    assert bool(told(book(entry("Told.", pattern)), history).entries) is expected


@pytest.mark.parametrize("path", ["/usr/bin", "/usr/bin/", "//", "/", "/a/b/i", "/x/zz"])
def test_slashes_that_make_no_regular_expression_are_text(path: str) -> None:
    assert texts(book(entry("Told.", path)), f"look in {path} now") == ["Told."]


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("/(?<=a)b/", "uses lookahead, lookbehind or backreferences"),
        ("/a(?!b)/i", "uses lookahead, lookbehind or backreferences"),
        (r"/(a)\1/", "uses lookahead, lookbehind or backreferences"),
        ("/(a/", "is not valid or is too complex"),
        ("/((a{900}){900})/", "is not valid or is too complex"),
    ],
)
def test_a_regular_expression_that_is_not_run_is_named(key: str, why: str) -> None:
    one = book(entry("Told.", key, "boat"))
    assert limits(one) == [f"The key {key} in its lore {why}, so it never matches."]
    assert texts(one, "aab boat") == ["Told."]
    assert texts(one, "aab") == []


def test_case_counts_only_where_the_entry_says_so() -> None:
    for one in (
        entry("A name.", "Will", case_sensitive=True),
        entry("A name.", "Will", extensions={"case_sensitive": "true"}),
        {"key": ["Will"], "content": "A name.", "caseSensitive": True},
    ):
        assert texts(book(one), "I will go.") == []
        assert texts(book(one), "Will goes.") == ["A name."]
    assert texts(book(entry("Street.", "STRASSE")), "die Straße") == ["Street."]


def test_whole_words_count_only_where_the_entry_says_so() -> None:
    whole = {"match_whole_words": True}
    assert texts(book(entry("Machines.", "AI", extensions=whole)), "she said") == []
    assert texts(book(entry("Machines.", "AI", extensions=whole)), "the AI's end") == ["Machines."]
    assert texts(book(entry("Cold.", "ice")), "how nice") == ["Cold."]
    assert texts(book(entry("Language.", "C++", extensions=whole)), "XC++ then C++, yes") == ["Language."]
    assert texts(book(entry("Language.", "C++", extensions=whole)), "XC++") == []
    assert texts(book(entry("Cat.", "кот", extensions=whole)), "который") == []
    assert texts(book(entry("Cat.", "猫", extensions=whole)), "黒猫がいる") == ["Cat."]


def test_a_book_of_silly_tavern_s_has_its_defaults() -> None:
    assert texts(book(silly("Machines.", "AI", match_whole_words=None)), "she said") == []
    assert texts(book(silly("Machines.", "AI", match_whole_words=False)), "she said") == ["Machines."]
    assert texts(book(silly("Mill.", "mill"), silly("Flour.", "Mill")), "x", "the mill") == [
        "Mill.",
        "Flour.",
    ]


def test_letters_count_as_the_same_however_they_are_composed() -> None:
    assert texts(book(entry("Coffee.", "caf\u00e9")), "a cafe\u0301") == ["Coffee."]


def test_macros_in_keys_are_replaced() -> None:
    one = book(entry("About her.", "{{char}}"), entry("About him.", "{{ user }}"))
    assert texts(one, "Who is nell?") == ["About her."]
    assert texts(one, "Sam") == ["About him."]
    assert texts(one, "nobody") == []


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("anchor, rope", True),
        (["anchor, rope"], True),
        ("/an,chor|rope/, x", True),
        ("x,y", False),
        ([7, None, {}], False),
        (["", " "], False),
    ],
)
def test_keys_may_be_one_text_with_commas(keys: Any, *, expected: bool) -> None:
    assert bool(texts(book({"keys": keys, "content": "Told."}), "a rope")) is expected


# --- secondary keys -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("logic", "said", "expected"),
    [
        (0, "boat", False),
        (0, "boat oar", True),
        (1, "boat oar", True),
        (1, "boat oar sail", False),
        (2, "boat", True),
        (2, "boat oar", False),
        (3, "boat oar", False),
        (3, "boat oar sail", True),
        (3, "oar sail", False),
        ("3", "boat oar", False),
    ],
)
def test_secondary_keys_have_four_logics(logic: Any, said: str, *, expected: bool) -> None:
    of_card = entry("Told.", "boat", selective=True, secondary_keys=["oar", "sail"])
    of_card["extensions"] = {"selectiveLogic": logic}
    of_world = {
        "key": ["boat"],
        "keysecondary": ["oar", "sail"],
        "content": "Told.",
        "selective": True,
        "selectiveLogic": logic,
    }
    for one in (of_card, of_world):
        assert bool(texts(book(one), said)) is expected


def test_secondary_keys_are_ignored_where_the_entry_is_not_selective() -> None:
    one = entry("Told.", "boat", selective=False, secondary_keys=["oar"])
    assert texts(book(one), "boat") == ["Told."]


# --- whether, and in what order -----------------------------------------------------------------------


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


# --- lore that brings up lore -------------------------------------------------------------------------

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


# --- time ---------------------------------------------------------------------------------------------


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


# --- decorators ---------------------------------------------------------------------------------------


def decorated(*lines: str, key: str = "boat") -> dict[str, Any]:
    return book(entry("\n".join((*lines, "Text.")), key))


def test_decorators_are_obeyed_and_never_told() -> None:
    (found,) = told(decorated("@@depth 4", "@@role user"), ["boat"]).entries
    assert found.text == "Text."
    assert (found.entry.place, found.entry.depth, found.entry.role) == ("depth", 4, "user")
    assert texts(decorated("@@dont_activate"), "boat") == []
    assert texts(decorated("@@activate", key="zzz"), "boat") == ["Text."]
    assert texts(decorated("@@dont_activate", "@@activate"), "x") == ["Text."]
    assert texts(decorated("@@nobody_knows 7", "", "@@made_up"), "boat") == ["Text."]
    assert texts(book(entry("@@activate", key="x")), "x") == []


def test_a_decorator_that_is_not_known_has_a_stand_in() -> None:
    def depth(*lines: str) -> int | None:
        (found,) = told(decorated(*lines), ["boat"]).entries
        return found.entry.depth if found.entry.place == "depth" else None

    assert depth("@@only_there 1", "@@@depth 7") == 7
    assert depth("@@only_there 1", "@@@nor_that", "@@@depth 7") == 7
    assert depth("@@depth 3", "@@@depth 7") == 3
    assert depth("@@depth many", "@@@depth 7") == 7
    assert depth("@@depth 3", "@@depth 9") == 3
    assert depth("@@position before_desc", "@@depth 3") is None


def test_decorators_count_the_persona_s_messages() -> None:
    after = decorated("@@activate_only_after 2", "@@scan_depth 9")
    assert not told(after, chat("boat", "a", "b")).entries
    assert told(after, chat("boat", "a", "b", "c", "d")).entries
    every = decorated("@@activate_only_every 2", "@@scan_depth 9")
    assert not told(every, chat("boat", "a", "b")).entries
    assert told(every, chat("boat", "a", "b", "c", "d")).entries


def test_decorators_ask_for_more_keys_and_forbid_others() -> None:
    more = decorated("@@additional_keys oar,sail")
    assert texts(more, "boat") == []
    assert texts(more, "boat with a sail") == ["Text."]
    less = decorated("@@exclude_keys storm, gale")
    assert texts(less, "boat in a gale") == []
    assert texts(less, "boat") == ["Text."]


def test_decorators_remember_what_was_told() -> None:
    said = chat("boat", "a", "b", "c", "d", "e", "f")
    assert told(decorated("@@keep_activate_after_match", "@@scan_depth 1"), said).entries
    assert not told(decorated("@@dont_activate_after_match", "@@scan_depth 20"), said).entries
    assert told(decorated("@@dont_activate_after_match"), chat("boat")).entries


def test_a_decorator_asks_for_a_greeting() -> None:
    one = decorated("@@is_greeting 1")
    assert texts(one, "boat", greeting=1) == ["Text."]
    assert texts(one, "boat", greeting=0) == []
    assert texts(one, "boat") == ["Text."]


def test_what_says_so_goes_first_where_there_is_no_room() -> None:
    one = book(
        entry("@@ignore_on_max_context\n" + "a" * 40, "x", priority=9),
        entry("b" * 40, "x", priority=1),
        token_budget=12,
    )
    assert texts(one, "x") == ["b" * 40]


# --- shapes -------------------------------------------------------------------------------------------


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
