"""Export and import: files are made when they are asked for, and a file is taken in once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from personachat.conversations.filenames import file_name
from personachat.errors import PersonaChatError
from personachat.library import ExportFormat, Filters, Library
from personachat.ui import library_state, state
from personachat.ui.wording import error_text

FORMATS: dict[ExportFormat, str] = {"markdown": "Markdown", "json": "JSON", "csv": "CSV"}
ENDINGS: dict[ExportFormat, str] = {"markdown": "md", "json": "json", "csv": "csv"}
TYPES: dict[ExportFormat, str] = {"markdown": "text/markdown", "json": "application/json", "csv": "text/csv"}


def draw_downloads(library: Library, ids: Sequence[str] | None, *, title: str | None = None) -> None:
    """A button for each format; `ids` None stands for all, `title` is that of the one, where it is one."""
    with st.container(horizontal=True):
        for kind, label in FORMATS.items():
            packed = title is None and kind == "markdown"
            st.download_button(
                label,
                data=partial(_content, library, ids, kind),
                file_name=_file_name(kind, title),
                mime="application/zip" if packed else TYPES[kind],
                icon=":material/download:",
                help="One file a conversation, in an archive." if packed else None,
                on_click="ignore",
                key=f"export_{kind}_{'one' if title else 'many'}",
            )


def _content(library: Library, ids: Sequence[str] | None, kind: ExportFormat) -> bytes:
    return library.export(ids, kind).content


def _file_name(kind: ExportFormat, title: str | None) -> str:
    if title is not None:
        return f"{file_name(title)}.{ENDINGS[kind]}"
    return "conversations.zip" if kind == "markdown" else f"conversations.{ENDINGS[kind]}"


def only_title(library: Library) -> str | None:
    """The title of the owner's only conversation; None where there are none or more."""
    found = [
        summary
        for archived in (False, True)
        for summary in library.list(Filters(archived=archived), limit=2).conversations
    ]
    return found[0].title if len(found) == 1 else None


def draw_import() -> None:
    """Takes in what an export as JSON gave, and says what came of it."""
    st.file_uploader(
        "Import conversations",
        type="json",
        key=_upload_key(),
        on_change=_take_in,
        help="A JSON file that was exported here or in another PersonaChat.",
    )


def _upload_key() -> str:
    return f"import_{library_state.imports()}"


def _take_in() -> None:
    """Import the file at once and empty the field, so that no later run does it again."""
    upload = st.session_state.get(_upload_key())
    if upload is None:
        return
    try:
        ids = state.workspace().library.import_json(upload.getvalue())
    except PersonaChatError as error:
        library_state.end_import(refused=error_text(error))
    else:
        library_state.end_import(done=f"Imported {counted(len(ids))}.")


def draw_import_outcome() -> None:
    """What came of the last import, once."""
    done, refused = library_state.import_outcome()
    if done:
        st.success(done, icon=":material/check:")
    elif refused:
        st.error(refused, title="Not imported", icon=":material/error:")


def counted(conversations: int) -> str:
    """E.g. "1 conversation" or "1,200 conversations"."""
    return "1 conversation" if conversations == 1 else f"{conversations:,} conversations"
