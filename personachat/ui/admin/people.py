"""The people who have conversations here; what is kept of one is exported or deleted."""

from __future__ import annotations

import streamlit as st

from personachat.accounts.administrator import Administrator
from personachat.accounts.known_people import KnownPerson
from personachat.services import Services
from personachat.stamps import now
from personachat.ui import session
from personachat.ui.admin import doing
from personachat.ui.dates import ago, viewer_zone
from personachat.ui.wording import counted, escaped


def draw(_: Services, administrator: Administrator) -> None:
    people = administrator.people()
    if not people:
        st.info("Nobody has had a conversation yet.", title="No people", icon=":material/group:")
    for each in people:
        _draw_person(each)


def _draw_person(each: KnownPerson) -> None:
    with st.container(border=True, gap="xsmall"):
        st.markdown(f"**{escaped(each.name)}** :gray-badge[{each.role.capitalize()}]")
        active = ago(each.active_at, now=now(), zone=viewer_zone())
        st.caption(f"{counted(each.conversations, 'conversation')} · last active {active}")
        st.code(each.owner, language=None)
        with st.container(horizontal=True):
            st.download_button(
                "Export",
                data=session.administrator_later(lambda desk: desk.export_person(each.owner).content),
                file_name="person.zip",
                mime="application/zip",
                icon=":material/download:",
                key=f"export_{each.owner}",
                on_click="ignore",
            )
            with st.popover("Delete", icon=":material/delete:", key=f"delete_{each.owner}"):
                st.markdown(
                    "Deletes their conversations, drafts, links and API tokens. This can't be undone. "
                    "Usage records stay: they contain no text."
                )
                st.button(
                    "Delete everything",
                    type="primary",
                    key=f"erase_{each.owner}",
                    on_click=_erase,
                    args=(each.owner,),
                )


def _erase(owner: str) -> None:
    count = doing.do(lambda administrator: administrator.erase_person(owner))
    if count is not None:
        st.toast(f"Deleted, with {counted(count, 'conversation')}.", icon=":material/delete:")
