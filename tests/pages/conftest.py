"""The app without a browser, over the personas in `folder` and a provider on loopback.

A module whose tests need other personas has a fixture `folder` of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from personachat.services import reset_services
from tests.fake_provider import FakeProvider
from tests.migrated import put_database_in
from tests.pages.conversing import be_local, make_personas

HOME = Path(__file__).resolve().parents[2] / "Home.py"

OpenPage = Callable[..., AppTest]


@pytest.fixture(scope="session", autouse=True)
def components_are_looked_for_once() -> Iterator[None]:
    """Every AppTest searches all installed packages for components, which takes longer than most pages."""
    with pytest.MonkeyPatch.context() as patch:
        once = cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", once)
        yield


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two personas: `default-persona`, called Guide, and `second`."""
    return make_personas(tmp_path / "personas")


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch) -> None:
    """The visitor is on the server's own machine."""
    be_local(monkeypatch)


@pytest.fixture
def open_home(
    folder: Path, fake: FakeProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[OpenPage]:
    """Opens Home.py in a new session with these query parameters; the services are the test's own."""
    forget_services()
    monkeypatch.setenv("PERSONACHAT_PERSONAS_DIR", str(folder))
    monkeypatch.setenv("PERSONACHAT_DATA_DIR", str(put_database_in(tmp_path / "data").parent))
    monkeypatch.setenv("OPENAI_BASE_URL", fake.base_url)

    def open_it(**query: str) -> AppTest:
        page = AppTest.from_file(str(HOME), default_timeout=60)
        for name, value in query.items():
            page.query_params[name] = value
        page.run()
        assert not page.exception
        return page

    yield open_it
    forget_services()


def forget_services() -> None:
    reset_services()
    st.cache_resource.clear()
