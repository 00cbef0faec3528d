"""The inspector: the exact request that was sent for a reply or would be sent for the next message.

It never contains a key.
"""

from __future__ import annotations

import streamlit as st

from personachat.replies.request_code import RequestBody, as_curl, as_python, no_address, plain_json
from personachat.ui.personas import lore
from personachat.ui.wording import escaped

SAMPLE = "…"
"""A placeholder for the next message: only the browser knows the box's text until it is sent."""

CODE_PIXELS = 420


def draw(request: RequestBody) -> None:
    """A request as JSON, as a shell command and as a program."""
    where = f" · `{request.base_url}/chat/completions`" if request.base_url else ""
    st.caption(f"{escaped(request.model)} · {escaped(request.provider)}{where}")
    lore.draw_activations(request.lore, heading="Lore included")
    json, curl, python = st.tabs(["JSON", "curl", "Python"])
    json.code(plain_json(request.body), language="json", height=CODE_PIXELS, wrap_lines=True)
    command = as_curl(request)
    if command is None:
        curl.info(no_address(request))
    else:
        curl.code(command, language="bash", height=CODE_PIXELS, wrap_lines=True)
    python.code(as_python(request), language="python", height=CODE_PIXELS, wrap_lines=True)
