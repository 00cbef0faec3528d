"""How a page behaves where Streamlit has no way to say it: focus, scrolling, history, what is read out.

This is the one place with scripts and style sheets that act on the whole page. They are the files in
`assets`, which Streamlit serves from our own origin. They only observe, and add menus. Streamlit draws
everything else, so every page still works if the module does not load. `draw` is called once in each run,
before the page.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

import streamlit as st
from streamlit.components.v2.get_bidi_component_manager import get_bidi_component_manager
from streamlit.components.v2.manifest_scanner import ComponentConfig, ComponentManifest
from streamlit.components.v2.types import ComponentRenderer

from personachat import __version__

Choose: TypeAlias = Callable[[str, str], None]
"""Does what was chosen in a menu of the page's own; takes its label, and the id of what the menu is of."""

KEY = "page_behaviour"
_OF_THE_PAGE = ("follow", "unsent")
ASSETS = Path(__file__).parent / "assets"

_MANIFEST = ComponentManifest("personachat", __version__, [ComponentConfig(KEY, ASSETS.name)])
_NAME = f"{_MANIFEST.name}.{KEY}"

_HTML = """
<button type="button" data-part="latest" hidden>Jump to latest</button>
<div data-part="menu" popover="auto"></div>
<dialog data-part="leaving" aria-labelledby="leaving-title">
  <h2 id="leaving-title">Discard what you changed?</h2>
  <p>Your changes to this message are not saved.</p>
  <div>
    <button type="button" value="stay">Keep editing</button>
    <button type="button" value="leave">Discard</button>
  </div>
</dialog>
<div data-part="spoken" role="log" aria-live="polite" aria-label="Replies as they come"></div>
"""


def draw(
    *,
    choose_in_row: Choose,
    choose_in_turn: Choose,
    turn_menu: Sequence[str] = (),
    avatars: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Have the page behave; the same in every run, so that a run sends and the browser does nothing again.

    `choose_in_row` is called for the menu of a conversation in the sidebar, `choose_in_turn` for that of an
    older turn, which has some of `turn_menu`. `avatars` stand before the entries of the persona picker, by
    their labels.
    """
    manager = get_bidi_component_manager()
    if (
        manager.get_metadata(_NAME) is None
    ):  # once per process; Streamlit itself looks in installed packages only
        manager.register_from_manifest(_MANIFEST, ASSETS.parent)
    _renderer()(
        key=KEY,
        # Not a mapping: that would be searched for tables, which loads pandas.
        data=[list(avatars.items()), list(turn_menu)],
        on_follow_change=_follow,
        on_unsent_change=_take,
        on_row_change=lambda: _take_choice("row", choose_in_row),
        on_turn_change=lambda: _take_choice("turn", choose_in_turn),
        width="content",
        height="content",
    )


def asks_only_for_a_run(widget_id: str, events: str) -> bool:
    """Whether the page asked by itself for what any run does; `events` is what the component sent."""
    if not widget_id.endswith(f"-{KEY}__events"):
        return False
    try:
        fired = json.loads(events)
    except (ValueError, RecursionError):
        return False
    if not isinstance(fired, list):
        return False
    return all(isinstance(each, dict) and str(each.get("event")) in _OF_THE_PAGE for each in fired)


def _take_choice(kind: str, choose: Choose) -> None:
    choice = st.session_state[KEY].get(kind)
    if isinstance(choice, dict):
        choose(str(choice.get("chosen")), str(choice.get("id")))


def _follow() -> None:
    """The page saw that no script follows a live reply: this run does."""


def _take() -> None:
    """The page has what was typed while there was no connection: this run gets it."""


@cache
def _renderer() -> ComponentRenderer:
    return st.components.v2.component(_NAME, html=_HTML, js="page.js", isolate_styles=False)
