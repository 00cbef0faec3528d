"""`personachat check`: each thing that is wrong is named with what to fix, and nothing else is."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from personachat.cli import checking as check
from personachat.errors import SettingsInvalid
from personachat.providers import registry
from personachat.settings import load_settings
from tests.cli.conftest import Run
from tests.conftest import persona_text
from tests.fake_provider import FakeProvider
from tests.migrated import put_database_in


class Checking:
    """Settings with which everything is fine, and the check of them."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str], base_url: str) -> None:
        put_database_in(folder / "data")
        self.personas = folder / "personas"
        self.personas.mkdir()
        (self.personas / "tester.json").write_text(persona_text(), "utf-8")
        self._capture = capture
        self._settings = {
            "openai_base_url": base_url,
            "openai_api_key": "sk-test-key-that-nobody-may-see",
            "personas_dir": self.personas,
            "data_dir": folder / "data",
        }

    def findings(self, **settings: Any) -> tuple[int, dict[str, tuple[str, str, str]]]:
        """The exit code, and by what it is about the worst that was found."""
        code = check.run(load_settings(**(self._settings | settings)), as_json=True)
        printed = self._capture.readouterr().out
        assert "nobody-may-see" not in printed
        told = json.loads(printed)
        assert told["ok"] == (code == 0)
        worst = sorted(told["findings"], key=lambda each: ("ok", "warning", "error").index(each["status"]))
        return code, {each["about"]: (each["status"], each["message"], each["fix"]) for each in worst}


@pytest.fixture
def checking(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], fake: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> Checking:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return Checking(tmp_path, capsys, fake.base_url)


@pytest.fixture
def silent_server() -> Iterator[str]:
    """Takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"


def test_where_all_is_well_every_part_says_so(checking: Checking) -> None:
    code, found = checking.findings()
    assert (code, {about: status for about, (status, _, _) in found.items()}) == (
        0,
        {"settings": "ok", "database": "ok", "personas": "ok", "tests": "ok", "providers": "ok"},
    )


def test_a_misspelt_setting_is_a_warning(checking: Checking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERSONACHAT_API_TOKEN", "a-token-that-nobody-may-see")
    code, found = checking.findings()
    assert code == 0
    status, message, _ = found["settings"]
    assert (status, "PERSONACHAT_API_TOKENS" in message) == ("warning", True)


def test_a_database_out_of_reach_is_an_error_and_the_rest_is_looked_at_all_the_same(
    checking: Checking,
) -> None:
    code, found = checking.findings(database_url="postgresql://a:nobody-may-see@127.0.0.1:1/none")
    assert (code, found["database"][0], found["providers"][0]) == (1, "error", "ok")


def test_a_broken_persona_is_named_with_its_place(checking: Checking) -> None:
    (checking.personas / "broken.json").write_text('{"id": "broken",\n "name": 1}', "utf-8")
    code, found = checking.findings()
    status, message, fix = found["personas"]
    assert (code, status, message.startswith("broken.json:")) == (1, "error", True)
    assert "personas validate" in fix


def test_a_persona_whose_model_nobody_offers_is_a_warning(checking: Checking) -> None:
    (checking.personas / "picky.json").write_text(persona_text("picky", model="local/none"), "utf-8")
    code, found = checking.findings()
    status, message, _ = found["personas"]
    assert (code, status, message.startswith("picky: ")) == (0, "warning", True)


def test_a_default_model_that_nobody_offers_is_a_warning(checking: Checking) -> None:
    code, found = checking.findings(default_model="openai/fake-3")
    status, message, _ = found["providers"]
    assert (code, status) == (0, "warning")
    assert message == "PERSONACHAT_DEFAULT_MODEL is openai/fake-3, which no provider lists."
    assert checking.findings(default_model="openai/fake-1")[1]["providers"][0] == "ok"


def test_a_broken_suite_is_named_with_its_place(checking: Checking) -> None:
    (checking.personas / "tester.tests.yaml").write_text("persona: tester\ncases: 7\n", "utf-8")
    code, found = checking.findings()
    status, message, fix = found["tests"]
    assert (code, status, message.startswith("tester.tests.yaml:2:")) == (1, "error", True)
    assert "personas validate" in fix


JUDGED = """persona: tester
cases:
  - name: Stays polite
    say: Hello.
    check:
      - judge: Is it polite?
"""


def test_a_suite_that_needs_a_judge_while_none_is_set_is_a_warning(checking: Checking) -> None:
    (checking.personas / "tester.tests.yaml").write_text(JUDGED, "utf-8")
    code, found = checking.findings()
    status, message, fix = found["tests"]
    assert (code, status, "tester" in message, "PERSONACHAT_JUDGE_MODEL" in fix) == (0, "warning", True, True)
    assert checking.findings(judge_model="fake-model")[1]["tests"][0] == "ok"


def test_a_judge_that_nobody_offers_is_a_warning(checking: Checking) -> None:
    code, found = checking.findings(judge_model="local/none")
    status, message, fix = found["tests"]
    assert (code, status, "local/none" in message) == (0, "warning", True)
    assert "PERSONACHAT_JUDGE_MODEL" in fix


def test_without_any_provider_there_is_something_to_fix(
    checking: Checking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "embedded_model_installed", lambda _: False)
    code, found = checking.findings(openai_base_url=None, openai_api_key=None)
    status, message, fix = found["providers"]
    assert (code, status, message) == (1, "error", "No model is available.")
    assert "OPENAI_API_KEY" in fix


def test_a_provider_that_refuses_or_is_not_there_is_an_error(checking: Checking) -> None:
    code, found = checking.findings(openai_base_url="http://127.0.0.1:1/v1")
    assert (code, found["providers"][0]) == (1, "error")


def test_a_provider_that_never_answers_is_named_and_not_waited_for(
    checking: Checking, silent_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "PROVIDERS_SECONDS", 0.2)
    code, found = checking.findings(providers={"sleepy": {"base_url": silent_server}})
    status, message, _ = found["providers"]
    assert (code, status, "sleepy" in message) == (1, "error", True)


def test_an_invalid_setting_is_a_finding_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert check.run(SettingsInvalid("DATABASE_URL can't be used: why."), as_json=True) == 2
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert finding["about"] == "settings"


def test_in_a_shell_it_is_a_table_and_an_exit_code(run: Run) -> None:
    done = run("check")
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [
        ["ok", "settings"],
        ["ok", "database"],
        ["ok", "personas"],
        ["ok", "tests"],
        ["ok", "providers"],
    ]
    assert run("check", PERSONACHAT_MAX_TOKENS="many").returncode == 2
