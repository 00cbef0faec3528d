"""Fixtures every test may use: a provider on loopback, and services over folders of the test's own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import httpcore2
import pytest
from hypothesis import settings as hypothesis_settings

from personachat.owners import LOCAL_OWNER
from personachat.services import Services, build_services
from personachat.services.workspace import Workspace
from personachat.settings import load_settings, variables
from tests.fake_provider import FakeProvider
from tests.migrated import put_database_in
from tests.network_guard import refused_hosts

# How long an example takes says nothing: the machine may be busy.
hypothesis_settings.register_profile("without a clock", deadline=None)
hypothesis_settings.load_profile("without a clock")


@pytest.fixture(scope="session", autouse=True)
def certificates_are_read_once() -> Iterator[None]:
    """A client reads the certificates of all authorities, which takes longer than most of its requests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(httpcore2, "default_ssl_context", cache(httpcore2.default_ssl_context))
        yield


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test sees neither the keys nor the folders of whoever runs it."""
    for name in variables():
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def only_this_machine_is_reached() -> Iterator[None]:
    """A test that tried another machine fails, whatever the code under test has made of the refusal."""
    yield
    assert refused_hosts() == []


@pytest.fixture
def fake() -> Iterator[FakeProvider]:
    with FakeProvider() as provider:
        yield provider


def persona_text(persona_id: str = "tester", **keys: Any) -> str:
    """The JSON text of a small persona."""
    required = {"id": persona_id, "name": persona_id.title(), "systemPrompt": "You are a test."}
    return json.dumps(required | keys)


@pytest.fixture
def make_services(fake: FakeProvider, tmp_path: Path) -> Iterator[Callable[..., Services]]:
    """Builds services that talk to `fake`, with a persona "tester"; settings may be given."""
    made: list[Services] = []

    def make(**settings: Any) -> Services:
        explicit = {
            "openai_base_url": fake.base_url,
            "openai_api_key": "sk-test-key-that-nobody-may-see",
            "personas_dir": tmp_path / "personas",
            "data_dir": tmp_path / "data",
        }
        loaded = load_settings(**(explicit | settings))
        if loaded.database_url is None:
            put_database_in(loaded.data_dir)
        services = build_services(loaded)
        services.personas.save(persona_text())
        made.append(services)
        return services

    yield make
    for services in made:
        services.close()


@pytest.fixture
def services(make_services: Callable[..., Services]) -> Services:
    return make_services()


def local(services: Services) -> Workspace:
    """What whoever sits at this machine can do."""
    return services.of(LOCAL_OWNER)
