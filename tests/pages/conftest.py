"""The app without a browser, over the personas in the test module's `folder` and a provider on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from personachat.services import reset_services
from tests.fake_provider import FakeProvider

HOME = Path(__file__).resolve().parents[2] / "Home.py"

OpenPage = Callable[..., AppTest]


@pytest.fixture
def open_home(
    folder: Path, fake: FakeProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[OpenPage]:
    """Opens Home.py in a new session with these query parameters; the services are the test's own."""
    forget_services()
    monkeypatch.setenv("PERSONACHAT_PERSONAS_DIR", str(folder))
    monkeypatch.setenv("PERSONACHAT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("OPENAI_BASE_URL", fake.base_url)

    def open_it(**query: str) -> AppTest:
        page = AppTest.from_file(str(HOME), default_timeout=30)
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
