"""People log in with a real OpenID Connect provider: two at once, one refused, with other groups, and out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx2
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests.e2e.conftest import AppServer, settled, start_app, wait_for
from tests.e2e.profile import free_port
from tests.fake_provider import FakeProvider

pytestmark = pytest.mark.browser

START_SECONDS = 60
SHORT_SECONDS = 10
PEOPLE = (
    {"sub": "ada", "name": "Ada Quince", "email": "ada@example.com", "groups": ["editors"]},
    {"sub": "bo", "name": "Bo Medlar", "email": "bo@example.com", "groups": []},
    {"sub": "eve", "name": "Eve Sloe", "email": "eve@elsewhere.example", "groups": ["editors-not"]},
)


@dataclass(frozen=True)
class Identified:
    app: AppServer
    provider: str
    """The address of the provider whose tokens last an hour."""


@contextmanager
def identity_provider(*, token_seconds: int) -> Iterator[str]:
    port = free_port()
    claims = [part for person in PEOPLE for part in ("--user-claims", json.dumps(person))]
    lasts = ("--token-max-age", str(token_seconds))
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port), *lasts, *claims],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "NO_COLOR": "1"},
    )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                httpx2.get(f"{url}/.well-known/openid-configuration", timeout=5).raise_for_status()
                break
            except httpx2.HTTPError:
                assert process.poll() is None, "the provider has ended"
                assert time.monotonic() < deadline, "the provider does not start"
        yield url
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def identified(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Identified]:
    folder = tmp_path_factory.mktemp("login")
    port = free_port()
    with (
        identity_provider(token_seconds=3600) as company,
        identity_provider(token_seconds=SHORT_SECONDS) as short,
    ):
        secrets = folder / ".streamlit" / "secrets.toml"
        secrets.parent.mkdir()
        providers = "".join(
            f'\n[auth.{name}]\nclient_id = "chat"\nclient_secret = "a-secret"\n'
            f'server_metadata_url = "{url}/.well-known/openid-configuration"\n'
            for name, url in (("company", company), ("short", short))
        )
        secrets.write_text(
            'PERSONACHAT_REQUIRE_LOGIN = "yes"\nPERSONACHAT_DEFAULT_ROLE = "none"\n'
            'PERSONACHAT_EDITORS = "group:editors"\nPERSONACHAT_READERS = "@example.com"\n'
            f'[auth]\nredirect_uri = "http://127.0.0.1:{port}/oauth2callback"\n'
            f'cookie_secret = "a-secret-for-cookies-of-this-test"\n{providers}',
            "utf-8",
        )
        with (
            FakeProvider() as fake,
            start_app(folder, provider=fake, environment={"HOME": str(folder)}, port=port) as app,
        ):
            yield Identified(app, company)


@pytest.fixture
def other_browser(browser: Browser) -> Iterator[BrowserContext]:
    """Of somebody else: it has none of the page's cookies."""
    made = browser.new_context(viewport={"width": 1280, "height": 900})
    yield made
    made.close()


def log_in(page: Page, url: str, sub: str, *, provider: str = "Company") -> None:
    page.goto(url)
    button = page.get_by_role("button", name=f"Log in with {provider}")
    expect(button).to_be_visible()
    settled(page)
    button.click()
    page.get_by_role("button", name=sub, exact=True).first.click()
    page.wait_for_url(f"{url}/**")


def expect_person(page: Page, name: str, role: str) -> None:
    button = page.get_by_test_id("stSidebar").get_by_role("button", name=name)
    expect(button).to_be_visible()
    settled(page)
    button.click()
    expect(page.get_by_text(f"Role: {role}")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text(f"Role: {role}")).to_be_hidden()


def leave(page: Page, name: str, button: str) -> None:
    settled(page)
    page.get_by_test_id("stSidebar").get_by_role("button", name=name).click()
    out = page.get_by_role("button", name=button, exact=True)
    expect(out).to_be_visible()
    out.click()
    page.get_by_role("button", name="End session").click()  # at the provider, which sends them back
    expect(page.get_by_role("button", name="Log in with Company")).to_be_visible()


def test_two_people_log_in_and_one_is_refused(
    identified: Identified, page: Page, other_browser: BrowserContext
) -> None:
    url = identified.app.url
    log_in(page, url, "ada")
    expect_person(page, "Ada Quince", "Editor")

    other = other_browser.new_page()
    log_in(other, url, "bo")
    expect_person(other, "Bo Medlar", "Reader")
    cookies = [each for each in other_browser.cookies(url) if "streamlit_user" in each["name"]]
    assert cookies
    leave(other, "Bo Medlar", "Log out")
    other_browser.add_cookies(
        [{"name": each["name"], "value": each["value"], "url": url} for each in cookies]
    )
    other.goto(url)
    expect(other.get_by_text("Your login has ended.")).to_be_visible()
    other_browser.clear_cookies()

    log_in(other, url, "eve")
    expect(other.get_by_text("Your account has no access here.")).to_be_visible()
    expect(other.get_by_role("button", name="New chat")).to_be_hidden()

    # The role follows the groups of the next login.
    changed = {key: value for key, value in PEOPLE[0].items() if key != "sub"} | {"groups": []}
    httpx2.put(f"{identified.provider}/users/ada", json=changed).raise_for_status()
    leave(page, "Ada Quince", "Log out")
    log_in(page, url, "ada")
    expect_person(page, "Ada Quince", "Reader")


def test_a_login_ends_by_itself_and_everywhere(
    identified: Identified, page: Page, other_browser: BrowserContext
) -> None:
    url = identified.app.url
    log_in(page, url, "bo", provider="Short")
    ended = page.get_by_text("Your login has ended.")
    wait_for(page, lambda: _clicked(page) or ended.is_visible())  # in a page that stays open
    expect(ended).to_be_visible()

    first, second = other_browser.new_page(), page
    log_in(first, url, "bo")
    log_in(second, url, "bo")
    expect(second.get_by_test_id("stSidebar").get_by_role("button", name="Bo Medlar")).to_be_visible()
    leave(first, "Bo Medlar", "Log out everywhere")
    second.reload()
    expect(second.get_by_text("Your login has ended.")).to_be_visible()
    expect(second.get_by_role("button", name="New chat")).to_be_hidden()


def _clicked(page: Page) -> bool:
    """Do something that runs the page's script, where it can be done; it is never enough."""
    button = page.get_by_role("button", name="New chat")
    if button.is_visible():
        settled(page)
        if button.is_visible():
            button.click()
    return False


def test_nobody_is_logged_in_as_somebody_else_or_out_by_a_link(
    identified: Identified, page: Page, other_browser: BrowserContext
) -> None:
    url = identified.app.url
    stolen = _own_way_back(identified, other_browser, "bo")

    page.goto(stolen)  # to somebody who isn't logged in: it was begun in another browser
    expect(page.get_by_role("button", name="Log in with Company")).to_be_visible()

    log_in(page, url, "ada")
    expect(page.get_by_test_id("stSidebar").get_by_role("button", name="Ada Quince")).to_be_visible()
    for address in (
        stolen,
        f"{url}/oauth2callback?code=x&state=y",
        f"{url}/oauth2callback?error=access_denied&error_description=%0A%1b[2J",
        f"{url}/oauth2callback",
        f"{url}/auth/login",
        f"{url}/auth/login?provider=company",
        f"{url}/auth/login?provider=eyJhbGciOiJub25lIn0.eyJwcm92aWRlciI6ImNvbXBhbnkifQ.",
    ):
        page.goto(address)
        expect(page).to_have_url(f"{url}/")
        expect(page.get_by_test_id("stSidebar").get_by_role("button", name="Ada Quince")).to_be_visible()

    # A page of another site can neither log them out behind their back nor by sending them away.
    elsewhere = url.replace("127.0.0.1", "localhost")
    foreign = page.context.new_page()
    foreign.route(
        f"{elsewhere}/elsewhere",
        lambda route: route.fulfill(body="<p>Elsewhere</p>", content_type="text/html"),
    )
    foreign.goto(f"{elsewhere}/elsewhere")
    for asks in (
        "fetch(address, {mode: 'no-cors', credentials: 'include'}).catch(() => 0)",
        "new Promise(done => { const i = new Image(); i.onload = i.onerror = done; i.src = address })",
    ):
        foreign.evaluate(f"async address => {{ await {asks} }}", f"{url}/auth/logout")
    foreign.evaluate(f"location.href = '{url}/auth/logout'")
    expect(foreign.get_by_text("another site")).to_be_visible()
    page.reload()
    expect(page.get_by_test_id("stSidebar").get_by_role("button", name="Ada Quince")).to_be_visible()


def _own_way_back(identified: Identified, browser: BrowserContext, sub: str) -> str:
    """The address with which the provider sends somebody back, before their browser went there."""
    page = browser.new_page()
    back: list[str] = []

    def keep(route: Route) -> None:
        if route.request.method != "POST":
            route.continue_()
            return
        back.append(route.fetch(max_redirects=0).headers["location"])
        route.abort()

    page.route(f"{identified.provider}/**", keep)
    page.goto(identified.app.url)
    button = page.get_by_role("button", name="Log in with Company")
    expect(button).to_be_visible()
    settled(page)
    button.click()
    page.get_by_role("button", name=sub, exact=True).first.click()
    wait_for(page, lambda: bool(back))
    page.close()
    assert "/oauth2callback?" in back[0]
    return back[0]
