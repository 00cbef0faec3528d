from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.runtime.app_session import AppSessionState

from personachat.history.changes import Change
from personachat.stamps import now
from personachat.ui import open_tabs
from personachat.ui.open_tabs import LOOK_BACK, Tab, Tabs

THEN = now()
LATER = THEN + timedelta(seconds=1)


def change(conversation_id: str = "a", *, owner: str = "me", listed: bool = True) -> Change:
    return Change(owner, conversation_id, LATER, listed)


@pytest.mark.parametrize(
    ("what", "concerned"),
    [
        (change("a"), True),
        (change("b"), False),
        (change("c"), True),
        (change("a", listed=False), True),
        (change("c", listed=False), False),
        (change("a", owner="you"), False),
    ],
    ids=["older here", "shown as it is", "new", "deleted", "never shown and deleted", "of another person"],
)
def test_a_tab_is_drawn_again_only_for_what_it_shows_otherwise(what: Change, *, concerned: bool) -> None:
    tabs = Tabs()
    tabs.put("tab", Tab("me", {"a": THEN, "b": LATER}))
    tabs.take((what,), looked_at=LATER)
    assert tabs.outdated() == (["tab"] if concerned else [])


def test_a_change_counts_once_though_it_is_seen_again(monkeypatch: pytest.MonkeyPatch) -> None:
    tabs = Tabs()
    tabs.put("tab", Tab("me", {}))
    tabs.take((change(),), looked_at=LATER)
    tabs.refresh("tab")
    tabs.take((change(),), looked_at=LATER)
    assert tabs.outdated() == []


def test_a_change_is_not_missed_while_a_tab_is_drawn() -> None:
    tabs = Tabs()
    tabs.put("tab", Tab("me", {"a": THEN}))
    tabs.take((change(),), looked_at=LATER)
    tabs.put("tab", Tab("me", {"a": LATER}))
    assert tabs.outdated() == []
    tabs.take((Change("me", "a", LATER + timedelta(seconds=1), is_listed=True),), looked_at=LATER)
    assert tabs.outdated() == ["tab"]


def test_what_a_tab_read_itself_later_in_its_run_is_no_news() -> None:
    tabs = Tabs()
    tabs.put("tab", Tab("me", {"a": THEN}))
    tabs.saw("tab", "a", LATER)
    tabs.take((change("a"),), looked_at=LATER)
    assert tabs.outdated() == []


def test_what_a_tab_read_itself_right_after_others_noticed_it_is_no_news() -> None:
    tabs = Tabs()
    tabs.put("tab", Tab("me", {"a": THEN}))
    tabs.take((change("a"),), looked_at=LATER)
    tabs.saw("tab", "a", LATER)
    assert tabs.outdated() == []


@pytest.mark.parametrize(
    ("drawn_at", "change", "is_outdated"), [(1, 2, True), (2, 2, False), (None, 2, False), (1, None, False)]
)
def test_a_tab_is_drawn_again_for_personas_that_changed_after_it_was(
    drawn_at: int | None, change: int | None, *, is_outdated: bool
) -> None:
    tabs = Tabs()
    tabs.put("tab", Tab("me", {}, persona_change=drawn_at))
    tabs.take((), looked_at=LATER, persona_change=change)
    assert tabs.outdated() == (["tab"] if is_outdated else [])


def test_a_tab_that_shows_one_thing_follows_that_and_no_conversations() -> None:
    shown = ["one vote"]
    tabs = Tabs()
    tabs.put("tab", Tab("me", {}, look=lambda: tuple(shown), look_then=("one vote",)))
    tabs.take((change(),), looked_at=LATER)
    tabs.look(looked_at=LATER)
    assert tabs.outdated() == []
    shown.append("another")
    tabs.look(looked_at=LATER)
    assert tabs.outdated() == ["tab"]


def test_nothing_is_looked_for_while_no_tab_is_open() -> None:
    tabs = Tabs()
    assert tabs.look_from() is None
    tabs.put("tab", Tab("me", {}))
    since = tabs.look_from()
    assert since is not None
    assert now() - since >= LOOK_BACK
    tabs.drop("tab")
    assert tabs.look_from() is None
    assert len(tabs) == 0


class Reads(Exception):
    """The database was read."""


def reading(_since: object, *, drafts: bool) -> Any:
    raise Reads


@pytest.mark.parametrize(
    ("states", "reads"),
    [
        ([AppSessionState.APP_IS_RUNNING, AppSessionState.APP_IS_RUNNING], False),
        ([AppSessionState.APP_IS_RUNNING, None], False),
        ([AppSessionState.APP_IS_RUNNING, AppSessionState.APP_NOT_RUNNING], True),
    ],
    ids=["both follow a reply", "one follows a reply, one is gone", "one is idle"],
)
def test_changes_are_looked_for_only_where_a_tab_could_show_them(
    monkeypatch: pytest.MonkeyPatch, states: list[AppSessionState | None], *, reads: bool
) -> None:
    tabs = Tabs()
    sessions = {}
    for number, state in enumerate(states):
        tabs.put(str(number), Tab("me", {}))
        sessions[str(number)] = state and SimpleNamespace(session=SimpleNamespace(_state=state))
    runtime = SimpleNamespace(_session_mgr=SimpleNamespace(get_active_session_info=sessions.get))
    services = SimpleNamespace(runner=SimpleNamespace(closed=False), changed_since=reading)
    monkeypatch.setattr(open_tabs, "_tabs", tabs)
    monkeypatch.setattr(open_tabs, "_services", services)
    monkeypatch.setattr(open_tabs, "Runtime", SimpleNamespace(instance=lambda: runtime))
    before = tabs.look_from()
    if reads:
        with pytest.raises(Reads):
            open_tabs._look_once()
    else:
        open_tabs._look_once()
    assert tabs.look_from() == before  # so that nothing is missed by then


@pytest.mark.parametrize("is_clicked", [False, True])
def test_a_click_that_is_about_to_run_is_not_pushed_aside(
    monkeypatch: pytest.MonkeyPatch, *, is_clicked: bool
) -> None:
    """Its thread has not begun, so the session still counts as idle."""
    runs: list[str] = []
    session = SimpleNamespace(
        _state=AppSessionState.APP_NOT_RUNNING,
        _scriptrunner=object() if is_clicked else None,
        _client_state="the last one",
        request_rerun=runs.append,
    )
    tabs = Tabs()
    tabs.put("tab", Tab("me", {}))
    tabs.take((change(),), looked_at=LATER)
    monkeypatch.setattr(open_tabs, "_tabs", tabs)
    info = SimpleNamespace(session=session)
    runtime: Any = SimpleNamespace(_session_mgr=SimpleNamespace(get_active_session_info=lambda _: info))
    open_tabs._run_again(runtime, "tab")
    assert runs == ([] if is_clicked else ["the last one"])
    assert tabs.outdated() == (["tab"] if is_clicked else [])
