"""Following a reply: every character is drawn once, however it comes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personachat.generation import Generation
from personachat.messages import Finished, ReasoningDelta, TextDelta
from personachat.ui import stream
from personachat.ui.markdown import Converter, pieces_of
from personachat.ui.stream import Cursor, Follower


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames follow each other without a pause, and no page is there to be touched."""
    monkeypatch.setattr(stream, "FRAME_SECONDS", 1e-6)
    monkeypatch.setattr(stream, "SLICE_SECONDS", 0)
    monkeypatch.setattr(stream, "touch", lambda: None)


class Fed(Follower):
    """A follower whose reply goes on by one delta whenever it is looked at, and then ends."""

    def __init__(self, generation: Generation, deltas: list[str]) -> None:
        super().__init__(generation)
        self._fed = generation
        self._deltas = iter(deltas)

    def look(self, timeout_seconds: float) -> None:
        delta = next(self._deltas, None)
        self._fed.add(Finished("stop") if delta is None else TextDelta(delta))
        super().look(timeout_seconds)


def drawn(deltas: list[str]) -> list[str]:
    """The elements that st.write_stream would leave, where a frame comes after each delta."""
    elements, element = list[str](), ""
    for frame in Fed(Generation(), deltas).text_frames():
        if isinstance(frame, str):
            element += frame
        elif element:
            elements.append(element)
            element = ""
    return [*elements, element] if element else elements


LONG = "word " * 100 + "\n\n"


@pytest.mark.parametrize("ending", ["1", " ", "- ", "`", "\\", "$5", "!", "\n", "* "])
def test_the_last_characters_are_drawn_whatever_they_might_have_become(ending: str) -> None:
    assert drawn([LONG, *ending]) == list(pieces_of(LONG + ending))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["a", " ", "\n", "1", "-", "*", "`", "```", "$", "\\", LONG]), max_size=30))
def test_what_is_streamed_is_what_is_drawn_again_later(deltas: list[str]) -> None:
    assert drawn(deltas) == list(pieces_of("".join(deltas)))


def test_the_cursor_is_plain_in_code_and_absent_in_a_formula() -> None:
    converter = Converter()
    cursor = Cursor(converter)
    assert "text" + cursor == "text :shimmer[|]"
    converter.feed("\n```python\nx = ")
    assert "x = " + cursor == "x = |"
    converter.feed("1\n```\n")
    converter.feed("so \\(x ")
    assert "so $x " + cursor == "so $x "


def test_reasoning_ends_where_the_text_begins() -> None:
    generation = Generation()
    for event in (ReasoningDelta("Let me think."), TextDelta("Well."), Finished("stop")):
        generation.add(event)
    follower = Follower(generation)
    follower.look(0)
    assert (
        "".join(frame for frame in follower.reasoning_frames() if isinstance(frame, str)) == "Let me think."
    )
    assert follower.has_text
