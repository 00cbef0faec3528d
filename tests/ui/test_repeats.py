"""What is drawn as in the run before is sent as it was, and made again where anything about it is new."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.scriptrunner_utils.script_run_context import ScriptRunContext
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Markdown, Text

from personachat.ui import repeats


def script() -> None:
    import numpy as np
    import streamlit as st

    from personachat.ui.repeats import MOST_BYTES, Repeats

    here = st.session_state
    repeats = here.setdefault("repeats", Repeats())
    repeats.begin()
    for number in range(here.get("above", 0)):
        st.text(f"above {number}")
    words, kind = here.get("words", "one"), here.get("kind", "turn")

    def make() -> None:
        here["made"] = here.get("made", 0) + 1
        picture = np.zeros((2, 2, 3), dtype="uint8")
        with st.chat_message("user", avatar=picture if kind == "picture" else None):
            st.markdown("*" * MOST_BYTES if kind == "large" else words)
            with st.container(key="row", horizontal=True):
                st.caption("quiet")
                if kind == "button":
                    st.button("Do it")
        if kind == "two":
            st.text("second")
        if kind == "elsewhere":
            st.sidebar.text("aside")

    if here.get("drawn", True):
        repeats.draw(here.get("name", "part"), make, of=(words,))
    st.text("below")


@pytest.fixture
def page() -> AppTest:
    return AppTest.from_function(script)


def shown(page: AppTest) -> list[str]:
    assert not page.exception
    return [each.value for each in page.main if isinstance(each, (Text, Markdown))]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What reaches the browser, in order."""
    messages: list[bytes] = []
    enqueue = ScriptRunContext.enqueue

    def note(self: ScriptRunContext, message: ForwardMsg) -> None:
        enqueue(self, message)
        if message.HasField("delta"):
            messages.append(message.SerializeToString(deterministic=True))

    monkeypatch.setattr(ScriptRunContext, "enqueue", note)
    return messages


def test_it_is_made_once_and_the_browser_gets_the_same_in_every_run(page: AppTest, sent: list[bytes]) -> None:
    page.run()
    first = [*sent]
    assert len(first) == 5
    for _ in range(3):
        sent.clear()
        page.run()
        assert sent == first
    assert page.session_state["made"] == 1
    assert shown(page) == ["one", "quiet", "below"]


def test_of_other_values_it_is_made_anew(page: AppTest) -> None:
    page.run()
    page.session_state["words"] = "two"
    assert shown(page.run()) == ["two", "quiet", "below"]
    assert page.session_state["made"] == 2


def test_in_another_place_it_is_the_same(page: AppTest, sent: list[bytes]) -> None:
    page.session_state["above"] = 1
    page.run()
    there = [*sent]
    page.session_state["above"] = 0
    page.run()
    page.session_state["above"] = 1
    sent.clear()
    assert shown(page.run()) == ["above 0", "one", "quiet", "below"]
    assert sent == there
    assert page.session_state["made"] == 1


@pytest.mark.parametrize(("kept_bytes", "made"), [(repeats.MOST_KEPT_BYTES, 1), (100, 2)])
def test_what_a_run_does_not_draw_is_kept_as_long_as_there_is_room(
    page: AppTest, monkeypatch: pytest.MonkeyPatch, kept_bytes: int, made: int
) -> None:
    monkeypatch.setattr(repeats, "MOST_KEPT_BYTES", kept_bytes)
    page.run()
    page.session_state["drawn"] = False
    assert shown(page.run()) == ["below"]
    page.session_state["drawn"] = True
    assert shown(page.run()) == ["one", "quiet", "below"]
    assert page.session_state["made"] == made


def test_what_was_drawn_longest_ago_makes_room_first(page: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "MOST_KEPT_BYTES", 1_000)  # two parts of this page fit
    for words in ("one", "two", "one", "three", "one"):
        page.session_state["name"] = page.session_state["words"] = words
        assert shown(page.run()) == [words, "quiet", "below"]
    assert page.session_state["made"] == 3
    page.session_state["name"] = page.session_state["words"] = "two"
    page.run()
    assert page.session_state["made"] == 4


@pytest.mark.parametrize("kind", ["button", "picture", "large", "two", "elsewhere"])
def test_what_a_run_has_to_know_of_is_made_in_each(page: AppTest, kind: str, sent: list[bytes]) -> None:
    page.session_state["kind"] = kind
    page.run()
    first: list[Any] = [*sent]
    sent.clear()
    page.run()
    assert page.session_state["made"] == 2
    assert sent == first


def test_a_button_beside_what_is_repeated_acts(page: AppTest) -> None:
    page.session_state["kind"] = "button"
    page.run().run()
    assert page.button[0].click().run().button[0].value
