"""What was dismissed in a browser stays dismissed there, and nowhere else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from personachat.ui import dismissals


class Browser:
    """A browser with a cookie, and the session of one of its tabs."""

    def __init__(self, cookie: str = "") -> None:
        self.session_state: dict[str, Any] = {}
        self.context = SimpleNamespace(cookies={dismissals.COOKIE: cookie} if cookie else {})
        self.drawn: list[str] = []

    def html(self, script: str, *, unsafe_allow_javascript: bool) -> None:
        assert unsafe_allow_javascript
        self.drawn.append(script)


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Browser:
    return with_cookie(monkeypatch, "")


def with_cookie(monkeypatch: pytest.MonkeyPatch, cookie: str) -> Browser:
    made = Browser(cookie)
    monkeypatch.setattr(dismissals, "st", made)
    return made


def test_what_is_dismissed_is_told_to_the_browser_at_once(browser: Browser) -> None:
    assert not dismissals.is_dismissed("offline")
    dismissals.dismiss("offline")
    dismissals.draw_cookie()
    assert dismissals.is_dismissed("offline")
    assert not dismissals.is_dismissed("short_lived")
    assert "personachat_dismissed=offline;" in browser.drawn[0]


def test_another_tab_of_the_browser_knows_and_adds_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    browser = with_cookie(monkeypatch, "offline")
    assert dismissals.is_dismissed("offline")
    dismissals.draw_cookie()
    assert not browser.drawn, "nothing is new"
    dismissals.dismiss("short_lived")
    dismissals.draw_cookie()
    assert "=offline.short_lived;" in browser.drawn[0]


def test_a_made_up_cookie_is_no_notice_and_never_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    browser = with_cookie(monkeypatch, '"; alert(1).offline.</script>')
    dismissals.dismiss("short_lived")
    dismissals.draw_cookie()
    assert "=offline.short_lived;" in browser.drawn[0]
    assert "alert" not in browser.drawn[0]
