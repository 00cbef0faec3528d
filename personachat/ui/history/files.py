"""Export and import: files are created on download, and an uploaded file is imported once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from personachat.errors import ImportRepeated
from personachat.history.exporting import ExportFormat
from personachat.history.filenames import file_name
from personachat.history.filters import Filters
from personachat.history.import_reading import MOST_TURNS
from personachat.history.importing import MOST_BYTES
from personachat.history.library import ConversationLibrary, Repeats
from personachat.services.workspace import Workspace
from personachat.ui import session
from personachat.ui.history import import_run, state
from personachat.ui.wording import counted, error_text

FORMATS: dict[ExportFormat, str] = {"markdown": "Markdown", "json": "JSON", "csv": "CSV"}
ENDINGS: dict[ExportFormat, str] = {"markdown": "md", "json": "json", "csv": "csv"}
_MB = 1024 * 1024
_CHECKING = "Checking the file…"
_FOLLOW_SECONDS = 0.1

TYPES: dict[ExportFormat, str] = {"markdown": "text/markdown", "json": "application/json", "csv": "text/csv"}


def draw_downloads(ids: Sequence[str] | None, *, title: str | None = None) -> None:
    """A button for each format; `ids` None means all, `title` is that of a single conversation."""
    with st.container(horizontal=True):
        for kind, label in FORMATS.items():
            packed = title is None and kind == "markdown"
            st.download_button(
                label,
                data=session.later(partial(_content, ids=ids, kind=kind)),
                file_name=_file_name(kind, title),
                mime="application/zip" if packed else TYPES[kind],
                icon=":material/download:",
                help="One file per conversation, in a ZIP archive." if packed else None,
                on_click="ignore",
                key=f"export_{kind}_{'one' if title else 'many'}",
            )


def _content(workspace: Workspace, *, ids: Sequence[str] | None, kind: ExportFormat) -> bytes:
    return workspace.library.export(ids, kind).content


def _file_name(kind: ExportFormat, title: str | None) -> str:
    if title is not None:
        return f"{file_name(title)}.{ENDINGS[kind]}"
    return "conversations.zip" if kind == "markdown" else f"conversations.{ENDINGS[kind]}"


def only_title(library: ConversationLibrary) -> str | None:
    """The title of the owner's only conversation; None if there are none or more."""
    titles = [
        summary
        for archived in (False, True)
        for summary in library.list(Filters(archived=archived), limit=2).conversations
    ]
    return titles[0].title if len(titles) == 1 else None


def draw_import(library: ConversationLibrary) -> None:
    """The field for a file to import."""
    run = state.history_state().import_run
    if run is not None and not run.ended.is_set():
        st.caption("An import is already running.")
        return
    upload = st.file_uploader(
        "Import conversations",
        type=["json", "jsonl", "zip"],
        key=_upload_key(),
        max_upload_size=MOST_BYTES // _MB,
        help=(
            "An export from PersonaChat, ChatGPT (the ZIP file or conversations.json) or Open WebUI "
            "(chats as JSON), or a SillyTavern chat (JSONL)."
        ),
    )
    st.caption(f"Up to {MOST_BYTES // _MB} MB and {MOST_TURNS:,} messages.")
    if upload is not None:
        state.empty_import_field()  # or the next run would import the file again
        _begin_import(library, upload.getvalue())
        st.rerun()


def _begin_import(library: ConversationLibrary, content: bytes, repeats: Repeats = "refuse") -> None:
    state.history_state().import_run = import_run.start(library, content, repeats)


def _forget_import() -> None:
    state.history_state().import_run = None


def _upload_key() -> str:
    return f"import_{state.imports()}"


def draw_import_outcome(library: ConversationLibrary) -> DeltaGenerator | None:
    """The outcome of the last import, shown once; a place for the progress of one that still runs."""
    run = state.history_state().import_run
    if run is None:
        return None
    if not run.ended.is_set():
        return st.container()
    if isinstance(run.error, ImportRepeated):
        _ask_about_repeats(library, run, run.error)
        return None
    _forget_import()
    if run.error:
        st.error(error_text(run.error), title="Not imported", icon=":material/error:")
    elif run.conversations is None and not run.cancelled.is_set():
        st.error("See the server's log for the reason.", title="Not imported", icon=":material/error:")
    elif run.conversations is None:
        st.info("The import was cancelled. Nothing was kept.", icon=":material/cancel:")
    else:
        st.success(f"Imported {counted(run.conversations, 'conversation')}.", icon=":material/check:")
    return None


def _ask_about_repeats(
    library: ConversationLibrary, run: import_run.ImportRun, error: ImportRepeated
) -> None:
    """Ask which conversations to import. The question stays until it is answered."""
    st.warning(error_text(error), title="Imported before", icon=":material/content_copy:")
    new = error.total - error.repeated
    with st.container(horizontal=True, gap="small"):
        if new:
            st.button(
                f"Import the other {counted(new, 'conversation')}" if new > 1 else "Import the other one",
                icon=":material/upload:",
                key="import_new",
                on_click=_begin_import,
                args=(library, run.content, "skip"),
            )
        st.button(
            "Import a second copy" if error.total == 1 else "Import all as copies",
            icon=":material/content_copy:",
            key="import_copies",
            on_click=_begin_import,
            args=(library, run.content, "copy"),
        )
        st.button("Don't import", key="import_nothing", type="tertiary", on_click=_forget_import)


def follow_import(place: DeltaGenerator | None) -> None:
    """Show the progress of the import until it ends, below everything else that the page draws."""
    run = state.history_state().import_run
    if place is None or run is None:
        return
    with place.container(horizontal=True, vertical_alignment="center", key="importing"):
        bar = st.progress(0.0, text=_CHECKING)
        st.button("Cancel", icon=":material/close:", key="cancel_history_import", on_click=run.cancelled.set)
    while not run.ended.wait(_FOLLOW_SECONDS):
        if run.cancelled.is_set():
            bar.progress(1.0, text="Removing what was imported…")
        elif run.total:
            words = f"Imported {run.done:,} of {counted(run.total, 'message')}"
            bar.progress(min(1.0, run.done / run.total), text=words)
        else:
            bar.progress(0.0, text=_CHECKING)
    st.rerun()  # the list was read before
