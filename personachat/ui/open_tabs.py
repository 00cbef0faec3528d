"""Idle open tabs redraw themselves when another tab, program or process changed something they show.

While such tabs are open, one thread per process looks once per second for conversations and personas that
changed, and reruns the tabs that show an old version. A tab that is running learns about the change when its
run ends. A tab is known by its Streamlit session. Nothing else here depends on undocumented parts of
Streamlit.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TypeAlias

from streamlit.runtime import Runtime
from streamlit.runtime.app_session import AppSessionState
from streamlit.runtime.scriptrunner import get_script_run_ctx

from personachat.errors import PersonaChatError
from personachat.history.changes import Change
from personachat.services import Services
from personachat.stamps import now

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0
DRAFT = "draft "
"""Prefix of the id of an unsaved persona's text; its persona's id follows."""

PERSONAS, OTHER = "personas", "other"
"""Stand for what is no conversation, in what is new to a tab."""

LOOK_BACK = timedelta(seconds=5)
"""Seconds: longer than a transaction takes, because servers' clocks differ."""


Look: TypeAlias = Callable[[], object]
"""Gives another value once a page would look different."""


@dataclass(slots=True)
class Tab:
    """A page in a browser, and what it shows: conversations by id, with the time of their last change."""

    owner: str
    visible: Mapping[str, datetime | None]
    shows_drafts: bool = False
    """Whether it shows unsaved personas (ids that begin with DRAFT) and no conversations."""
    persona_change: int | None = None
    """The last change of any persona when the tab was drawn; None if unknown."""
    look: Look | None = None
    """What else it shows; such a tab shows no conversations."""
    look_then: object = None
    """What `look` gave when the tab was drawn."""
    news: set[tuple[str, datetime]] = field(default_factory=set)
    """Changes that it doesn't show yet."""

    def concerns(self, change: Change) -> bool:
        """Whether this tab would look different after that change."""
        if (
            self.look
            or change.owner != self.owner
            or change.conversation_id.startswith(DRAFT) != self.shows_drafts
        ):
            return False
        if change.conversation_id in self.visible:
            return self.visible[change.conversation_id] != change.changed_at
        return change.is_listed


class Tabs:
    """All open tabs of this process. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tabs: dict[str, Tab] = {}
        self._seen: dict[tuple[str, datetime], None] = {}
        self._since: datetime | None = None

    def __len__(self) -> int:
        return len(self._tabs)

    def put(self, session_id: str, tab: Tab) -> None:
        with self._lock:
            self._tabs[session_id] = tab
            if self._since is None:
                self._since = now()

    def saw(self, session_id: str, conversation_id: str, changed_at: datetime | None) -> None:
        """A tab has read one of its conversations again."""
        with self._lock:
            if tab := self._tabs.get(session_id):
                tab.visible = {**tab.visible, conversation_id: changed_at}
                tab.news = {one for one in tab.news if one != (conversation_id, changed_at)}

    def drop(self, session_id: str) -> None:
        with self._lock:
            self._tabs.pop(session_id, None)

    def look_from(self) -> datetime | None:
        """Since when changes matter; None while no tab is open."""
        with self._lock:
            if not self._tabs:
                self._since = None
                self._seen.clear()
            return None if self._since is None else self._since - LOOK_BACK

    def take(
        self, changes: tuple[Change, ...], *, looked_at: datetime, persona_change: int | None = None
    ) -> None:
        """Mark the tabs that these changes concern, each change once, and those that show older personas."""
        with self._lock:
            fresh = [one for one in changes if (one.conversation_id, one.changed_at) not in self._seen]
            self._seen = {(one.conversation_id, one.changed_at): None for one in changes}
            self._since = looked_at
            for tab in self._tabs.values():
                tab.news |= {(one.conversation_id, one.changed_at) for one in fresh if tab.concerns(one)}
                if None not in (persona_change, tab.persona_change) and persona_change != tab.persona_change:
                    tab.news.add((PERSONAS, looked_at))

    def refresh(self, session_id: str) -> None:
        """This tab is about to be drawn again."""
        with self._lock:
            if tab := self._tabs.get(session_id):
                tab.news.clear()

    def look(self, *, looked_at: datetime) -> None:
        """Mark the tabs that show something else than what they look at now."""
        with self._lock:
            looking = [tab for tab in self._tabs.values() if tab.look]
        for tab in looking:
            if tab.look and tab.look() != tab.look_then:
                tab.news.add((OTHER, looked_at))

    def ids(self) -> list[str]:
        with self._lock:
            return list(self._tabs)

    def show_drafts(self) -> bool:
        """Whether any of them does."""
        with self._lock:
            return any(tab.shows_drafts for tab in self._tabs.values())

    def outdated(self) -> list[str]:
        with self._lock:
            return [session_id for session_id, tab in self._tabs.items() if tab.news]


_tabs = Tabs()
_lock = threading.Lock()
_wake = threading.Event()
_services: Services | None = None
_thread: threading.Thread | None = None


def follow(
    services: Services, owner: str, visible: Mapping[str, datetime | None], *, shows_drafts: bool = False
) -> None:
    """Watch this tab as it is now; it shows what was just read."""
    session_id = _session_id()
    if session_id is None:
        return
    # The personas page isn't redrawn while somebody works there: its next run shows what changed.
    persona_change = None if shows_drafts else services.persona_change()
    _put(services, session_id, Tab(owner, visible, shows_drafts, persona_change))


def follow_one(services: Services, owner: str, look: Look) -> None:
    """Keep this tab as long as `look` gives the same, whatever else changes."""
    session_id = _session_id()
    if session_id is not None:
        _put(services, session_id, Tab(owner, {}, look=look, look_then=look()))


def _put(services: Services, session_id: str, tab: Tab) -> None:
    global _services, _thread  # noqa: PLW0603  # one thread serves all tabs of the process
    _tabs.put(session_id, tab)
    with _lock:
        _services = services
        if _thread is None:
            _thread = threading.Thread(target=_look, name="personachat-tabs", daemon=True)
            _thread.start()
    _wake.set()


def saw(conversation_id: str, changed_at: datetime | None) -> None:
    """This tab shows the conversation as of `changed_at`; the run may have changed it since `follow`."""
    session_id = _session_id()
    if session_id is not None:
        _tabs.saw(session_id, conversation_id, changed_at)


def leave() -> None:
    """This tab shows nothing that others change, or must not be redrawn by itself."""
    session_id = _session_id()
    if session_id is not None:
        _tabs.drop(session_id)


def _session_id() -> str | None:
    """This session's tab; None if no server runs it, as in a test of a page."""
    context = get_script_run_ctx()
    if context is None or not Runtime.exists() or type(Runtime.instance()) is not Runtime:
        return None
    return context.session_id


def _look() -> None:
    while True:
        _wake.wait()
        _wake.clear()
        while len(_tabs):
            threading.Event().wait(TICK_SECONDS)
            try:
                _look_once()
            except PersonaChatError as error:
                log.debug("Checking for changes failed: %s", error.code)
            except Exception:
                log.exception("Checking for changes failed")


def _look_once() -> None:
    services, since = _services, _tabs.look_from()
    if services is None or since is None or services.runner.closed:
        return
    runtime = Runtime.instance()
    if not any(map(partial(_is_idle, runtime), _tabs.ids())):
        return  # a tab that follows a reply learns it later, from the time of the last look
    moment = now()
    changes, drafts = services.changed_since(since, drafts=_tabs.show_drafts())
    changes += tuple(Change(owner, DRAFT + each, at, is_listed=True) for owner, each, at in drafts)
    _tabs.take(changes, looked_at=moment, persona_change=services.persona_change())
    _tabs.look(looked_at=moment)
    for session_id in _tabs.outdated():
        runtime._get_async_objs().eventloop.call_soon_threadsafe(_run_again, runtime, session_id)  # noqa: SLF001  # Streamlit has no public way


def _is_idle(runtime: Runtime, session_id: str) -> bool:
    session_info = runtime._session_mgr.get_active_session_info(session_id)  # noqa: SLF001  # Streamlit has no public way
    return session_info is not None and session_info.session._state is AppSessionState.APP_NOT_RUNNING  # noqa: SLF001  # Streamlit has no public way


def _run_again(runtime: Runtime, session_id: str) -> None:
    """Run an idle tab's page as Streamlit does when its source changed; on the server's loop."""
    session_info = runtime._session_mgr.get_active_session_info(session_id)  # noqa: SLF001  # Streamlit has no public way
    if session_info is None:
        _tabs.drop(session_id)
    elif session_info.session._scriptrunner is None:  # noqa: SLF001  # Streamlit has no public way
        # A click may be about to run: Streamlit would stop that run for another one and lose the click.
        _tabs.refresh(session_id)
        session_info.session.request_rerun(session_info.session._client_state)  # noqa: SLF001  # Streamlit has no public way
