"""Where settings come from, which wins, and what is said of one that cannot be used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from personachat import settings as settings_module
from personachat.errors import SettingsInvalid
from personachat.settings import load_settings, variables


@pytest.fixture(autouse=True)
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty checkout with nothing of this machine's own settings."""
    for name in variables():
        monkeypatch.delenv(name, raising=False)
    for name in ("home", "checkout"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(settings_module, "APP", tmp_path / "checkout")
    monkeypatch.setattr(settings_module, "INSTALLED", False)
    monkeypatch.chdir(tmp_path / "checkout")
    return tmp_path / "checkout"


def write_secrets(folder: Path, text: str) -> Path:
    file = folder / ".streamlit" / "secrets.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    return file


def refusal(**explicit: object) -> str:
    with pytest.raises(SettingsInvalid) as caught:
        load_settings(**explicit)
    return str(caught.value)


def test_without_any_setting_the_defaults_hold(checkout: Path) -> None:
    settings = load_settings()
    assert settings.openai_api_key is None
    assert settings.openai_base_url is None
    assert settings.providers == {}
    assert settings.personas_dir == checkout / "personas"
    assert settings.accepted_tokens == ()
    assert (settings.first_token_timeout_seconds, settings.idle_timeout_seconds) == (60, 60)
    assert (settings.reply_timeout_seconds, settings.max_concurrent_replies) == (600, 1000)


def test_an_installed_product_keeps_its_files_in_the_users_own_folder(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings_module, "INSTALLED", True)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    folder = load_settings().personas_dir
    assert folder.name == "personas"
    assert folder.is_relative_to(Path.home())
    assert not folder.is_relative_to(checkout)


def test_an_argument_beats_the_environment_which_beats_the_file(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_secrets(checkout, 'PERSONACHAT_DEFAULT_MODEL = "from-the-file"\nOPENAI_API_KEY = "file-key"\n')
    assert load_settings().default_model == "from-the-file"
    monkeypatch.setenv("PERSONACHAT_DEFAULT_MODEL", "from-the-environment")
    settings = load_settings()
    assert settings.default_model == "from-the-environment"
    assert settings.openai_api_key is not None
    assert settings.openai_api_key.get_secret_value() == "file-key"
    assert load_settings(default_model="explicit").default_model == "explicit"


def test_the_checkouts_file_beats_the_one_in_the_home_folder(checkout: Path) -> None:
    write_secrets(
        Path.home(), 'PERSONACHAT_DEFAULT_MODEL = "home"\nOPENAI_BASE_URL = "http://127.0.0.1:1/v1"\n'
    )
    write_secrets(checkout, 'PERSONACHAT_DEFAULT_MODEL = "checkout"\n')
    settings = load_settings()
    assert settings.default_model == "checkout"
    assert settings.openai_base_url == "http://127.0.0.1:1/v1"


@pytest.mark.parametrize("variable", ["OPENAI_API_KEY", "OPENAI_BASE_URL", "PERSONACHAT_API_TOKENS"])
def test_an_empty_value_counts_as_absent(
    variable: str, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "")
    write_secrets(checkout, f'{variable} = ""\n')
    settings = load_settings()
    assert (settings.openai_api_key, settings.openai_base_url, settings.accepted_tokens) == (None, None, ())


def test_variables_and_keys_of_other_programs_are_left_alone(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PROVIDERS", "providers", "PERSONAS_DIR", "API_TOKENS", "DEFAULT_MODEL"):
        monkeypatch.setenv(name, "not ours")
    write_secrets(checkout, 'personas_dir = "not ours"\n[auth]\ncookie_secret = "theirs"\n')
    settings = load_settings()
    assert settings.providers == {}
    assert settings.accepted_tokens == ()
    assert settings.default_model is None


def test_providers_come_as_tables_of_the_file_or_as_json_of_the_environment_which_replaces_them(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_secrets(
        checkout,
        '[providers.ollama]\nbase_url = "http://127.0.0.1:11434/v1/"\nmodels = ["qwen3"]\n',
    )
    ollama = load_settings().providers["ollama"]
    assert (ollama.base_url, ollama.api_key) == ("http://127.0.0.1:11434/v1", None)
    assert ollama.models == ("qwen3",)
    server = {"vllm": {"base_url": "http://127.0.0.1:8000/v1", "api_key": "k"}}
    monkeypatch.setenv("PERSONACHAT_PROVIDERS", json.dumps(server))
    providers = load_settings().providers
    assert list(providers) == ["vllm"]
    assert providers["vllm"].api_key is not None
    assert providers["vllm"].api_key.get_secret_value() == "k"


FIRST, SECOND = "the-first-of-two-tokens", "the-second-of-them"


@pytest.mark.parametrize("tokens", ["{},{}", "{} {}", " {},\n {}, "])
def test_api_tokens_are_separated_by_commas_or_space(tokens: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERSONACHAT_API_TOKENS", tokens.format(FIRST, SECOND))
    assert load_settings().accepted_tokens == (FIRST, SECOND)


def test_a_token_that_can_be_guessed_stops_the_start_and_is_not_quoted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PERSONACHAT_API_TOKENS", f"{FIRST}, fifteen-letters")
    said = refusal()
    assert said.startswith("PERSONACHAT_API_TOKENS")
    assert "at least 16 characters" in said
    assert "fifteen" not in said
    assert FIRST not in said


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PERSONACHAT_ALLOWED_HOSTS", "https://chat.example.com"),
        ("PERSONACHAT_ALLOWED_HOSTS", "chat.example.com/path"),
        ("PERSONACHAT_ALLOWED_HOSTS", "chat.*.com"),
        ("PERSONACHAT_ALLOWED_ORIGINS", "app.example.com"),
        ("PERSONACHAT_ALLOWED_ORIGINS", "https://app.example.com/path"),
        ("PERSONACHAT_ALLOWED_ORIGINS", "null"),
        ("PERSONACHAT_PUBLIC", "perhaps"),
        ("PERSONACHAT_TRUST_LOOPBACK", "perhaps"),
    ],
)
def test_what_says_who_gets_in_has_to_be_understood(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    assert refusal().startswith(variable)


def test_api_tokens_may_be_a_list_in_the_file(checkout: Path) -> None:
    write_secrets(checkout, 'PERSONACHAT_API_TOKENS = ["first-of-two-tokens", "second-of-two-tokens"]\n')
    assert load_settings().accepted_tokens == ("first-of-two-tokens", "second-of-two-tokens")


def test_a_line_break_pasted_behind_a_key_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-pasted\n")
    key = load_settings().openai_api_key
    assert key is not None
    assert key.get_secret_value() == "sk-pasted"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OPENAI_BASE_URL", "example.test/v1"),
        ("OPENAI_BASE_URL", "http://"),
        ("OPENAI_BASE_URL", "http://[::1/v1"),
        ("OPENAI_BASE_URL", "ftp://user:hunter2@127.0.0.1/v1"),
        ("OPENAI_BASE_URL", "http://127.0.0.1/v1?key=hunter2"),
        ("OPENAI_API_KEY", "two words"),
        ("OPENAI_API_KEY", "schlüssel"),
        ("PERSONACHAT_FIRST_TOKEN_TIMEOUT_SECONDS", "soon"),
        ("PERSONACHAT_IDLE_TIMEOUT_SECONDS", "0"),
        ("PERSONACHAT_IDLE_TIMEOUT_SECONDS", "nan"),
        ("PERSONACHAT_REPLY_TIMEOUT_SECONDS", "inf"),
        ("PERSONACHAT_MAX_CONCURRENT_REPLIES", "1.5"),
        ("PERSONACHAT_LOCAL_MODEL", "no/such/model.gguf"),
        ("PERSONACHAT_PROVIDERS", "not json"),
        ("PERSONACHAT_PROVIDERS", '["a list"]'),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_by_its_variables_name_and_not_quoted(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    message = refusal()
    assert message.startswith(f"{variable} can't be used: ")
    assert message.endswith(".")
    assert "\n" not in message
    assert "hunter2" not in message
    assert len(value) < 8 or value not in message


@pytest.mark.parametrize(
    ("server", "place", "reason"),
    [
        ({"name": {}}, "PERSONACHAT_PROVIDERS.name.base_url", "required"),
        ({"name": {"base_url": "ftp://x"}}, "PERSONACHAT_PROVIDERS.name.base_url", "http"),
        ({"name": {"base_url": "http://x", "key": "k"}}, "PERSONACHAT_PROVIDERS.name.key", "no such key"),
        ({"local": {"base_url": "http://x"}}, "PERSONACHAT_PROVIDERS", '"local"'),
        ({"a/b": {"base_url": "http://x"}}, "PERSONACHAT_PROVIDERS", '"a/b"'),
    ],
)
def test_a_providers_fault_is_named_with_its_place(
    server: object, place: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERSONACHAT_PROVIDERS", json.dumps(server))
    message = refusal()
    assert message.startswith(f"{place} can't be used: ")
    assert reason in message


def test_an_explicit_value_that_cannot_be_used_is_named_by_its_variable(tmp_path: Path) -> None:
    file = tmp_path / "a-file"
    file.touch()
    assert refusal(personas_dir=file).startswith("PERSONACHAT_PERSONAS_DIR can't be used: ")


def test_a_secrets_file_that_is_not_toml_is_named_with_its_line_and_not_quoted(checkout: Path) -> None:
    file = write_secrets(checkout, 'PERSONACHAT_DEFAULT_MODEL = "x"\nOPENAI_API_KEY = sk-secret\n')
    assert refusal() == f"{file} is not valid TOML (line 2)."


def test_a_secrets_file_that_cannot_be_read_is_named(checkout: Path) -> None:
    (checkout / ".streamlit" / "secrets.toml").mkdir(parents=True)
    assert "secrets.toml can't be read" in refusal()


def test_a_tilde_means_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERSONACHAT_PERSONAS_DIR", "~/chats")
    assert load_settings().personas_dir == Path.home() / "chats"


def test_secrets_do_not_show_when_the_settings_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-hunter2")
    monkeypatch.setenv("PERSONACHAT_API_TOKENS", "token-hunter2-of-more-letters")
    monkeypatch.setenv("PERSONACHAT_PROVIDERS", '{"x": {"base_url": "http://x", "api_key": "x-hunter2"}}')
    assert "hunter2" not in repr(load_settings())
