"""What cannot change during a run of the script is asked once in it."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def script() -> None:
    import streamlit as st

    from personachat.ui import script_runs

    def who() -> str:
        st.session_state["asked"] = st.session_state.get("asked", 0) + 1
        return "somebody"

    st.text(" ".join((script_runs.once(who), script_runs.once(who))))


def test_it_is_asked_once_in_a_run_and_again_in_the_next() -> None:
    page = AppTest.from_function(script).run()
    assert page.text[0].value == "somebody somebody"
    assert page.session_state["asked"] == 1
    page.run()
    assert page.session_state["asked"] == 2


def test_outside_a_run_it_is_simply_asked() -> None:
    from personachat.ui import script_runs

    asked: list[None] = []
    script_runs.once(lambda: asked.append(None))
    script_runs.once(lambda: asked.append(None))
    assert len(asked) == 2
