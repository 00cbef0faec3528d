"""What a browser may ask of Streamlit: what our pages make it ask, and of that no more than a page needs.

Streamlit does whatever a connection asks for, and whoever writes their own messages can ask for more than
pages do: to clear what is cached for everybody, for the names of changed files in the checkout, to write
files beside the app, and for the addresses of a million uploads, which hold up the server while they are made
up. None of that needs a login. Everything here touches what Streamlit does not document.
"""

from __future__ import annotations

import logging

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.runtime.app_session import AppSession

log = logging.getLogger(__name__)

ASKED_BY_PAGES = frozenset(
    {
        "rerun_script",
        "stop_script",
        "file_urls_request",
        "app_heartbeat",
        "set_run_on_save",
        "backend_operation_request",
    }
)
"""By their names in Streamlit's protocol."""

OPERATIONS = frozenset({"deferred_file", "dataframe_chunk"})
"""Of what the server does beside a run: to make a download, and to look further into a table."""

MOST_FILES = 5_000
"""Whose addresses are asked for at once: more than a page keeps."""

MOST_LOGGED = 100

_handle = AppSession.handle_backmsg
_logged: list[str] = []


def take_only_what_pages_ask() -> None:
    """Make Streamlit do so; once per process, before the first visitor, and again changes nothing."""
    AppSession.handle_backmsg = _judge  # type: ignore[method-assign]  # Streamlit has no public way


def _judge(self: AppSession, msg: BackMsg) -> None:
    if refused := what_is_refused(msg):
        if len(_logged) < MOST_LOGGED:
            _logged.append(refused)
            log.warning("Ignored a message that no page sends: %s", refused)
        return
    _handle(self, msg)


def what_is_refused(message: BackMsg) -> str:
    """What it asks for, by its name, if that is not done for anybody; else ""."""
    kind = message.WhichOneof("type") or "nothing"
    if kind not in ASKED_BY_PAGES:
        return kind
    if kind == "backend_operation_request":
        operation = message.backend_operation_request.WhichOneof("payload") or "nothing"
        return "" if operation in OPERATIONS else operation
    if kind == "file_urls_request" and len(message.file_urls_request.file_names) > MOST_FILES:
        return f"addresses for more than {MOST_FILES:,} files"
    return ""
