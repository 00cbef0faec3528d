from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personachat.history.query import EXCERPT_CHARACTERS, MOST_TERMS, Term, Wanted, excerpt, wanted

odd = st.text(st.sampled_from("ab zé\u0301ß中文ไทย\U0001f600\"'.-\n\0\ud800"))


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("two words", Wanted((Term(("two",)), Term(("words",), prefix=True)))),
        ('"two words" more', Wanted((Term(("two", "words")), Term(("more",), prefix=True)))),
        ('more "two words"', Wanted((Term(("more",)), Term(("two", "words"))))),
        ('open "quote', Wanted((Term(("open",)), Term(("quote",), prefix=True)))),
        ("p-value x", Wanted((Term(("p", "value")), Term(("x",))))),
        ("same same", Wanted((Term(("same",)), Term(("same",), prefix=True)))),
        ("about東京tower", Wanted((Term(("about", "tower")),), ("東京",))),
        ("*** ---", Wanted()),
        ("so 😀👍 good", Wanted((Term(("so",)), Term(("good",), prefix=True)), ("😀👍",))),
        ("❤️", Wanted((), ("❤",))),
        ("ﾃｽﾄ", Wanted((), ("テスト",))),
        ("\uff21\uff22\uff23", Wanted((Term(("ABC",), prefix=True),))),
    ],
)
def test_a_query_becomes_terms(query: str, asked: Wanted) -> None:
    assert wanted(query) == asked


@given(st.text(max_size=2000) | odd)
def test_a_query_is_limited(query: str) -> None:
    asked = wanted(query)
    assert len(asked.terms) <= MOST_TERMS
    assert len(asked.parts) <= MOST_TERMS
    assert all(word.strip() for term in asked.terms for word in term.words)


@given(odd, odd)
def test_marks_are_ranges_of_the_excerpt_in_order(text: str, query: str) -> None:
    shown, marks = excerpt(text, wanted(query))
    assert len(shown) <= EXCERPT_CHARACTERS + 2
    ends = [0, *(place for mark in marks for place in mark), len(shown)]
    assert ends == sorted(ends)
    assert all(start < end for start, end in marks)


@given(st.integers(0, 400), st.integers(0, 400))
def test_the_match_is_in_the_excerpt_wherever_it_stands(before: int, after: int) -> None:
    shown, marks = excerpt("x " * before + "Nadel" + " y" * after, wanted("nadel"))
    assert [shown[start:end] for start, end in marks] == ["Nadel"]


def test_a_text_without_a_match_shows_its_beginning() -> None:
    assert excerpt("a\nb " * 100, wanted("nothing")) == (("a b " * 40) + "…", ())


def test_a_longer_phrase_wins_over_its_words() -> None:
    shown, marks = excerpt("see foo bar there", wanted('foo "foo bar"'))
    assert [shown[start:end] for start, end in marks] == ["foo bar"]
