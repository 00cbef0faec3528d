"""Which keys bring up an entry of lore: plain words, regular expressions, and secondary keys."""

from __future__ import annotations

from typing import Any

import pytest

from personachat.personas.lorebook import SpokenMessage, limits
from tests.personas.lorebook.books import book, entry, silly, texts, told


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
