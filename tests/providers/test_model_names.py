from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from personachat.providers.catalogue import ModelNames
from personachat.providers.registry import ProviderRegistry
from personachat.replies.runner import ReplyRunner
from personachat.services import Services
from personachat.settings import Settings, load_settings
from tests.fake_provider import FakeProvider, hang, status

KEY = "sk-test-key-that-nobody-may-see"
LONG_ENOUGH_SECONDS = 20.0

MakeNames = Callable[..., ModelNames]


@pytest.fixture
def runner() -> Iterator[ReplyRunner]:
    made = ReplyRunner(max_concurrent=1)
    yield made
    made.close()


@pytest.fixture
def names_of(runner: ReplyRunner) -> Iterator[MakeNames]:
    made: list[ProviderRegistry] = []

    def make(**settings: Any) -> ModelNames:
        loaded: Settings = load_settings(**settings)
        made.append(ProviderRegistry(loaded))
        return ModelNames(made[-1], runner, configured=loaded.providers)

    yield make
    for providers in made:
        if not runner.closed:
            runner.ask(providers.aclose(), timeout_seconds=10)


@pytest.fixture
def openai(fake: FakeProvider) -> dict[str, Any]:
    return {"openai_base_url": fake.base_url, "openai_api_key": KEY}


def asked(fake: FakeProvider) -> int:
    return sum(request.path.endswith("/models") for request in fake.requests)


def test_names_are_bare_for_the_default_provider_and_prefixed_for_others(
    names_of: MakeNames, fake: FakeProvider, openai: dict[str, Any]
) -> None:
    fake.models = ("b-2", "A-1")
    other = {"mine": {"base_url": fake.base_url, "models": ["own-1"]}}
    known = names_of(**openai, providers=other).all(wait_seconds=LONG_ENOUGH_SECONDS)
    assert [name for name in known.names if not name.startswith("local/")] == ["A-1", "b-2", "mine/own-1"]
    assert (known.complete, known.faults) == (True, ())


def test_a_provider_is_asked_once_however_often_the_names_are_wanted(
    names_of: MakeNames, fake: FakeProvider, openai: dict[str, Any]
) -> None:
    names = names_of(**openai)
    for _ in range(3):
        names.all(wait_seconds=LONG_ENOUGH_SECONDS)
        assert names.names_of("openai") == tuple(fake.models)  # type: ignore[arg-type]  # looser than the types on purpose
    assert asked(fake) == 1


def test_nobody_waits_for_a_provider_that_does_not_answer(
    names_of: MakeNames, fake: FakeProvider, openai: dict[str, Any]
) -> None:
    fake.models = hang()
    names = names_of(**openai)
    assert names.all().complete is False
    assert names.names_of("openai") is None


def test_what_a_provider_could_not_say_is_a_fault_without_the_key(
    names_of: MakeNames, fake: FakeProvider, openai: dict[str, Any]
) -> None:
    fake.models = status(401)
    known = names_of(**openai).all(wait_seconds=LONG_ENOUGH_SECONDS)
    assert known.complete
    (fault,) = known.faults
    assert fault.endswith(".")
    assert KEY not in repr(known)


def test_models_that_do_not_chat_are_not_offered_but_are_listed(
    names_of: MakeNames, fake: FakeProvider, openai: dict[str, Any]
) -> None:
    fake.models = (
        "gpt-6-luna",
        "text-embedding-3-small",
        "whisper-1",
        "gpt-image-2",
        "tts-1",
        "imagined-chat",
    )
    names = names_of(**openai)
    offered = [name for name in names.all(wait_seconds=LONG_ENOUGH_SECONDS).names if "local/" not in name]
    assert offered == ["gpt-6-luna", "imagined-chat"]
    assert names.names_of("openai") == fake.models


def test_names_can_be_asked_for_while_everything_ends(
    names_of: MakeNames, runner: ReplyRunner, openai: dict[str, Any]
) -> None:
    names = names_of(**openai)
    runner.close()
    known = names.all(wait_seconds=LONG_ENOUGH_SECONDS)
    assert known.names == ()
    assert known.faults


def test_a_provider_that_is_not_configured_lists_nothing(names_of: MakeNames) -> None:
    assert names_of().names_of("nobody") is None


def test_closing_waits_for_whoever_is_being_asked_and_asks_nobody_more(services: Services) -> None:
    names = services.model_names
    names.all()
    names.close()
    assert names.all().complete
    before = names.all().names
    names._listings["openai"].stale_at = 0.5  # its list is due again
    assert names.all().names == before
    assert not names._listings["openai"].asking
