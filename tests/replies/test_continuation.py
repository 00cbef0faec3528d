"""How the rest of a reply is asked for, and where a model repeats itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from personachat.messages import (
    ChatMessage,
    Failed,
    Finished,
    ReasoningDelta,
    ReplyEvent,
    Started,
    TextDelta,
    Usage,
    UsageReported,
)
from personachat.providers.base import ChatRequest
from personachat.replies.continuation import GO_ON, continuing, seamless

REQUEST = ChatRequest("gpt-x", (ChatMessage("user", "Tell me a story"),), max_tokens=7)
STORY = "Once upon a time there was a fox. It was quick and brown, and it jumped over a lazy"
DONE = Finished("stop")
LOST = Failed("connection_lost", "Lost.")

unhurried = settings(deadline=None)

words = st.lists(st.text("abcdefghijklmnop ", min_size=1, max_size=9), min_size=1, max_size=30).map(
    lambda parts: " ".join(f"{number}{part}" for number, part in enumerate(parts))
)
"""Text that never says the same twice."""


def rest_of(
    text: str, deltas: Sequence[str], *, end: ReplyEvent | None = DONE, prefills: bool = False
) -> str:
    return "".join(
        event.content
        for event in events_of(text, deltas, end=end, prefills=prefills)
        if isinstance(event, TextDelta)
    )


def events_of(
    text: str,
    deltas: Sequence[str | ReplyEvent],
    *,
    end: ReplyEvent | None = DONE,
    prefills: bool = False,
) -> list[ReplyEvent]:
    async def coming() -> AsyncGenerator[ReplyEvent]:
        yield Started("fake", "gpt-x")
        for delta in deltas:
            yield TextDelta(delta) if isinstance(delta, str) else delta
        if end:
            yield end

    async def collected() -> list[ReplyEvent]:
        return [event async for event in seamless(coming(), text, prefills=prefills)]

    return asyncio.run(collected())


def cut(text: str, at: Sequence[int]) -> list[str]:
    places = sorted({place % len(text) for place in at} | {0, len(text)}) if text else []
    return [text[a:b] for a, b in pairwise(places)]


chunking = st.lists(st.integers(0, 10_000), max_size=12)


def test_a_provider_that_prefills_gets_the_text_as_the_last_message() -> None:
    asked = continuing(REQUEST, "Once", prefills=True)
    assert asked.messages == (*REQUEST.messages, ChatMessage("assistant", "Once"))
    assert asked.max_tokens == REQUEST.max_tokens
    assert asked.kept_last == 2


def test_another_provider_is_told_to_go_on() -> None:
    asked = continuing(REQUEST, "Once", prefills=False)
    assert asked.messages == (*REQUEST.messages, ChatMessage("assistant", "Once"), ChatMessage("user", GO_ON))
    assert asked.kept_last == 3


@pytest.mark.parametrize("prefills", [True, False])
def test_without_text_the_reply_is_asked_for_as_ever(prefills: bool) -> None:  # noqa: FBT001  # pytest gives it by name
    assert continuing(REQUEST, "", prefills=prefills) == REQUEST


@unhurried
@given(text=words, more=words, at=chunking)
def test_what_goes_on_passes_unchanged(text: str, more: str, at: list[int]) -> None:
    more = f" and {more}"
    assert rest_of(text, cut(more, at)) == more


@unhurried
@given(text=words, more=st.text(max_size=40), at=chunking, length=st.integers(12, 400))
def test_the_last_words_said_again_are_left_out(text: str, more: str, at: list[int], length: int) -> None:
    text = text.rstrip()
    repeated = text[-length:].lstrip()
    assume(len(repeated) >= 12 and sum(map(str.isalnum, repeated)) >= 6)
    assert rest_of(text, cut(repeated + more, at)) == more


@unhurried
@given(text=words, more=st.text(max_size=40), at=chunking)
def test_a_reply_started_over_is_left_out_up_to_where_it_stopped(text: str, more: str, at: list[int]) -> None:
    assume(len(text.strip()) >= 6)
    whole = text.rstrip() + more
    for prefills in (True, False):
        assert text.rstrip() + rest_of(text.rstrip(), cut(whole, at), prefills=prefills) == whole


@unhurried
@given(
    text=st.text("ab \n", max_size=60), more=st.text("ab \n", max_size=60), at=chunking, over=st.booleans()
)
def test_nothing_is_lost_but_what_the_text_says(text: str, more: str, at: list[int], over: bool) -> None:  # noqa: FBT001  # pytest gives it by name
    coming = text + more if over else more
    rest = rest_of(text, cut(coming, at))
    assert coming.endswith(rest)
    assert coming[: len(coming) - len(rest)].strip() in text


@unhurried
@given(text=words, coming=words, at=chunking, other=chunking)
def test_how_it_is_cut_into_deltas_makes_no_difference(
    text: str, coming: str, at: list[int], other: list[int]
) -> None:
    coming = text[len(text) // 2 :] + coming
    assert rest_of(text, cut(coming, at)) == rest_of(text, cut(coming, other))


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("He laughed: ha ha ", "ha ha ha!"),
        ("ha ha ha ha ha ha ha ", "ha ha ha ha ha ha ha ha ha ha ha"),
        ("It was very ", "very cold"),
        ("def f():\n                if x:\n                    ", "                    return"),
        ("| a | b |\n| --- | --- |\n| - | - |\n", "| --- | --- |\n"),
        ("10001000", "1000"),
        ("Row, row, row your boat.\nRow, row, row your boat.\n", "Row, row, row your boat."),
        ("--------------------", "--------------------"),
        ("The end", ""),
        ("bonbon", "bonbon"),
        ("No", "No, never"),
    ],
)
def test_what_really_repeats_stays(text: str, more: str) -> None:
    assert rest_of(text, list(more)) == more


@pytest.mark.parametrize(
    ("text", "coming", "rest"),
    [
        (STORY, "jumped over a lazy dog.", " dog."),
        (STORY, " it jumped over a lazy dog.", " dog."),
        (STORY, "\n\n" + STORY + " dog.", " dog."),
        ("The quick bro", "The quick brown fox", "wn fox"),
        ("I saw the elepha", "elephant", "nt"),
        ("I saw a brown", "a brown fox", " fox"),
        ("Hello", "Hello there", " there"),
        ("我喜欢吃苹果,因为它们又甜又脆", "因为它们又甜又脆,而且健康", ",而且健康"),
    ],
)
def test_what_a_model_says_again_is_left_out(text: str, coming: str, rest: str) -> None:
    assert rest_of(text, list(coming)) == rest


def test_a_reply_started_over_that_takes_another_way_goes_on_from_that_sentence() -> None:
    other = STORY.replace("brown, and it jumped", "brown, but it slept")
    assert rest_of(STORY, list(other)) == "It was quick and brown, but it slept over a lazy"


def test_a_refrain_of_a_provider_that_prefills_stays() -> None:
    song = "Row, row, row your boat, gently down the stream.\nMerrily, merrily.\n"
    refrain = "Row, row, row your boat, gently down the stream.\nLife is but a dream."
    assert rest_of(song, list(refrain), prefills=True) == refrain


def test_a_rest_cut_off_while_it_only_repeats_says_nothing_new() -> None:
    assert rest_of(STORY, list(STORY[:50]), end=LOST) == ""
    assert rest_of(STORY, list(STORY[:50]), end=None) == ""
    assert rest_of(STORY, list(STORY[:50]), end=Finished("stop")) == STORY[:50]


def test_everything_else_passes_at_once_and_in_its_order() -> None:
    thought, usage = ReasoningDelta("Hm."), UsageReported(Usage(3, 2))
    events = events_of(STORY, [thought, "jumped over", " a lazy dog", ".", usage], end=LOST)
    assert events == [Started("fake", "gpt-x"), thought, TextDelta(" dog"), TextDelta("."), usage, LOST]


def test_new_text_is_not_held_back() -> None:
    assert events_of(STORY, [" dog", "."])[1:3] == [TextDelta(" dog"), TextDelta(".")]


def test_a_long_monotonous_reply_is_compared_in_no_time() -> None:
    text = "a" * 1_000_000
    assert rest_of(text, ["a" * 5_000, "b"]) == "a" * 5_000 + "b"
