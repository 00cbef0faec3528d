"""The link to a run's results: created, shown and revoked."""

from __future__ import annotations

import streamlit as st

from personachat.errors import PersonaChatError
from personachat.lab.testing import Tests
from personachat.ui import address, notices


def draw(tests: Tests, run_id: str) -> None:
    with st.popover("Share", icon=":material/share:", key="share_results"):
        st.caption(
            "Anyone with the link can read the cases, the replies and the results of the checks, and nothing "
            "else. If the persona's prompt is hidden, they see only the results."
        )
        try:
            token = tests.results.link(run_id)
        except PersonaChatError:
            token = None
        if token:
            st.code(address.page("shared", results=token), language=None, wrap_lines=True)
            st.button(
                "Revoke the link",
                icon=":material/link_off:",
                on_click=_unshare,
                args=(tests, run_id),
                key="unshare_run",
            )
        else:
            st.button(
                "Get the link",
                icon=":material/add_link:",
                on_click=_share,
                args=(tests, run_id),
                key="share_run",
            )


def _share(tests: Tests, run_id: str) -> None:
    try:
        tests.results.share(run_id)
    except PersonaChatError as error:
        notices.say_not_done(error, title="The results weren't shared")


def _unshare(tests: Tests, run_id: str) -> None:
    try:
        tests.results.unshare(run_id)
    except PersonaChatError as error:
        notices.say_not_done(error, title="The link wasn't revoked")
