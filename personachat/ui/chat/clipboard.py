"""Copies text to the visitor's clipboard from within the page: the server can't reach it.

A browser allows it for a few seconds after a click, and only on https or localhost. If it doesn't, the page
is told and shows the text so that it can be copied by hand.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

HTML = '<span role="status"></span>'

CSS = """
span { color: color-mix(in srgb, var(--st-text-color) 65%, transparent);
       font: 0.875rem var(--st-font); white-space: nowrap; }
"""

JS = """
export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  const shown = parentElement.querySelector("span")
  if (shown.dataset.number === String(data.number)) return
  shown.dataset.number = String(data.number)

  const say = copied => { if (copied) shown.textContent = "Copied"; else setTriggerValue("refused", true) }
  const byHand = () => {
    const area = document.createElement("textarea")
    area.value = data.text
    area.style.position = "fixed"
    area.style.opacity = "0"
    document.body.append(area)
    area.select()
    let copied = false
    try { copied = document.execCommand("copy") } catch { copied = false }
    area.remove()
    say(copied)
  }
  if (navigator.clipboard) navigator.clipboard.writeText(data.text).then(() => say(true), byHand)
  else byHand()
}
"""


@st.cache_resource(show_spinner=False)
def _copier() -> ComponentRenderer:
    return st.components.v2.component("personachat_copier", html=HTML, css=CSS, js=JS)


def copy(text: str, *, number: int, on_refused: Callable[[], None]) -> None:
    """Copy `text` and say so in this place; `number` differs each time."""
    _copier()(
        data={"text": text, "number": number},
        key=f"copier_{number}",
        width="content",
        height="content",
        on_refused_change=on_refused,
    )
