"""However big or hostile a book is, the work for one message is bounded; what is beyond that is said."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from personachat.personas.lorebook import Occasion, SpokenMessage, Teller, limits, matching, read
from personachat.personas.lorebook.keys import MOST_PATTERNS
from personachat.personas.lorebook.matching import Index, Search, Text
from personachat.personas.lorebook.reading import MOST_ENTRIES
from tests.personas.lorebook.books import book, entry, texts

HISTORY = [
    SpokenMessage("a" * 100_000 + "!", by_persona=False),
    SpokenMessage("b" * 100_000, by_persona=True),
]

BOMBS = {
    "nested repetitions": [f"/(a+)+{number}$/" for number in range(500)],
    "counted repetitions": [f"/(\\w{{50}}.{{50}}){{9}}{number}$/" for number in range(300)],
    "classes": [f"/(\\p{{L}}{{20}}|[^a]{{30}}){{3}}{number}/" for number in range(300)],
    "alternatives": ["/" + "|".join(f"a{number}b{at}" for at in range(150)) + "/" for number in range(300)],
    "much alike": ["a" * (number % 900) + "b" + "a" * 50 for number in range(5_000)],
    "one key of 10 MB": ["a" * 10_000_000],
    "one expression of 10 MB": ["/" + "(a*)*" * 2_000_000 + "/"],
    "a line of a million keys": ["a," * 1_000_000],
    "slashes": ["/" * 100_000, "/" + "\\" * 99_999 + "/i"],
}


@pytest.mark.parametrize("name", BOMBS)
def test_hostile_keys_cost_no_more_than_the_limits(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    searches: list[Search] = []
    started = Search.__init__

    def watched(self: Search, index: Index) -> None:
        started(self, index)
        searches.append(self)

    monkeypatch.setattr(Search, "__init__", watched)
    value = book(*(entry("c", key) for key in BOMBS[name]))
    tracemalloc.start()
    teller = Teller(read(value))
    first = teller.tell(HISTORY, Occasion(conversation="c"))
    assert teller.tell(HISTORY, Occasion(conversation="c")).entries == first.entries
    _, most_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most_bytes < 60 * 1024 * 1024
    assert all(each.plain_work < matching.MOST_PLAIN_WORK * 1.1 for each in searches)
    assert all(each.pattern_work < matching.MOST_PATTERN_WORK * 1.5 for each in searches)


def test_a_search_that_ended_early_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "MOST_PLAIN_WORK", 10)
    one = Teller(read(book(entry("c", "boat"), entry("d", "sail"))))
    found = one.tell([SpokenMessage("a boat with a sail", by_persona=False)], Occasion())
    assert found.ended_early
    assert len(found.entries) == 1


def test_ten_thousand_entries_are_told_of_and_few_are_compared() -> None:
    words = [f"w{number:05}x" for number in range(10_000)]
    teller = Teller(read(book(*(entry(f"About {word}.", word) for word in words))))
    told = teller.tell([SpokenMessage("the w00007x and w09999x", by_persona=False)], Occasion())
    assert [each.text for each in told.entries] == ["About w00007x.", "About w09999x."]
    search = Search(Index(entry.keys[0] for entry in teller.book.entries))
    search.keys_in(Text("some other text " * 100))
    assert search.plain_work == 0


def test_more_entries_than_are_told_are_said() -> None:
    value = book(*(entry("c", "x") for _ in range(MOST_ENTRIES + 5)))
    assert limits(value) == [
        f"Its lore has {MOST_ENTRIES + 5:,} entries; only the first {MOST_ENTRIES:,} are used."
    ]


def test_more_expressions_than_are_run_are_said() -> None:
    value = book(*(entry("c", f"/a|{number}/") for number in range(MOST_PATTERNS + 5)))
    said = f"Its lore has {MOST_PATTERNS + 5:,} regular expressions that could match anything;"
    assert limits(value) == [f"{said} only the first {MOST_PATTERNS:,} are used."]


def test_lore_that_brings_up_lore_without_end_ends() -> None:
    chain = [entry(f"k{number + 1}x", f"k{number}x", insertion_order=number) for number in range(1_000)]
    assert len(texts(book(*chain, recursive_scanning=True), "k0x")) == 8
    circle = [entry("b", "a"), entry("a", "b")]
    assert texts(book(*circle, recursive_scanning=True), "a") == ["b", "a"]


def test_a_long_memory_ends() -> None:
    history = [SpokenMessage("boat", by_persona=number % 2 == 1) for number in range(3_001)]
    sticky: dict[str, Any] = {"sticky": 1_000_000, "cooldown": "1e300", "scan_depth": 10**30}
    value = book(*(entry(f"{number}", "boat", extensions=sticky) for number in range(200)))
    assert len(Teller(read(value)).tell(history, Occasion()).entries) == 200
