"""What browsers are told about the pages."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from personachat.errors import SettingsInvalid
from personachat.front.page_headers import PageHeaders
from personachat.settings import load_settings


def headers(
    *, host: str = "chat.example:8501", frame_ancestors: Sequence[str] = (), own: dict[str, str] | None = None
) -> dict[str, str]:
    app = PageHeaders(PlainTextResponse("A page.", headers=own), frame_ancestors=frame_ancestors)
    return dict(TestClient(app).get("/", headers={"Host": host}).headers)


def policy(found: dict[str, str]) -> dict[str, list[str]]:
    parts = [part.split() for part in found["content-security-policy"].split(";")]
    return {name: sources for name, *sources in parts}


def test_a_page_loads_nothing_from_another_host() -> None:
    found = policy(headers())
    assert found["img-src"] == ["'self'", "data:", "blob:"]
    assert found["connect-src"] == [
        "'self'",
        "data:",
        "blob:",
        "ws://chat.example:8501",
        "wss://chat.example:8501",
    ]
    assert found["object-src"] == ["'none'"]
    assert (
        found["frame-ancestors"]
        == found["base-uri"]
        == found["form-action"]
        == found["frame-src"]
        == ["'self'"]
    )
    hosts = {source for name, sources in found.items() for source in sources if "//" in source}
    assert hosts == {"ws://chat.example:8501", "wss://chat.example:8501"}
    assert "'unsafe-eval'" not in found["script-src"]


@pytest.mark.parametrize("host", ["a;b", "a b", "a, b", "*", "x/y", "", "a:b", "'self'"])
def test_a_host_that_is_none_adds_nothing_to_the_policy(host: str) -> None:
    assert policy(headers(host=host))["connect-src"] == ["'self'", "data:", "blob:"]


def test_an_address_is_told_to_no_other_site() -> None:
    found = headers()
    assert found["referrer-policy"] == "same-origin"
    assert found["x-content-type-options"] == "nosniff"


def test_only_the_pages_own_site_and_those_that_the_operator_names_may_frame_them() -> None:
    assert headers()["x-frame-options"] == "SAMEORIGIN"
    framed = headers(frame_ancestors=["https://intranet.example", "https://*.team.example:8443"])
    assert policy(framed)["frame-ancestors"] == [
        "'self'",
        "https://intranet.example",
        "https://*.team.example:8443",
    ]
    assert "x-frame-options" not in framed


def test_an_answer_that_has_a_policy_of_its_own_keeps_it() -> None:
    assert headers(own={"Content-Security-Policy": "sandbox"})["content-security-policy"] == "sandbox"


def test_the_sites_that_may_frame_the_pages_are_read_from_the_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PERSONACHAT_FRAME_ANCESTORS", "https://a.example, http://b.example:81")
    assert load_settings().frame_ancestors == ("https://a.example", "http://b.example:81")


@pytest.mark.parametrize(
    "value",
    ["https://a.example/path", "a.example", "*", "https://a.example;script-src *", "'none'", "https://*"],
)
def test_what_is_no_origin_stops_the_start(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("PERSONACHAT_FRAME_ANCESTORS", value)
    with pytest.raises(SettingsInvalid, match="PERSONACHAT_FRAME_ANCESTORS"):
        load_settings()
