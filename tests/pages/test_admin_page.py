"""The Admin page without a browser: what each section does, and that nobody else is told of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from personachat.accounts.budget import Budget
from personachat.accounts.person import Person, Role
from personachat.backups.making import make_backup
from personachat.services import get_services
from personachat.ui import session
from personachat.ui.wording import escaped
from tests.fake_provider import FakeProvider, status
from tests.pages.conftest import OpenPage
from tests.pages.conversing import be_local, converse

KEY = "sk-a-key-that-nobody-may-see"


@pytest.fixture
def admin(open_home: OpenPage, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The page as whoever sits at the server's machine has it open."""
    be_local(monkeypatch)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    page = open_home()
    page.switch_page("pages/admin.py").run()
    assert not page.exception
    return page


def look_at(page: AppTest, section: str) -> AppTest:
    page.button_group(key="admin_section").set_value(section).run()
    assert not page.exception
    return page


def said(page: AppTest) -> str:
    elements = (*page.markdown, *page.caption, *page.info, *page.success, *page.error, *page.code)
    return "\n".join(str(each.value) for each in elements)


def submit(page: AppTest, label: str) -> AppTest:
    next(button for button in page.button if button.label == label).click().run()
    assert not page.exception
    return page


def test_a_budget_is_added_shown_with_what_is_spent_and_removed(admin: AppTest) -> None:
    assert "No budgets" in {each.proto.title for each in admin.info} or "no spending limits" in said(admin)
    admin.selectbox(key="budget_scope").set_value("persona")
    admin.text_input(key="budget_name").set_value("default-persona")
    admin.number_input(key="budget_most").set_value(7)
    submit(admin, "Add budget")
    assert "**Persona default-persona**" in said(admin).replace("\u2060", "")
    (budget,) = get_services().budgets.all
    assert (budget.scope, budget.name, budget.period, budget.unit, budget.most) == (
        *("persona", "default-persona", "month", "usd", 7.0),
    )
    next(each for each in admin.button if (each.key or "").startswith("remove_budget_")).click().run()
    assert get_services().budgets.all == ()


def test_what_cannot_be_a_budget_is_said_and_not_added(admin: AppTest) -> None:
    admin.selectbox(key="budget_period").set_value("minute")
    submit(admin, "Add budget")
    assert "Only replies can be limited per minute." in said(admin)
    assert get_services().budgets.all == ()


def test_budgets_of_the_settings_cannot_be_removed_here(
    open_home: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    be_local(monkeypatch)
    monkeypatch.setenv("PERSONACHAT_BUDGETS", json.dumps([{"scope": "person", "per": "day", "usd": 2}]))
    page = open_home()
    page.switch_page("pages/admin.py").run()
    assert "From the settings" in said(page)
    assert not [each for each in page.button if (each.key or "").startswith("remove_budget_")]


def test_a_token_is_shown_once(admin: AppTest) -> None:
    look_at(admin, "Tokens")
    admin.text_input(key="token_name").set_value("Nightly report")
    submit(admin, "Create token")
    (secret,) = [each.value for each in admin.code if each.value.startswith("pc_")]
    assert get_services().tokens.find(secret)
    admin.run()
    assert secret not in said(admin)
    next(each for each in admin.button if (each.key or "").startswith("revoke_token_")).click().run()
    assert get_services().tokens.find(secret) is None
    assert "Revoked" in said(admin)


def test_a_token_without_a_name_is_not_made_and_the_page_says_why(admin: AppTest) -> None:
    look_at(admin, "Tokens")
    submit(admin, "Create token")
    assert "A token needs a name of 1 to 100 characters." in said(admin)
    assert get_services().tokens.all() == []


def test_the_last_backup_is_shown(admin: AppTest, tmp_path: Path) -> None:
    look_at(admin, "Health")
    assert "No backup has been made yet." in words_of_warnings(admin)
    make_backup(get_services().settings, tmp_path / "all.zip")
    admin.run()
    assert "Last backup just now: all.zip, " in said(admin)
    assert "No backup" not in words_of_warnings(admin)
    look_at(admin, "Audit log")
    assert "created a backup" in said(admin)


def words_of_warnings(page: AppTest) -> str:
    return "\n".join(str(each.value) for each in page.warning)


def test_the_audit_is_filtered_and_trusts_no_name(admin: AppTest) -> None:
    audit = get_services().audit
    audit.record("user:ada", "shared", kind="persona", target="<img src=x> | `x`")
    audit.record("user:bo", "deleted", kind="conversation", target="chat-1")
    look_at(admin, "Audit log")
    assert "chat-1" in said(admin)
    assert r"\<img src=x\>" in said(admin)
    admin.selectbox(key="audit_kind").set_value("persona").run()
    assert "chat-1" not in said(admin)
    admin.text_input(key="audit_actor").set_value("nobody").run()
    assert "No events match." in said(admin)


def test_people_are_those_who_have_conversations(admin: AppTest) -> None:
    converse("A title", owner="user:0123456789")
    look_at(admin, "People")
    assert "user:0123456789" in said(admin)
    assert "1 conversation" in said(admin)
    assert "A title" not in said(admin)


def test_a_provider_is_tried_with_one_click(admin: AppTest, fake: FakeProvider) -> None:
    look_at(admin, "Health")
    assert "SQLite answers." in said(admin)
    admin.button(key="try_openai").click().run()
    assert "It answers and lists 2 models." in said(admin)
    fake.models = status(401, {})
    admin.button(key="try_openai").click().run()
    assert "It answers" not in said(admin)
    assert KEY not in said(admin)


def test_settings_are_shown_with_their_source_and_without_secrets(admin: AppTest) -> None:
    look_at(admin, "Settings")
    given, defaults = (each.value for each in admin.markdown if "PERSONACHAT" in each.value)
    assert "- **OPENAI\\_API\\_KEY**: set :gray[(environment variable)]" in given
    assert KEY not in given + defaults
    assert "PERSONACHAT\\_MAX\\_TOKENS**: not set" in defaults


def test_for_a_visitor_there_is_no_such_page(open_home: OpenPage, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr(session, "current_owner", lambda: "browser:81aa")
    monkeypatch.setattr("streamlit.navigation", _noting(drawn))
    page = open_home()
    assert "Admin" not in {each.title for each in drawn[0]}
    with pytest.raises(ValueError, match="admin"):  # nobody knows such a page
        page.switch_page("pages/admin.py")


def _noting(drawn: list[Any]) -> Any:
    import streamlit as st

    navigation = st.navigation

    def noted(pages: Any, **more: Any) -> Any:
        drawn.append(pages)
        return navigation(pages, **more)

    return noted


def test_a_callback_of_a_visitor_changes_nothing(
    open_home: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The browser may send what it likes: who asks is judged where it is done."""
    from personachat.ui.admin import doing

    monkeypatch.setattr(session, "current_person", lambda: Person("browser:81aa", Role.READER))
    open_home()
    budget = Budget(scope="all", period="day", unit="usd", most=0)
    assert doing.do(lambda administrator: administrator.add_budget(budget)) is None
    assert get_services().budgets.all == ()


def test_what_is_kept_of_a_person_is_deleted_after_a_second_click(admin: AppTest) -> None:
    owner = "user:0123456789"
    converse("A title", owner=owner)
    look_at(admin, "People")
    admin.button(key=f"erase_{owner}").click().run()
    assert not admin.exception
    assert owner not in said(admin)
    assert get_services().of(owner).library.count() == 0


def test_a_name_is_only_words_on_the_button_beside_it_too(admin: AppTest) -> None:
    administrator, name = session.administrator(), "[x](http://evil.example) :material/delete:"
    administrator.create_token(name=name, owner="", role="reader", personas=None, expires_at=None)
    administrator.add_budget(Budget(scope="token", name=name, period="day", unit="usd", most=1))
    admin.run()
    look_at(admin, "Tokens")
    for section, key in (("Tokens", "revoke_token_"), ("Budgets", "remove_budget_")):
        look_at(admin, section)
        (label,) = [each.label for each in admin.button if (each.key or "").startswith(key)]
        assert escaped(name) in label
