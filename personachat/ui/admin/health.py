"""How the server is: database, disk, last backup, providers, versions. A provider is tried with one click."""

from __future__ import annotations

import platform
import shutil

import streamlit as st

from personachat import __version__
from personachat.accounts.administrator import Administrator
from personachat.accounts.audit_words import size_of
from personachat.accounts.last_backup import last_backup
from personachat.errors import PersonaChatError
from personachat.providers.ways_on import on_community_cloud
from personachat.services import Services
from personachat.stamps import now
from personachat.ui import session
from personachat.ui.admin.state import admin_state
from personachat.ui.dates import ago, exact, viewer_zone
from personachat.ui.wording import counted, error_text, escaped


def draw(services: Services, administrator: Administrator) -> None:
    _draw_database(services)
    _draw_disk(services)
    _draw_backup(administrator)
    st.markdown(
        f"PersonaChat {escaped(__version__)}, Python {escaped(platform.python_version())}, "
        f"Streamlit {escaped(st.__version__)}"
    )
    st.markdown(
        f"{counted(services.runner.running, 'running reply').replace('replys', 'replies')}, "
        f"at most {services.runner.max_concurrent:,}"
    )
    st.subheader("Providers", anchor=False)
    names = services.provider_names()
    if not names:
        st.warning("No provider is configured.", icon=":material/cloud_off:")
    for name in names:
        _draw_provider(name)


def _draw_database(services: Services) -> None:
    kind = "SQLite" if services.uses_sqlite else "PostgreSQL"
    try:
        services.check_database()
    except PersonaChatError as error:
        st.error(error_text(error), title=f"{kind} can't be used", icon=":material/database_off:")
        return
    st.markdown(f":material/database: {kind} answers.")


def _draw_disk(services: Services) -> None:
    folder = services.settings.data_dir
    try:
        usage = shutil.disk_usage(folder if folder.exists() else folder.parent)
    except OSError:
        st.warning("The data folder can't be read.", icon=":material/hard_drive:")
        return
    text = f":material/hard_drive: {usage.free / 1e9:,.1f} GB of {usage.total / 1e9:,.1f} GB free"
    if usage.free < 1e9:
        st.warning(f"{text}. Replies can't be saved on a full disk.")
    else:
        st.markdown(text)


def _draw_backup(administrator: Administrator) -> None:
    backup = last_backup(administrator.audit)
    if backup is None:
        days = administrator.audit.retention_days
        when = f"in the last {counted(days, 'day')}" if days else "yet"
        how = "On the server, run: personachat backup FILE"
        if on_community_cloud():
            how = "Export the personas and conversations on their pages."
        st.warning(
            f"No backup has been made {when}. {how}",
            icon=":material/backup:",
        )
        return
    zone = viewer_zone()
    st.markdown(
        f":material/backup: Last backup {ago(backup.at, now=now(), zone=zone)}: "
        f"{escaped(backup.file)}, {size_of(backup.bytes)}",
        help=exact(backup.at, zone=zone),
    )


def _draw_provider(name: str) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{escaped(name)}**")
        result = admin_state().provider_results.get(name)
        if result:
            st.markdown(result, width="stretch")
        st.button("Try it", icon=":material/bolt:", key=f"try_{name}", on_click=_try, args=(name,))


def _try(name: str) -> None:
    try:
        session.administrator()
        model_count = session.services().try_provider(name)
        result = f":material/check: It answers and lists {counted(model_count, 'model')}."
    except PersonaChatError as error:
        result = f":material/error: {error_text(error)}"
    admin_state().provider_results[name] = result
