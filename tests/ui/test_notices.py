"""Notices from one run to the next: each is drawn once, in the place it is for."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from personachat.errors import PersonaChatError
from personachat.ui import notices
from personachat.ui.notices import Notice


@pytest.fixture(autouse=True)
def session(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session of its own for each test."""
    monkeypatch.setattr(notices, "st", SimpleNamespace(session_state={}))


def test_a_notice_is_taken_once() -> None:
    notices.say("draft", Notice("Say who it is."))

    assert [notice.text for notice in notices.take("draft")] == ["Say who it is."]
    assert notices.take("draft") == ()


def test_a_notice_waits_for_its_own_place() -> None:
    notices.say("conversations", Notice("Not renamed."))

    assert notices.take("page") == ()
    assert [notice.text for notice in notices.take("conversations")] == ["Not renamed."]


def test_a_newer_notice_replaces_the_one_that_was_not_drawn_yet() -> None:
    notices.say("page", Notice("First."))
    notices.say_not_done(PersonaChatError("Second.", hint="Try again."), title="Not sent")

    (notice,) = notices.take("page")
    assert (notice.title, notice.text) == ("Not sent", "Second. Try again.")


def test_what_is_no_longer_so_is_not_drawn() -> None:
    notices.say("chat_gone", Notice("It is gone."))
    notices.say("chat_gone")

    assert notices.take("chat_gone") == ()
