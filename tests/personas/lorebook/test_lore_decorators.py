"""Decorators in an entry's text: obeyed, and never part of the prompt."""

from __future__ import annotations

from typing import Any

from tests.personas.lorebook.books import book, chat, entry, texts, told


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
