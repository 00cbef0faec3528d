"""A page that is open when its login ends, or may do less: what it shows is acted on for nobody."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest
import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from personachat.accounts import authorization
from personachat.accounts.identity import Identity, of_claims
from personachat.accounts.rights import PersonaAccess
from personachat.errors import LoginNeeded
from personachat.history import moving
from personachat.personas.store.base import StoredPersona
from personachat.services import get_services
from personachat.ui import login, owner
from personachat.ui.personas.bulk import CHOICE
from personachat.ui.personas.desk import OpenQuestion
from tests.conftest import persona_text
from tests.pages.conftest import OpenPage
from tests.pages.conversing import close_side_door, converse

WORD = "xylograph"


class Visitor:
    """Who sits in front of the page, as their provider says."""

    identity: Identity | None = None

    def is_(self, group: str, *, sub: str = "1", seconds: float = 600) -> str:
        """Log in with that group; the login lasts so long."""
        moment = time.time()
        claims = {"iss": "i", "sub": sub, "email": f"p{sub}@example.com", "groups": [group]}
        self.identity = of_claims({**claims, "iat": moment - 5, "exp": moment + seconds})
        assert self.identity is not None
        return self.identity.key


@pytest.fixture
def visitor(monkeypatch: pytest.MonkeyPatch) -> Visitor:
    close_side_door(monkeypatch)
    found = Visitor()
    monkeypatch.setenv("PERSONACHAT_REQUIRE_LOGIN", "yes")
    monkeypatch.setenv("PERSONACHAT_ADMINS", "group:admin")
    monkeypatch.setenv("PERSONACHAT_EDITORS", "group:editor")
    monkeypatch.setattr(owner, "current_identity", lambda: found.identity if get_script_run_ctx() else None)
    return found


@pytest.fixture
def made_later(monkeypatch: pytest.MonkeyPatch) -> dict[str, Callable[[], bytes]]:
    """What makes the files of the page's download buttons, by their labels."""
    found: dict[str, Callable[[], bytes]] = {}
    draw = st.download_button

    def note(label: str, *, data: Any, **more: Any) -> bool:
        found[label] = data
        return draw(label, data, **more)

    monkeypatch.setattr(st, "download_button", note)
    return found


def beside_the_page(make: Callable[[], bytes]) -> bytes:
    """Call it as Streamlit does for a download: in a thread that belongs to no page."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(make).result()


def test_a_click_in_a_page_drawn_before_the_role_was_lowered_does_nothing(
    visitor: Visitor, open_home: OpenPage
) -> None:
    ada = visitor.is_("editor")
    page = open_home()
    get_services().accesses.put("second", PersonaAccess(ada, "team"))
    page.switch_page("pages/personas.py")
    page.query_params["id"] = "second"
    page.run()
    page.session_state["persona_desk"].question = OpenQuestion("delete", "second")
    page.run()
    button = page.button(key="confirm_delete")
    visitor.is_("nothing")
    button.click().run()
    assert not page.exception
    assert isinstance(get_services().personas.get("second"), StoredPersona)
    visitor.is_("editor")
    page.run()
    page.session_state["persona_desk"].question = OpenQuestion("delete", "second")
    page.run()
    page.button(key="confirm_delete").click().run()
    assert "second" not in {each.id for each in get_services().personas.all()}


@pytest.mark.parametrize("seconds", [600, -1])
def test_a_click_of_the_person_before_does_nothing_for_the_next(
    visitor: Visitor, open_home: OpenPage, seconds: float
) -> None:
    """The login has ended, or the page came back as somebody else's."""
    ada = visitor.is_("editor")
    page = open_home()
    ids = [converse(each, owner=ada) for each in ("One", "Two")]
    page.switch_page("pages/history.py").run()
    page.checkbox(key=f"picked_{ids[0]}").check().run()
    button = page.button(key="delete_many")
    visitor.is_("admin", sub="1" if seconds < 0 else "2", seconds=seconds)
    button.click().run()
    assert not page.exception
    assert moving.count_of(get_services().database, ada) == 2


def test_the_login_page_itself_has_buttons_that_work(
    visitor: Visitor, open_home: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    began: list[str] = []
    monkeypatch.setattr(login, "login_providers", lambda: ("",))
    monkeypatch.setattr(st, "login", lambda provider: began.append(str(provider)))
    visitor.is_("editor")
    page = open_home()
    visitor.is_("editor", seconds=-1)
    page.run()
    page.button(key="login_").click().run()
    assert began


def test_a_download_is_made_for_whoever_may_have_it_when_it_is_asked_for(
    visitor: Visitor, open_home: OpenPage, made_later: dict[str, Callable[[], bytes]]
) -> None:
    ada = visitor.is_("admin")
    page = open_home()
    converse("Quince", owner=ada)
    get_services().of(ada).collection.save(persona_text("another"))
    page.switch_page("pages/admin.py").run()
    page.button_group(key="admin_section").set_value("People").run()
    page.button_group(key="admin_section").set_value("Audit log").run()
    page.switch_page("pages/history.py").run()
    assert {"Export", "Download as CSV", "JSON"} <= made_later.keys()
    for label in ("Export", "Download as CSV", "JSON"):
        assert beside_the_page(made_later[label])
    get_services().seen_people.end_login(ada, visitor.identity.issued_at or 0)  # type: ignore[union-attr]  # is_ sets it
    for label in ("Export", "Download as CSV", "JSON"):
        with pytest.raises(LoginNeeded):
            beside_the_page(made_later[label])


@pytest.mark.parametrize("required", ["yes", "no"])
def test_an_export_of_several_personas_is_made_as_the_person_who_asks(
    visitor: Visitor,
    open_home: OpenPage,
    made_later: dict[str, Callable[[], bytes]],
    monkeypatch: pytest.MonkeyPatch,
    required: str,
) -> None:
    """In a thread of no page nobody is known, and nobody is whoever sits at this machine."""
    monkeypatch.setenv("PERSONACHAT_REQUIRE_LOGIN", required)
    monkeypatch.setattr(authorization, "people_log_in", lambda _: True)
    visitor.is_("nothing", sub="2")
    page = open_home()
    services = get_services()
    services.personas.save(persona_text("hidden", systemPrompt=WORD))
    services.accesses.put("hidden", PersonaAccess("user:somebody", "team", prompt_visible=False))
    page.switch_page("pages/personas.py").run()
    page.button(key="choose_personas").click().run()
    for persona_id in ("hidden", "second"):
        page.checkbox(key=f"{CHOICE}{persona_id}").check().run()
    assert not page.exception
    file = beside_the_page(made_later["Export"])
    with ZipFile(BytesIO(file)) as packed:
        texts = {name: packed.read(name).decode(errors="replace") for name in packed.namelist()}
    assert any("second" in name for name in texts)
    assert WORD not in str(texts)


def test_a_thread_of_no_page_is_not_whoever_sits_at_this_machine(
    visitor: Visitor, open_home: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERSONACHAT_REQUIRE_LOGIN", "no")
    open_home()
    monkeypatch.setattr(runtime, "exists", lambda: True)
    found: list[str] = []
    asking = threading.Thread(target=lambda: found.append(owner.current_owner()))
    asking.start()
    asking.join()
    assert found[0].startswith("browser:")
