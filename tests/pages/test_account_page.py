"""The Account page without a browser: one's own API tokens, and nobody else's."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from personachat.accounts.identity import Identity, of_header
from personachat.services import get_services
from personachat.ui import owner
from tests.pages.conftest import OpenPage
from tests.pages.conversing import be_local

ADA, BO = "ada@example.com", "bo@example.com"


class Visitor:
    """Who sits in front of the page, as the proxy says."""

    identity: Identity | None = None

    def is_(self, address: str) -> str:
        self.identity = of_header(address)
        assert self.identity is not None
        return self.identity.key


@pytest.fixture
def visitor(monkeypatch: pytest.MonkeyPatch) -> Visitor:
    found = Visitor()
    monkeypatch.setenv("PERSONACHAT_REQUIRE_LOGIN", "yes")
    monkeypatch.setenv("PERSONACHAT_EDITORS", ADA)
    monkeypatch.setattr(owner, "current_identity", lambda: found.identity)
    return found


def account(open_home: OpenPage) -> AppTest:
    page = open_home()
    page.switch_page("pages/account.py").run()
    assert not page.exception
    return page


def said(page: AppTest) -> str:
    elements = (*page.header, *page.markdown, *page.caption, *page.info, *page.error, *page.code)
    return "\n".join(str(each.value) for each in elements).replace("\u2060", "")


def submit(page: AppTest) -> AppTest:
    next(button for button in page.button if button.label == "Create token").click().run()
    assert not page.exception
    return page


def test_a_token_is_made_shown_once_and_revoked(visitor: Visitor, open_home: OpenPage) -> None:
    key = visitor.is_(ADA)
    page = account(open_home)
    assert "use the API as you" in said(page)
    assert page.selectbox(key="token_role").options == ["Reader", "Editor"]
    page.text_input(key="token_name").set_value("Nightly")
    page.multiselect(key="token_personas").set_value(["second"])
    page.number_input(key="token_most").set_value(3)
    submit(page)
    (secret,) = [each.value for each in page.code if each.value.startswith("pc_")]
    token = get_services().tokens.find(secret)
    assert token
    assert (token.owner, token.role, token.personas) == (key, "editor", frozenset({"second"}))
    page.run()
    assert secret not in said(page)
    assert "only second" in said(page)
    assert "\\$3.00 per month" in said(page)
    page.button(key=f"revoke_token_{token.id}").click().run()
    assert get_services().tokens.find(secret) is None
    assert "Revoked" in said(page)


def test_a_reader_makes_readers_and_sees_nobody_elses(visitor: Visitor, open_home: OpenPage) -> None:
    visitor.is_(ADA)
    page = account(open_home)
    page.text_input(key="token_name").set_value("Adas zinnia")
    submit(page)
    visitor.is_(BO)
    page = account(open_home)
    assert page.selectbox(key="token_role").options == ["Reader"]
    assert "zinnia" not in said(page)


def test_two_people_in_one_session_never_get_each_others_secret(
    visitor: Visitor, open_home: OpenPage
) -> None:
    visitor.is_(ADA)
    page = account(open_home)
    page.text_input(key="token_name").set_value("Adas")
    next(button for button in page.button if button.label == "Create token").click()
    visitor.is_(BO)  # by the time that it is clicked
    page.run()
    assert not page.exception
    assert get_services().tokens.all_of(visitor.is_(ADA)) == []


def test_a_name_that_is_refused_is_said_and_nothing_is_made(visitor: Visitor, open_home: OpenPage) -> None:
    key = visitor.is_(ADA)
    page = account(open_home)
    submit(page)
    assert "A token needs a name" in said(page)
    assert get_services().tokens.all_of(key) == []


def test_whoever_needs_no_login_has_no_such_page(
    open_home: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    be_local(monkeypatch)
    page = open_home()
    with pytest.raises(ValueError, match="account"):
        page.switch_page("pages/account.py")
