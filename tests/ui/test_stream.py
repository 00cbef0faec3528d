"""Following a reply: every character is drawn once, however it comes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personachat.messages import Finished, ReasoningDelta, ReplyEvent, Rethought, Started, TextDelta
from personachat.replies.live import LiveReply
from personachat.ui.chat import stream
from personachat.ui.chat.markdown import pieces_of
from personachat.ui.chat.pace import PACE
from personachat.ui.chat.stream import Follower


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames follow each other without a pause, and no page is there to be touched."""
    monkeypatch.setattr(PACE, "until_the_next", lambda **_: 0)
    monkeypatch.setattr(stream, "SLICE_SECONDS", 0)
    monkeypatch.setattr(stream, "touch", lambda: None)


class Fed(Follower):
    """A follower whose reply goes on by one delta whenever it is looked at, and then ends."""

    def __init__(self, live_reply: LiveReply, deltas: list[str]) -> None:
        super().__init__(live_reply)
        self._fed = live_reply
        self._deltas = iter(deltas)

    def look(self, timeout_seconds: float) -> None:
        delta = next(self._deltas, None)
        self._fed.add(Finished("stop") if delta is None else TextDelta(delta))
        super().look(timeout_seconds)


def drawn(monkeypatch: pytest.MonkeyPatch, deltas: list[str]) -> list[str]:
    """The elements that are left of a reply, where a frame comes after each delta."""
    page = Page()
    monkeypatch.setattr(stream, "st", page)
    Fed(LiveReply(), deltas).draw_text()
    return [element.shown for element in page.elements]


class Element:
    """What stands in one place of a page."""

    def __init__(self, shown: str) -> None:
        self.frames = [shown]

    @property
    def shown(self) -> str:
        return self.frames[-1]

    def markdown(self, shown: str) -> Element:
        self.frames.append(shown)
        return self


class Page:
    """As much of Streamlit as a stream needs."""

    def __init__(self) -> None:
        self.elements: list[Element] = []

    def markdown(self, shown: str) -> Element:
        self.elements.append(Element(shown))
        return self.elements[-1]


LONG = "word " * 100 + "\n\n"


@pytest.mark.parametrize("ending", ["1", " ", "- ", "`", "\\", "$5", "!", "\n", "* ", "**", "\r", "\\["])
def test_the_last_characters_are_drawn_whatever_they_might_have_become(
    monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    assert drawn(monkeypatch, [LONG, *ending]) == list(pieces_of(LONG + ending))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["a", " ", "\n", "1", "-", "*", "`", "```", "$", "\\", LONG]), max_size=30))
def test_what_is_streamed_is_what_is_drawn_again_later(deltas: list[str]) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert drawn(monkeypatch, deltas) == list(pieces_of("".join(deltas)))


def test_reasoning_ends_where_the_text_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    page = Page()
    monkeypatch.setattr(stream, "st", page)
    live_reply = LiveReply()
    for event in (ReasoningDelta("Let me think."), TextDelta("Well."), Finished("stop")):
        live_reply.add(event)
    follower = Follower(live_reply)
    follower.look(0)
    follower.draw_reasoning()
    assert [element.shown for element in page.elements] == ["Let me think."]
    assert follower.has_text


def test_words_that_come_together_are_one_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    page = Page()
    monkeypatch.setattr(stream, "st", page)
    Fed(LiveReply(), ["One", " two", " three", " four"]).draw_text()
    assert [element.frames for element in page.elements] == [["One two", "One two three four"]]


EVENTS: st.SearchStrategy[ReplyEvent] = st.one_of(
    st.text(min_size=1).map(TextDelta),
    st.text(min_size=1).map(ReasoningDelta),
    st.just(Rethought()),
    st.just(Started("openai", "gpt")),
)


@given(st.lists(EVENTS))
def test_a_follower_and_the_reply_make_the_same_of_the_same_events(events: list[ReplyEvent]) -> None:
    live_reply = LiveReply()
    follower = Follower(live_reply)
    for event in events:
        live_reply.add(event)
        follower.look(0)
    reply = live_reply.snapshot()

    assert follower._words.joined() == (reply.text, reply.reasoning)
