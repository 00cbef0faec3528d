"""Macros are replaced as text, alike each time, and nothing in them is evaluated or grows without bound."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from personachat.messages import storable
from personachat.personas.macros import MOST_DRAWS, Values, duration, fill, is_known, unknown
from tests.personas.formats.costs import little_memory

VALUES = Values(
    char="Nell",
    user="Sam",
    date="2026-01-02",
    time="09:30",
    weekday="Friday",
    idle="2 hours",
    about_user="A sailor.",
    conversation="c",
    turn="3",
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{char}} and {{ USER }}", "Nell and Sam"),
        ("{{date}} {{time}} {{weekday}}", "2026-01-02 09:30 Friday"),
        ("{{CURRENT_DATE}} {{CURRENT_TIME}} {{USER_NAME}}", "2026-01-02 09:30 Sam"),
        ("{{CURRENT_DATETIME}}, {{CURRENT_WEEKDAY}}", "2026-01-02 09:30, Friday"),
        ("{{isodate}}T{{isotime}}", "2026-01-02T09:30"),
        ("after {{idle_duration}}", "after 2 hours"),
        ("{{persona}}", "A sailor."),
        ("{{// a note}}a{{//b}}", "a"),
        ("{{comment: aside}}a{{comment:b}}{{hidden_key:c}}", "a"),
        ("{{// over\ntwo lines}}a", "a"),
        ("{{reverse:Hello}} {{reverse::ab}}", "olleH ba"),
        ("a{{newline}}b{{noop}}", "a\nb"),
        ("a\n\n{{trim}}\r\n\nb", "ab"),
        ("{{trim}}\na{{newline}}{{trim}}b\n{{TRIM}}", "ab"),
        ("{{original}}\nStay calm.", "\nStay calm."),
        ("{{random:tea}} {{random::tea}} {{pick: tea }}", "tea tea tea"),
        (r"{{random:a\,b}}", "a,b"),
        ("{{random::a,b::a,b}}", "a,b"),
        ("{{roll:1}} {{roll:d1}} {{roll:3d1+2}} {{roll 2d1-1}}", "1 1 5 1"),
        ("{{random:{{user}},{{user}}}}", "Sam"),
        ("{{reverse:{{reverse:{{user}}}}}}", "Sam"),
        ("{{//{{user}}}}", ""),
        ("{{{char}}}", "{Nell}"),
    ],
)
def test_macros_are_replaced(text: str, expected: str) -> None:
    assert fill(text, VALUES) == expected
    assert unknown(text) == []


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("{{setvar::a::b}} {{getvar::a}}", ["setvar", "getvar"]),
        ("{{us er}}", ["us"]),
        ("{{u\u017fer}}", ["u\u017fer"]),
        ("{{roll:0}} {{roll:999999999d6}} {{roll:d}} {{roll}}", ["roll"]),
        ("{{random}} {{random:}} {{pick::}}", ["random", "pick"]),
        ("{{7*7}} {{config.__class__}}", ["7*7", "config.__class__"]),
        ("{user} {{ }} {{}} {{user", []),
        ("{{{{topic}}}}", ["topic"]),
    ],
)
def test_what_is_not_known_stays_as_it_is_and_is_named(text: str, names: list[str]) -> None:
    assert fill(text, VALUES) == text
    assert unknown(text) == names


def test_what_is_known_inside_of_what_is_not_is_replaced() -> None:
    assert fill("{{topic of {{user}}}}", VALUES) == "{{topic of Sam}}"
    assert unknown("{{topic of {{user}}}}") == ["topic"]


def test_values_are_never_expanded() -> None:
    values = Values(char="{{user}}", user="{{random:a,b}} \x000\x00")
    assert fill("{{char}}", values) == "{{user}}"
    assert fill("{{random:{{user}},{{user}}}}", values) == "{{random:a,b}} \x000\x00"
    assert fill("{{reverse:{{char}}}}", values) == "}}resu{{"
    assert fill("a\x000\x00 {{user}}", Values(char="", user="b")) == "a\ufffd0\ufffd b"


CHOICE = "random:" + ",".join(map(str, range(50)))


def test_chance_is_the_same_for_one_turn() -> None:
    text = "{{" + CHOICE + "}} {{roll:d100}} {{pick::a::b::c}}"
    assert fill(text, VALUES) == fill(text, VALUES)
    turns = {fill(text, Values(char="", conversation="c", turn=str(turn))) for turn in range(20)}
    assert len(turns) > 15


def test_a_pick_stays_for_a_conversation_and_others_differ() -> None:
    text = "{{" + CHOICE.replace("random", "pick") + "}}"
    turns = {fill(text, Values(char="", conversation="c", turn=str(turn))) for turn in range(20)}
    assert len(turns) == 1
    conversations = {fill(text, Values(char="", conversation=str(each))) for each in range(20)}
    assert len(conversations) > 10


def test_the_same_macro_twice_is_drawn_twice() -> None:
    drawn = fill("{{roll:1000000}} {{roll:1000000}}", VALUES).split()
    assert drawn[0] != drawn[1]
    assert fill("{{roll:1000000}}", VALUES, salt="a") != fill("{{roll:1000000}}", VALUES, salt="b")


def test_every_side_of_a_die_comes_up() -> None:
    rolls = {fill("{{roll:d6}}", Values(char="", turn=str(turn))) for turn in range(200)}
    assert rolls == set("123456")


@pytest.mark.parametrize(
    "bomb",
    [
        "{{" * 200_000,
        "}}" * 200_000 + "{{" * 200_000,
        "{{random:" * 40_000 + "a" + "}}" * 40_000,
        "{{reverse:" * 40_000,
        "{{user}}" * 60_000,
        "{{topic {{topic " * 10_000 + "}}" * 20_000,
        "{{random:" + "x," * 300_000 + "}}",
        "\n" * 500_000 + "{{trim}}" + "\n" * 500_000,
        "{{pick::" + "{{roll:100d1000000}}" * 10_000 + "}}",
    ],
    ids=str.__len__,
)
def test_bombs_neither_grow_nor_take_memory(bomb: str) -> None:
    with little_memory():
        assert len(fill(bomb, VALUES)) <= len(bomb) + 100
        assert len(unknown(bomb)) < 10


def test_chance_has_an_end() -> None:
    filled = fill("{{roll:6}} " * (MOST_DRAWS + 1), VALUES)
    assert filled.count("{{roll:6}}") == 1


@pytest.mark.parametrize("name", ["user", "idle_duration", "//a", "comment:a", "hidden_key:a", "reverse:a"])
def test_a_name_that_is_replaced_is_known(name: str) -> None:
    assert is_known(name)


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (timedelta(seconds=-5), "a few seconds"),
        (timedelta(seconds=59), "a few seconds"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(hours=3, minutes=59), "3 hours"),
        (timedelta(days=1), "1 day"),
        (timedelta(days=400), "1 year"),
        (timedelta.max, "2,739,726 years"),
    ],
)
def test_a_length_of_time_is_said_in_words(span: timedelta, expected: str) -> None:
    assert duration(span) == expected


@given(some.text())
def test_any_text_is_filled_and_stays_where_there_is_no_macro(text: str) -> None:
    plain = text.replace("{", "(").replace("<", "(")
    assert fill(plain, VALUES) == plain
    assert fill(text, VALUES) == fill(text, VALUES)
    braced = "{{" + text + "}}"
    assert all(name and name in storable(braced) for name in unknown(braced))
