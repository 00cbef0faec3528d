"""Export of the open persona, and import of files: each import first shows what it will do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import cast

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from personachat.authoring.imports import ImportPlan, Outcome
from personachat.errors import PersonaChatError
from personachat.personas.formats.catalogue import FORMATS, MOST_ARCHIVE_BYTES, Columns, ExportedFile
from personachat.ui import session
from personachat.ui.dialogs import dialog
from personachat.ui.personas import actions as editing
from personachat.ui.personas import import_plan
from personachat.ui.personas.desk import IMPORT_FIELD, OpenPersona, desk
from personachat.ui.wording import as_text, error_text, escaped

_MB = 1024 * 1024
FILE_TYPES = [
    *("json", "png", "charx", "zip", "jpg", "jpeg", "webp", "apng"),
    *("md", "mdc", "markdown", "txt", "prompt", "modelfile", "yaml", "yml", "csv", "tsv", "jsonl"),
]
"""What the file chooser offers; the content decides what a file is."""

_COLUMNS = "import_columns_"


@dialog("Export", icon=":material/download:", on_dismiss=editing.close_question)
def ask_export(open_persona: OpenPersona) -> None:
    """Choose a format, see what it can't contain, download."""
    kind = st.selectbox(
        "Format",
        list(FORMATS),
        format_func=lambda kind: FORMATS[kind].label,
        key="export_format",
        persist_state="session",
    )
    kind = kind or "json"
    st.caption(FORMATS[kind].about)
    if open_persona.draft:
        st.caption(":material/edit: The saved version is exported without your unsaved edits.")
    try:
        file = session.workspace().collection.export(open_persona.id, kind)
    except PersonaChatError as error:
        st.error(error_text(error), icon=":material/error:")
        return
    _draw_losses(file.losses)
    st.download_button(
        "Download",
        data=partial(_content, file),
        file_name=file.filename,
        mime=file.media_type,
        icon=":material/download:",
        type="primary",
        on_click="ignore",
        key="download_export",
    )


@dialog("Import personas", width="large", icon=":material/upload_file:", on_dismiss=editing.close_question)
def ask_import() -> None:
    """Take files, show what each would do, ask questions, then import."""
    files = st.file_uploader(
        "Files",
        type=FILE_TYPES,
        accept_multiple_files=True,
        max_upload_size=MOST_ARCHIVE_BYTES // _MB,
        key=f"{IMPORT_FIELD}{desk().imports}",
        help=(
            "Personas and bundles, character cards (JSON, PNG, WebP, JPEG, CHARX), prompts (text, "
            "Markdown, Modelfiles, tables) and exports from other programs."
        ),
    )
    plans = {file.file_id: plan for file in files if (plan := _planned(file)) is not None}
    if not plans:
        if not files:
            st.caption("Nothing is saved until you have seen what the files contain.")
        return
    choices = [import_plan.draw_plan(plan, key=key) for key, plan in plans.items()]
    count = sum(
        choice.get(item.id, item.proposed) != "mine"
        for plan, choice in zip(plans.values(), choices, strict=True)
        for item in plan.items
    )
    broken = len(plans) < len(files) or any(plan.broken for plan in plans.values())
    whole = broken and st.checkbox(
        "All or nothing",
        key="import_whole",
        help="Import nothing if one of the files is broken.",
    )
    with st.container(horizontal=True, horizontal_alignment="right"):
        st.button("Cancel", key="cancel_import", on_click=editing.close_question)
        label = f"Import {count}" if count else "Nothing to import"
        st.button(
            label,
            type="primary",
            key="confirm_import",
            disabled=not count or whole,
            on_click=_carry_out,
            args=(plans,),
        )


def _planned(file: UploadedFile) -> ImportPlan | None:
    """What a file contains; a refused file shows the reason."""
    plans = desk().import_plans
    columns = cast("dict[str, str] | None", st.session_state.get(f"{_COLUMNS}{file.file_id}"))
    key = f"{file.file_id}{sorted(columns.items()) if columns else ''}"
    plan = plans.get(key)
    if plan is None:
        try:
            plan = session.workspace().collection.plan_import(
                file.getvalue(), filename=file.name, columns=columns
            )
        except PersonaChatError as error:
            st.error(
                error_text(error), title=f"{as_text(file.name)} was not imported", icon=":material/block:"
            )
            return None
        plans[key] = plan
    if plan.columns:
        _ask_columns(file, plan.columns)
    return plan


def _ask_columns(file: UploadedFile, columns: Columns) -> None:
    """Choose which columns of a table are the prompt and the name."""
    with st.container(horizontal=True):
        for role, label in (("prompt", "Prompt column"), ("name", "Name column")):
            column = columns.chosen.get(role)
            st.selectbox(
                label,
                columns.names,
                index=columns.names.index(column) if column in columns.names else None,
                key=f"{_COLUMNS}{role}_{file.file_id}",
                on_change=_choose_columns,
                args=(file.file_id,),
            )


def _choose_columns(file_id: str) -> None:
    column_of_role = {
        role: column
        for role in ("prompt", "name")
        if (column := st.session_state.get(f"{_COLUMNS}{role}_{file_id}"))
    }
    if "prompt" in column_of_role:
        st.session_state[f"{_COLUMNS}{file_id}"] = column_of_role


def _carry_out(plans: Mapping[str, ImportPlan]) -> None:
    collection = session.workspace().collection
    outcomes: list[Outcome] = []
    for key, plan in plans.items():
        outcomes += collection.carry_out(plan, import_plan.choices_of(plan, key=key))
    finish(outcomes)


def finish(outcomes: Sequence[Outcome]) -> None:
    """Close the dialog, show the outcome, and open the first persona that was saved."""
    editing.close_question()
    here = desk()
    here.import_plans = {}
    saved = [outcome.saved for outcome in outcomes if outcome.saved]
    if saved:
        names = f"**{escaped(saved[0].persona.name)}**" if len(saved) == 1 else f"{len(saved)} personas"
        here.toast = f"Imported {names}."
        session.remember("id", saved[0].id)
    failed = [outcome.error for outcome in outcomes if outcome.error]
    if failed:
        here.error = failed[0]


def _draw_losses(losses: Sequence[str]) -> None:
    if losses:
        with st.container(border=True):
            st.markdown(":material/info: **What this format can't include**")
            st.markdown("\n".join(f"- {as_text(loss)}" for loss in losses))


def _content(file: ExportedFile) -> bytes:
    return file.content
