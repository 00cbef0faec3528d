"""What the first page and reply would wait for is done once, and the first page waits for it."""

from __future__ import annotations

import gc
import threading

import pytest

from personachat.errors import DatabaseUnavailable
from personachat.ui import warmup

WAIT = 30


@pytest.fixture(autouse=True)
def cold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warmup, "_thread", None)
    monkeypatch.setattr(warmup, "_first", [])
    monkeypatch.setattr(gc, "freeze", lambda: None)


def test_a_page_is_held_until_everything_is_warm() -> None:
    let_go, held = threading.Event(), threading.Event()

    def draw() -> None:
        warmup.hold()
        held.set()

    warmup.do_first(lambda: let_go.wait(WAIT))
    warmup.begin()
    page = threading.Thread(target=draw)
    page.start()
    assert not held.wait(0.2)
    let_go.set()
    assert held.wait(WAIT)
    page.join(WAIT)


def test_a_process_is_warmed_up_once() -> None:
    done: list[str] = []
    warmup.do_first(lambda: done.append("once"))
    warmup.begin()
    warmup.begin()
    warmup.hold()
    assert done == ["once"]


def test_what_cannot_be_warmed_up_keeps_nothing_else_cold(caplog: pytest.LogCaptureFixture) -> None:
    done: list[str] = []

    def fail() -> None:
        raise DatabaseUnavailable("The disk is full.")

    warmup.do_first(fail)
    warmup.do_first(lambda: done.append("next"))
    warmup.begin()
    warmup.hold()
    assert done == ["next"]
    assert not [line for line in caplog.records if line.name.startswith("personachat")]


def test_a_page_is_not_held_where_nothing_is_warmed_up() -> None:
    warmup.hold()
