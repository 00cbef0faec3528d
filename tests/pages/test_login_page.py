"""The pages where people have to log in: who gets in, as whom, and until when."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from personachat.accounts.identity import Identity, of_claims, of_header
from personachat.accounts.rights import Grant, PersonaAccess
from personachat.errors import LoginNeeded
from personachat.history import moving
from personachat.personas.store.drafts import DraftText
from personachat.services import get_services
from personachat.ui import address, login, owner, script_runs, session
from personachat.ui.personas import access
from personachat.ui.personas import desk as persona_desk
from tests.conftest import persona_text
from tests.fake_provider import FakeProvider, Gate, tokens
from tests.pages.conftest import OpenPage
from tests.pages.conversing import wait_for_end


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "personas"
    found.mkdir()
    (found / "default-persona.json").write_text(persona_text("default-persona", name="Common"), "utf-8")
    (found / "secret.json").write_text(persona_text("secret", name="Zinnia"), "utf-8")
    return found


class Visitor:
    """Who sits in front of the page, as their provider says."""

    identity: Identity | None = None

    def is_(self, **claims: Any) -> None:
        moment = time.time()
        known = {"iss": "https://id.example", "iat": moment - 5, "exp": moment + 600}
        self.identity = of_claims(known | claims)


@pytest.fixture
def visitor(monkeypatch: pytest.MonkeyPatch) -> Visitor:
    found = Visitor()
    monkeypatch.setenv("PERSONACHAT_REQUIRE_LOGIN", "yes")
    monkeypatch.setenv("PERSONACHAT_ADMINS", "ada@example.com")
    monkeypatch.setenv("PERSONACHAT_EDITORS", "group:editor")
    monkeypatch.setenv("PERSONACHAT_READERS", "@example.com")
    monkeypatch.setenv("PERSONACHAT_DEFAULT_ROLE", "none")
    monkeypatch.setattr(owner, "current_identity", lambda: found.identity)
    return found


def words(page: AppTest) -> str:
    parts = [*page.title, *page.header, *page.markdown, *page.caption, *page.info, *page.error]
    return "\n".join(str(each.value) for each in parts) + "\n".join(each.label for each in page.button)


def test_nobody_gets_in_without_a_login(visitor: Visitor, open_home: OpenPage) -> None:
    page = open_home()
    assert "You need to log in here" in words(page)
    assert "New chat" not in words(page)
    assert not page.selectbox
    assert not page.chat_input


def test_whoever_is_in_no_list_is_refused(visitor: Visitor, open_home: OpenPage) -> None:
    visitor.is_(sub="9", email="eve@elsewhere.example")
    page = open_home()
    assert "has no access" in words(page)
    assert "eve@elsewhere" in words(page).replace("\u2060", "")
    assert not page.chat_input


def test_the_sidebar_says_who_is_logged_in(visitor: Visitor, open_home: OpenPage) -> None:
    visitor.is_(sub="1", email="ada@example.com", name="Ada *L*")
    page = open_home()
    assert "Role: Admin" in words(page)
    assert "Log out everywhere" in words(page)
    assert "Ada \\*L\\*" in words(page)


def test_a_login_that_ends_while_the_page_is_open_ends_the_page(
    visitor: Visitor, open_home: OpenPage
) -> None:
    visitor.is_(sub="1", email="ada@example.com")
    page = open_home()
    assert page.chat_input
    visitor.is_(sub="1", email="ada@example.com", exp=time.time() - 1)
    page.run()
    assert "Your login has ended" in words(page)
    assert not page.chat_input


def test_a_login_that_ends_while_the_page_is_drawn_shows_the_way_in(
    visitor: Visitor, open_home: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor.is_(sub="1", email="ada@example.com")
    page = open_home()

    def end_the_login() -> bool:
        visitor.is_(sub="1", email="ada@example.com", exp=time.time() - 1)
        raise LoginNeeded("Your login has ended.")

    monkeypatch.setattr(session, "has_account", end_the_login)
    monkeypatch.setattr(owner, "JUDGED_FOR_SECONDS", 0.0)
    page.run()
    assert not page.exception
    assert "Your login has ended" in words(page)
    assert not page.chat_input


def test_signing_out_everywhere_ends_every_page(visitor: Visitor, open_home: OpenPage) -> None:
    visitor.is_(sub="1", email="ada@example.com")
    page = open_home()
    get_services().seen_people.sign_out_everywhere(owner.current_owner())
    page.run()
    assert "Your login has ended" in words(page)
    visitor.is_(sub="1", email="ada@example.com", iat=time.time())
    page.run()
    assert page.chat_input


def test_logging_out_ends_the_login_in_other_tabs_and_a_copied_cookie(
    visitor: Visitor, open_home: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten: list[bool] = []
    monkeypatch.setattr(st, "logout", lambda: forgotten.append(True))
    visitor.is_(sub="1", email="ada@example.com")
    page = open_home()
    page.button(key="logout").click().run()
    assert forgotten
    assert "Your login has ended" in words(page)
    assert not page.chat_input
    visitor.is_(sub="1", email="ada@example.com", iat=time.time())
    page.run()
    assert page.chat_input


def test_clicks_without_a_pause_do_not_keep_a_login_alive(
    visitor: Visitor, open_home: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Streamlit runs them in one script, for which what was asked once is known."""
    open_home()
    known: dict[Any, Any] = {}
    monkeypatch.setattr(script_runs, "once", lambda make: known.setdefault(make, make()))
    moment = 1000.0
    monkeypatch.setattr("personachat.ui.owner.time", SimpleNamespace(monotonic=lambda: moment))
    visitor.is_(sub="1", email="ada@example.com")
    assert session.workspace().person.email == "ada@example.com"
    visitor.is_(sub="1", email="ada@example.com", exp=time.time() - 1)
    moment += owner.JUDGED_FOR_SECONDS + 1
    for ask in (owner.current_owner, session.workspace):
        with pytest.raises(LoginNeeded):
            ask()


def test_a_role_that_is_lowered_counts_in_the_open_page(
    visitor: Visitor, open_home: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor.is_(sub="1", email="ada@example.com")
    page = open_home()
    page.switch_page("pages/personas.py").run()
    assert not page.button(key="create").disabled
    visitor.is_(sub="1", email="other@example.com")
    page.run()
    assert "Your role lets you chat" in words(page)
    assert page.button(key="import_personas").disabled


def test_each_person_sees_what_is_theirs(visitor: Visitor, open_home: OpenPage) -> None:
    visitor.is_(sub="1", email="ada@example.com")
    page = open_home()
    ada = owner_of(visitor)
    get_services().accesses.put("secret", PersonaAccess(ada, "private"))
    page.switch_page("pages/personas.py").run()
    assert "Zinnia" in drawn(page)
    visitor.is_(sub="2", email="bo@example.com")
    assert owner_of(visitor) != ada
    other = open_home(persona="secret")
    assert "Zinnia" not in drawn(other)
    other.switch_page("pages/personas.py").run()
    assert "Zinnia" not in drawn(other)


def owner_of(visitor: Visitor) -> str:
    assert visitor.identity is not None
    return visitor.identity.key


def drawn(page: AppTest) -> str:
    return str(page.main) + str(page.sidebar)


def test_chats_of_the_browser_are_taken_along_when_asked(
    visitor: Visitor, open_home: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = "browser:" + "c" * 32
    monkeypatch.setattr(owner, "owner_before_login", lambda: browser)
    visitor.is_(sub="1", email="ada@example.com")
    page = open_home()
    services = get_services()
    services.of(browser).chat.begin("quince before the login", persona_id="default-persona")
    services.drafts.put(browser, "mine", DraftText("{}", "", None), version=0, writer="w")
    for persona_id in ("default-persona", "secret"):
        services.of(browser).collection.set_favourite(persona_id, favourite=True)
    page = open_home()
    assert "This browser still has 1 chat, 1 draft and 2 favourites from before you logged in." in words(page)
    page.button(key="take_along_yes").click().run()
    assert not page.exception
    assert moving.count_of(services.database, browser) == 0
    assert moving.count_of(services.database, owner_of(visitor)) == 1
    assert "before you logged in" not in words(page)
    ada = services.of(owner_of(visitor))
    assert ada.collection.favourites() == {"default-persona", "secret"}
    assert set(services.drafts.heads(ada.owner)) == {"mine"}


def test_a_reply_is_kept_whole_where_its_login_ends_and_the_page_shows_the_login(
    visitor: Visitor, open_home: OpenPage, fake: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, "WATCHED_EVERY_SECONDS", 0.0)
    monkeypatch.setattr(owner, "JUDGED_FOR_SECONDS", 0.0)
    gate = Gate()
    fake.enqueue(tokens(["first ", gate, "last"]))
    visitor.is_(sub="1", email="ada@example.com")
    page = open_home()

    def end_the_login() -> None:
        gate.wait_reached()
        visitor.is_(sub="1", email="ada@example.com", exp=time.time() - 1)

    ending = threading.Thread(target=end_the_login)
    ending.start()
    page.chat_input[0].set_value("a question").run()
    ending.join()
    assert "Your login has ended" in words(page)
    assert not page.chat_message
    gate.open()
    visitor.is_(sub="1", email="ada@example.com")
    services = get_services()
    library = services.of(owner_of(visitor)).library
    (summary,) = library.list(limit=5).conversations
    for live in services.runner._runner.values():
        wait_for_end(live)
    page = open_home(chat=summary.id)
    assert "first last" in words(page)


def test_a_header_counts_only_where_our_server_has_looked_where_it_comes_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PERSONACHAT_TRUSTED_USER_HEADER", "X-User")
    monkeypatch.setenv("PERSONACHAT_TRUSTED_PROXIES", "10.0.0.1")
    context = SimpleNamespace(headers={"x-user": "ada@example.com"}, ip_address=None, cookies={})
    monkeypatch.setattr(owner, "st", SimpleNamespace(context=context, user={}, session_state={}))
    monkeypatch.setattr(address, "_served", set())
    assert owner.current_identity() is None
    monkeypatch.setattr(address, "_served", {"api"})
    assert owner.current_identity() == of_header("ada@example.com")


def test_the_owner_says_on_the_page_who_may_use_a_persona(visitor: Visitor, open_home: OpenPage) -> None:
    visitor.is_(sub="1", email="ada@example.com")
    page = open_home()
    page.switch_page("pages/personas.py").run()
    page.query_params["id"] = "secret"
    page.run()
    page.session_state["persona_desk"].question = persona_desk.OpenQuestion("access", "secret")
    page.run()
    page.radio(key=access.VISIBILITY_KEY).set_value("private").run()
    page.checkbox(key=access.PROMPT_KEY).uncheck().run()
    page.text_input(key=access.WHO_KEY).set_value("nobody").run()
    page.button(key="access_add").click().run()
    assert "Each rule must name an address" in words(page)
    page.text_input(key=access.WHO_KEY).set_value("bo@example.com").run()
    page.button(key="access_add").click().run()
    assert not page.exception
    found = get_services().accesses.of("secret")
    assert found == PersonaAccess(
        "", "private", prompt_visible=False, grants=(Grant("bo@example.com", "use"),)
    )
    page.button(key="access_remove_0").click().run()
    assert not get_services().accesses.of("secret").grants


WORD = "xylograph"
"""Stands in the prompts of the two personas below, and nowhere else."""


def guarded() -> None:
    """One that nobody but its owner sees, and one whose prompt nobody else sees."""
    services = get_services()
    for persona_id, access_of in (
        ("private", PersonaAccess("user:somebody", "private")),
        ("hidden", PersonaAccess("user:somebody", "team", prompt_visible=False)),
    ):
        for temperature in (0.1, 0.2):
            services.personas.save(
                persona_text(
                    persona_id,
                    name=f"Quince {persona_id}",
                    systemPrompt=f"{WORD} {persona_id}",
                    temperature=temperature,
                    examples=[{"user": f"{WORD} u", "assistant": f"{WORD} a"}],
                )
            )
        services.accesses.put(persona_id, access_of)


def everything(page: AppTest) -> str:
    """All that a page sends to the browser, and what its session remembers."""
    sent = [str(each) for element in (page.main, page.sidebar) for each in (element, *_protos(element))]
    return f"{sent}{page.session_state}"


def _protos(block: Any) -> list[Any]:
    """What is sent of each element, as it is on the wire."""
    children = getattr(block, "children", {})
    return [getattr(block, "proto", None), *(each for child in children.values() for each in _protos(child))]


@pytest.mark.parametrize("role", ["editor", "reader"])
def test_no_page_shows_a_prompt_that_is_hidden(visitor: Visitor, open_home: OpenPage, role: str) -> None:
    visitor.is_(sub="2", email="bo@example.com", groups=[role])
    page = open_home()
    guarded()
    for persona_id in ("hidden", "private"):
        page = open_home(persona=persona_id)
        page.chat_input[0].set_value("what are you?").run()
        assert not page.exception
        assert WORD not in everything(page)
        assert "Quince hidden" in everything(page)
        assert "Quince private" not in everything(page)
        page.switch_page("pages/personas.py")
        page.query_params["id"] = persona_id
        page.run()
        assert not page.exception
        assert WORD not in everything(page)
        for tab in ("Prompt", "JSON", "Preview", "Try it", "History", "Lore"):
            page.session_state[persona_desk.TAB_KEY] = tab
            page.run()
            assert not page.exception
            assert WORD not in everything(page), tab
        for kind in ("export", "share", "snippet", "rename", "delete", "access", "note"):
            page.session_state["persona_desk"].question = persona_desk.OpenQuestion(kind, persona_id)
            page.run()
            assert not page.exception
            assert WORD not in everything(page), kind
            page.session_state["persona_desk"].question = None
        for name in ("history", "insights"):
            page.switch_page(f"pages/{name}.py").run()
            assert not page.exception
            assert WORD not in everything(page), name
    assert get_services().of("user:nobody", may_edit=False).rights.may("use", "hidden")


@pytest.mark.parametrize("role", ["editor", "reader"])
def test_comparing_and_testing_a_persona_with_a_hidden_prompt_shows_none_of_it(
    visitor: Visitor, open_home: OpenPage, role: str
) -> None:
    visitor.is_(sub="2", email="bo@example.com", groups=[role])
    page = open_home()
    guarded()
    suite = get_services().settings.personas_dir / "hidden.tests.yaml"
    suite.write_text(f"persona: hidden\ncases:\n  - name: {WORD}\n    say: {WORD}\n", "utf-8")
    page.switch_page("pages/tests.py")
    page.query_params["suite"] = "hidden"
    page.run()
    assert not page.exception
    assert "This persona's prompt is hidden from you." in words(page)
    assert not page.error  # it is no fault
    assert page.selectbox(key="tests_persona").value == "hidden"
    assert WORD not in everything(page)
    page.switch_page("pages/compare.py")
    page.query_params["variant"] = ["hidden", "private", "hidden;revision=1"]
    page.run()
    assert not page.exception
    assert WORD not in everything(page)
    assert "Quince private" not in everything(page)


@pytest.mark.parametrize("in_the_cloud", [True, False])
def test_a_login_that_is_not_set_up_says_what_it_needs_where_it_runs(
    visitor: Visitor, open_home: OpenPage, monkeypatch: pytest.MonkeyPatch, *, in_the_cloud: bool
) -> None:
    monkeypatch.setattr(login, "login_providers", lambda: ("",))
    monkeypatch.setattr(login, "on_community_cloud", lambda: in_the_cloud)
    page = open_home()
    page.button(key="login_").click().run()
    assert "isn't set up completely" in words(page)
    assert ("under Secrets" in words(page)) is in_the_cloud
    assert ("pip install" in words(page)) is not in_the_cloud


def test_a_page_that_becomes_somebody_elses_keeps_nothing_of_the_one_before(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It connects again by itself, and a proxy may name another person by then."""
    state: dict[str, Any] = {}
    monkeypatch.setattr(st, "session_state", state)
    monkeypatch.setattr(st, "query_params", query := {"q": "severance"})
    monkeypatch.setattr(script_runs, "once", lambda kind: kind())
    visitor.is_(sub="1", email="ada@example.com")
    assert login.trouble() is None
    state["typed"] = "severance"
    assert login.trouble() is None
    visitor.identity = None
    assert login.trouble() is not None
    assert (state["typed"], query) == ("severance", {"q": "severance"})  # who logs in again goes on

    visitor.is_(sub="2", email="bo@example.com")
    assert login.trouble() is None
    assert "typed" not in state
    assert not query
