"""A setting under a wrong name is named with the right one, and its value is nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from personachat.settings import variables
from personachat.telemetry.unknown_settings import sentences, unknown


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("PERSONACHAT_API_TOKEN", "PERSONACHAT_API_TOKENS"),
        ("PERSONACHAT_DEFALT_MODEL", "PERSONACHAT_DEFAULT_MODEL"),
        ("PERSONACHAT_MODEL", "PERSONACHAT_LOCAL_MODEL"),
        ("PERSONACHAT_DATADIR", "PERSONACHAT_DATA_DIR"),
        ("personachat_api_token", "PERSONACHAT_API_TOKENS"),
        ("PERSONACHAT_ALLOWED_HOST", "PERSONACHAT_ALLOWED_HOSTS"),
        ("PERSONA_CHAT_API_TOKENS", "PERSONACHAT_API_TOKENS"),
        ("PERSONCHAT_PUBLIC", "PERSONACHAT_PUBLIC"),
        ("PERSONACHAT_BASEPATH", "PERSONACHAT_BASE_PATH"),
        ("PERSONACHAT_XYZZY", ""),
        ("PERSONACHAT_PORT2", ""),  # and not PERSONACHAT_EDITORS
        ("PERSONACHAT_DATA_FOLDER", "PERSONACHAT_DATA_DIR"),
        ("OPENAI_APIKEY", "OPENAI_API_KEY"),
        ("OPEN_AI_API_KEY", "OPENAI_API_KEY"),
        ("OPENAI_BASEURL", "OPENAI_BASE_URL"),
    ],
)
def test_a_wrong_name_is_found_with_the_nearest_right_one(written: str, meant: str) -> None:
    assert unknown([written], variables()) == {written: meant}


@pytest.mark.parametrize(
    "name",
    [
        *variables(),
        "personachat_api_tokens",
        "PATH",
        "PERSONAL_ACCESS_TOKEN",
        "PERSON",
        "DATABASE_URI",
        "OPENAI_ORG_ID",
        "OPENAI_API_BASE",
        "OPENAI_LOG",
    ],
)
def test_what_is_a_setting_or_another_programs_is_left_alone(name: str) -> None:
    assert unknown([name], variables()) == {}


def test_a_second_key_of_another_program_is_no_misspelt_one() -> None:
    assert unknown(["OPENAI_API_KEY", "OPENAI_API_KEY2"], variables()) == {}


def test_names_in_the_environment_and_in_the_file_are_said_once_without_their_values(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "secrets.toml").write_text(
        'PERSONACHAT_API_TOKEN = "hidden-value"\nPERSONACHAT_DEFALT_MODEL = "hidden-value"\n', "utf-8"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PERSONACHAT_API_TOKEN", "hidden-value")
    said = [each for each in sentences() if "API_TOKEN" in each or "DEFALT" in each]
    is_none = "is not a setting of PersonaChat and has no effect."
    assert said == [
        f"PERSONACHAT_API_TOKEN {is_none} Did you mean PERSONACHAT_API_TOKENS?",
        f"PERSONACHAT_DEFALT_MODEL {is_none} Did you mean PERSONACHAT_DEFAULT_MODEL?",
    ]
