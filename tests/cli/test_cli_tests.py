"""`personachat test` runs suites and says by its exit code what came of them."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from personachat.authoring.opening import opened
from personachat.cli import persona_checks, testing
from personachat.cli.testing import RunCommand
from personachat.lab.on_save import TestedPersonas
from personachat.personas.store.base import StoredPersona
from personachat.settings import Settings, load_settings
from tests.conftest import persona_text
from tests.fake_provider import FakeProvider, failure, tokens
from tests.migrated import put_database_in

SUITE = """\
persona: tester
repeat: 2
cases:
  - name: greets
    say: Hi
    check: [ { contains: "You said" } ]
"""


@pytest.fixture
def settings(fake: FakeProvider, tmp_path: Path) -> Settings:
    folder = tmp_path / "personas"
    folder.mkdir()
    (folder / "tester.json").write_text(persona_text(), "utf-8")
    (folder / "tester.tests.yaml").write_text(SUITE, "utf-8")
    put_database_in(tmp_path / "data")
    return load_settings(
        openai_base_url=fake.base_url,
        openai_api_key="sk-test-key-that-nobody-may-see",
        personas_dir=folder,
        data_dir=tmp_path / "data",
    )


def write(settings: Settings, text: str) -> None:
    (settings.personas_dir / "tester.tests.yaml").write_text(text, "utf-8")


def test_all_pass(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert testing.run(RunCommand(ids=()), settings=settings) == 0
    said = capsys.readouterr()
    assert "pass   2/2  greets" in said.out
    assert "1 of 1 (21 to 100 %) cases pass in every repeat" in said.out
    assert "2/2 pass: greets" in said.err


def test_something_failed(settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(settings, SUITE.replace('"You said"', '"Goodbye"'))
    xml, document = tmp_path / "junit.xml", tmp_path / "report.json"
    wanted = RunCommand(ids=["tester"], repeat=1, junit=xml, json=document)
    assert testing.run(wanted, settings=settings) == 1
    assert 'contains: Missing: "Goodbye".' in capsys.readouterr().out
    suite = ET.fromstring(xml.read_text("utf-8")).find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("1", "1", "0")
    (run,) = json.loads(document.read_text("utf-8"))["runs"]
    assert run["cases"][0]["replies"][0]["text"] == "You said: Hi"
    assert run["score"]["states"] == {"pass": 0, "fail": 1, "flaky": 0, "error": 0, "missing": 0}


@pytest.mark.parametrize(
    ("text", "ids", "said"),
    [
        (SUITE.replace("check:", "checkz:"), (), "tester.tests.yaml:4:5: Case 1 has no"),
        (SUITE, ("nobody",), "nobody"),
        (SUITE, ("../tester",), "no persona"),
    ],
)
def test_what_cannot_run_says_why_and_calls_nobody(
    settings: Settings,
    fake: FakeProvider,
    capsys: pytest.CaptureFixture[str],
    text: str,
    ids: tuple[str, ...],
    said: str,
) -> None:
    write(settings, text)
    assert testing.run(RunCommand(ids=ids), settings=settings) == 2
    assert said in capsys.readouterr().err
    assert fake.chats == []


@pytest.mark.parametrize("name", ["nowhere/results.xml", "."])
def test_a_file_that_cannot_be_written_is_known_before_anything_is_paid(
    settings: Settings, fake: FakeProvider, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert testing.run(RunCommand(ids=(), junit=tmp_path / name), settings=settings) == 2
    assert "can't be written. Nothing was run." in capsys.readouterr().err
    assert fake.chats == []


def test_a_suite_that_cannot_be_held_to_the_sum_refuses_all_before_the_first_call(
    settings: Settings, fake: FakeProvider, capsys: pytest.CaptureFixture[str]
) -> None:
    for persona_id, model in (("aaa", "gpt-4o-mini"), ("zzz", "a-model-without-a-price")):
        (settings.personas_dir / f"{persona_id}.json").write_text(persona_text(persona_id, model=model))
        text = SUITE.replace("persona: tester", f"persona: {persona_id}")
        (settings.personas_dir / f"{persona_id}.tests.yaml").write_text(text)
    assert testing.run(RunCommand(ids=["aaa", "zzz"], most_cost_usd=1), settings=settings) == 2
    assert "price" in capsys.readouterr().err
    assert fake.chats == []


def test_no_tests_at_all_cannot_run(settings: Settings) -> None:
    (settings.personas_dir / "tester.tests.yaml").unlink()
    assert testing.run(RunCommand(ids=()), settings=settings) == 2


def test_errors_and_a_sum_that_is_too_small_have_a_code_of_their_own(
    settings: Settings, fake: FakeProvider, capsys: pytest.CaptureFixture[str]
) -> None:
    assert testing.run(RunCommand(ids=(), model="gpt-4o", most_cost_usd=0.0000001), settings=settings) == 3
    assert "could have cost more" in capsys.readouterr().out
    assert fake.chats == []
    fake.enqueue(*(failure(401, "no", error_code="invalid_api_key") for _ in range(4)))
    assert testing.run(RunCommand(ids=()), settings=settings) == 3


def test_a_revision_is_run_and_compared(
    settings: Settings, fake: FakeProvider, capsys: pytest.CaptureFixture[str]
) -> None:
    testing.run(RunCommand(ids=()), settings=settings)
    (settings.personas_dir / "tester.json").write_text(persona_text(systemPrompt="New."), "utf-8")
    fake.forget()
    assert testing.run(RunCommand(ids=("tester",), against=1), settings=settings) == 0
    prompts = [chat.body["messages"][0]["content"] for chat in fake.chats]
    assert prompts == ["You are a test."] * 2 + ["New."] * 2
    said = capsys.readouterr()
    assert "Compared with revision 1: 1 same.\n    same: greets (pass -> pass)" in said.out
    assert "for each of the two versions" in said.err


def test_a_file_that_nobody_has_looked_at_yet_is_its_first_revision(
    settings: Settings, fake: FakeProvider, capsys: pytest.CaptureFixture[str]
) -> None:
    assert testing.run(RunCommand(ids=("tester",), against=1), settings=settings) == 0
    assert len(fake.chats) == 4
    assert "Compared with revision 1: 1 same." in capsys.readouterr().out


def test_each_case_is_worse_better_missing_or_the_same(
    settings: Settings, fake: FakeProvider, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = "".join(
        f"  - {{ name: {name}, say: {name}, check: [{{ contains: {word} }}] }}\n"
        for name, word in (("one", "first"), ("two", "second"), ("three", "both"))
    )
    write(settings, f"persona: tester\nrepeat: 1\ncases:\n{cases}")
    testing.run(RunCommand(ids=()), settings=settings)
    (settings.personas_dir / "tester.json").write_text(persona_text(systemPrompt="New."), "utf-8")
    fake.forget()
    fake.enqueue(*(tokens(["first both"]) for _ in range(3)), *(tokens(["second both"]) for _ in range(3)))
    assert testing.run(RunCommand(ids=("tester",), against=1), settings=settings) == 1
    said = capsys.readouterr().out
    assert "Compared with revision 1: 1 worse, 1 better, 1 same." in said
    assert "worse: one (pass -> fail)\n    better: two (fail -> pass)\n    same: three (pass -> pass)" in said


def test_a_revision_that_is_not_there_is_said_before_the_first_call(
    settings: Settings, fake: FakeProvider, capsys: pytest.CaptureFixture[str]
) -> None:
    assert testing.run(RunCommand(ids=("tester",), against=7), settings=settings) == 2
    assert fake.chats == []
    assert "revision" in capsys.readouterr().err


def test_validating_a_folder_or_a_file_finds_errors_in_suites_and_takes_none_for_a_persona(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = settings.personas_dir
    assert persona_checks.validate([folder]) == 0
    assert "2 files, 0 faults" in capsys.readouterr().err
    write(settings, SUITE.replace("persona: tester", "persona: other"))
    for path in (folder, folder / "tester.tests.yaml"):
        assert persona_checks.validate([path]) == 1
        assert "tester.tests.yaml:1:1: The suite is for" in capsys.readouterr().out


def test_what_a_command_saves_is_tested_before_it_ends(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    saved: list[StoredPersona] = []
    with opened(settings, over=lambda store: TestedPersonas(store, saved.append)) as found:
        found.collection.save(persona_text(extensions={"tests": {"onSave": True}}))
        found.collection.save(persona_text(extensions={"tests": {"onSave": False}}))
    testing.run_saved(saved, settings=settings)
    assert "1 of 1 (21 to 100 %) cases pass in every repeat." in capsys.readouterr().err
    testing.run_saved(saved, settings=settings)
    assert "cases pass" not in capsys.readouterr().err


def test_replies_are_compared_with_a_revisions_by_a_judge(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert testing.run(RunCommand(ids=["tester"], pairwise=True), settings=settings) == 2
    assert "Set --against REVISION." in capsys.readouterr().err
    assert testing.run(RunCommand(ids=["tester"], against=1, pairwise=True), settings=settings) == 2
    assert "Set PERSONACHAT_JUDGE_MODEL." in capsys.readouterr().err
    judging = settings.model_copy(update={"judge_model": "fake-2"})
    assert testing.run(RunCommand(ids=["tester"], against=1, pairwise=True), settings=judging) == 0
    assert "Better in 0 of 2 (0 to 66 %), worse in 0 of 2 (0 to 66 %), 2 ties." in capsys.readouterr().out
