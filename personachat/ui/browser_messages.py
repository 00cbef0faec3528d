"""Limits what a browser may ask of Streamlit to what our pages need.

Streamlit does whatever a connection asks for, and a forged message can ask for more than pages do: to clear
everybody's cache, for the names of changed files in the checkout, to write files beside the app, or for the
addresses of a million uploads, which block the server while they are created. None of that needs a login.
Everything here depends on undocumented parts of Streamlit.
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
"""Requests that the server answers outside a run: creating a download, and reading more of a table."""

MOST_FILES = 5_000
"""How many upload addresses one message may request: more than any page needs."""

MOST_LOGGED = 100

_handle = AppSession.handle_backmsg
_logged: list[str] = []


def take_only_what_pages_ask() -> None:
    """Apply the limits. Call it once per process, before the first visitor; further calls do nothing."""
    AppSession.handle_backmsg = _judge  # type: ignore[method-assign]  # Streamlit has no public way


def _judge(self: AppSession, msg: BackMsg) -> None:
    if refused := what_is_refused(msg):
        if len(_logged) < MOST_LOGGED:
            _logged.append(refused)
            log.warning("Ignored a message that no page sends: %s", refused)
        return
    _handle(self, msg)


def what_is_refused(message: BackMsg) -> str:
    """The name of the request, if it is never allowed; otherwise ""."""
    kind = message.WhichOneof("type") or "nothing"
    if kind not in ASKED_BY_PAGES:
        return kind
    if kind == "backend_operation_request":
        operation = message.backend_operation_request.WhichOneof("payload") or "nothing"
        return "" if operation in OPERATIONS else operation
    if kind == "file_urls_request" and len(message.file_urls_request.file_names) > MOST_FILES:
        return f"addresses for more than {MOST_FILES:,} files"
    return ""
