from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personachat.history.query import EXCERPT_CHARACTERS, MOST_TERMS, SearchQuery, Term, excerpt, parse_query

odd = st.text(st.sampled_from("ab zé\u0301ß中文ไทย\U0001f600\"'.-\n\0\ud800"))


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("two words", SearchQuery((Term(("two",)), Term(("words",), prefix=True)))),
        ('"two words" more', SearchQuery((Term(("two", "words")), Term(("more",), prefix=True)))),
        ('more "two words"', SearchQuery((Term(("more",)), Term(("two", "words"))))),
        ('open "quote', SearchQuery((Term(("open",)), Term(("quote",), prefix=True)))),
        ("p-value x", SearchQuery((Term(("p", "value")), Term(("x",))))),
        ("same same", SearchQuery((Term(("same",)), Term(("same",), prefix=True)))),
        ("about東京tower", SearchQuery((Term(("about", "tower")),), ("東京",))),
        ("*** ---", SearchQuery()),
        ("so 😀👍 good", SearchQuery((Term(("so",)), Term(("good",), prefix=True)), ("😀👍",))),
        ("❤️", SearchQuery((), ("❤",))),
        ("ﾃｽﾄ", SearchQuery((), ("テスト",))),
        ("\uff21\uff22\uff23", SearchQuery((Term(("ABC",), prefix=True),))),
    ],
)
def test_a_query_becomes_terms(query: str, asked: SearchQuery) -> None:
    assert parse_query(query) == asked


@given(st.text(max_size=2000) | odd)
def test_a_query_is_limited(query: str) -> None:
    asked = parse_query(query)
    assert len(asked.terms) <= MOST_TERMS
    assert len(asked.parts) <= MOST_TERMS
    assert all(word.strip() for term in asked.terms for word in term.words)


@given(odd, odd)
def test_marks_are_ranges_of_the_excerpt_in_order(text: str, query: str) -> None:
    shown, marks = excerpt(text, parse_query(query))
    assert len(shown) <= EXCERPT_CHARACTERS + 2
    ends = [0, *(place for mark in marks for place in mark), len(shown)]
    assert ends == sorted(ends)
    assert all(start < end for start, end in marks)


@given(st.integers(0, 400), st.integers(0, 400))
def test_the_match_is_in_the_excerpt_wherever_it_stands(before: int, after: int) -> None:
    shown, marks = excerpt("x " * before + "Nadel" + " y" * after, parse_query("nadel"))
    assert [shown[start:end] for start, end in marks] == ["Nadel"]


def test_a_text_without_a_match_shows_its_beginning() -> None:
    assert excerpt("a\nb " * 100, parse_query("nothing")) == (("a b " * 40) + "…", ())


def test_a_longer_phrase_wins_over_its_words() -> None:
    shown, marks = excerpt("see foo bar there", parse_query('foo "foo bar"'))
    assert [shown[start:end] for start, end in marks] == ["foo bar"]
