"""Events that are rebuilt from a reply's text and the journal of their lengths."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personachat.conversations.model import Reply
from personachat.messages import (
    Failed,
    Finished,
    FinishReason,
    Noticed,
    ReasoningDelta,
    ReplyEvent,
    Started,
    TextDelta,
    Usage,
    UsageReported,
)
from personachat.replies.journal import Journal, decoded
from personachat.replies.live import LiveReply

unhurried = settings(deadline=None)

words = st.text(min_size=1, max_size=8)
tokens = st.none() | st.integers(0, 10**6)
middles: st.SearchStrategy[ReplyEvent] = st.one_of(
    st.builds(TextDelta, words),
    st.builds(ReasoningDelta, words),
    st.builds(Noticed, words, tokens, words),
    st.builds(UsageReported, st.builds(Usage, tokens, tokens), st.none() | st.floats(0, 10)),
    st.builds(Started, words, words),
)
reasons: list[FinishReason] = ["stop", "length", "content_filter", "refusal", "stopped"]
ends: st.SearchStrategy[ReplyEvent] = st.one_of(
    st.builds(Finished, st.sampled_from(reasons)),
    st.builds(Failed, words, words, words, st.none() | st.floats(0, 100)),
)


def reply_of(events: Sequence[ReplyEvent]) -> Reply:
    live_reply = LiveReply()
    for event in events:
        live_reply.add(event)
    return live_reply.snapshot()


@unhurried
@given(begun=st.lists(middles, max_size=30), end=st.none() | ends)
def test_every_event_comes_back_as_it_was(begun: list[ReplyEvent], end: ReplyEvent | None) -> None:
    events: list[ReplyEvent] = [Started("acme", "gpt-x"), *begun, *([end] if end else [])]
    assert decoded(Journal().of(events), reply_of(events)) == events


@unhurried
@given(events=st.lists(middles, max_size=30), cuts=st.lists(st.integers(0, 30), max_size=5))
def test_writing_it_as_the_reply_grows_gives_the_same(events: list[ReplyEvent], cuts: list[int]) -> None:
    journal = Journal()
    for cut in sorted(cuts):
        assert journal.of(events[:cut]) == Journal().of(events[:cut])
    assert journal.of(events) == Journal().of(events)


@unhurried
@given(
    events=st.lists(middles, max_size=10), journal=st.text() | st.lists(st.integers(-9, 9)).map(json.dumps)
)
def test_a_journal_that_does_not_fit_costs_no_word(events: list[ReplyEvent], journal: str) -> None:
    reply = reply_of([*events, Finished("stop")])
    rebuilt = decoded(journal, reply)
    assert "".join(event.content for event in rebuilt if isinstance(event, TextDelta)) == reply.text
    assert "".join(event.content for event in rebuilt if isinstance(event, ReasoningDelta)) == reply.reasoning
    assert rebuilt[-1] == Finished("stop")


@pytest.mark.parametrize("journal", ["", "{}", "null", "7", "[[]]", '["x"]', "[1]", "[9]", "[4,-1]", "[[["])
def test_a_reply_without_its_journal_is_told_in_one_piece(journal: str) -> None:
    reply = Reply(
        state="stopped",
        text="Once",
        provider="acme",
        model="gpt-x",
        notices=("Shortened.",),
        usage=Usage(3, 2),
        finish_reason="stopped",
    )
    assert decoded(journal, reply) == [
        Started("acme", "gpt-x"),
        Noticed("Shortened."),
        TextDelta("Once"),
        UsageReported(Usage(3, 2)),
        Finished("stopped"),
    ]


def test_a_reply_that_was_interrupted_has_no_end() -> None:
    events: list[ReplyEvent] = [Started("acme", "gpt-x"), TextDelta("Once")]
    interrupted = replace(reply_of(events), state="interrupted")
    assert decoded(Journal().of(events), interrupted) == events


def test_the_end_before_a_reply_was_continued_is_no_event_any_more() -> None:
    events: list[ReplyEvent] = [Started("acme", "gpt-x"), TextDelta("Once")]
    going_on = reply_of(events)
    assert decoded(Journal().of([*events, Finished("stopped")]), going_on) == events


def test_a_reply_that_has_just_begun_has_no_events() -> None:
    assert decoded("", Reply(provider="acme", model="gpt-x")) == []
