"""`personachat compare`: replies side by side where there is room, else one after another, or JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer

from personachat.cli.compare import cells, setups_of, side_by_side, wrap
from personachat.lab.comparisons.model import Setup
from tests.cli.conftest import Run
from tests.conftest import persona_text
from tests.fake_provider import FakeProvider, failure, tokens


def ask(
    personas: list[str],
    models: list[str] | None = None,
    temperatures: list[float] | None = None,
    variants: list[str] | None = None,
) -> list[Setup]:
    return setups_of(personas, models=models or [], temperatures=temperatures or [], variants=variants or [])


def test_options_are_listed_and_never_multiplied() -> None:
    a, b = Setup(persona_id="a"), Setup(persona_id="b")
    assert ask(["a", "b"]) == [a, b]
    assert ask(["a"], ["x", "y"]) == [Setup(persona_id="a", model="x"), Setup(persona_id="a", model="y")]
    assert [each.model for each in ask(["a", "b"], ["x"])] == ["x", "x"]
    assert [(each.persona_id, each.model) for each in ask(["a", "b"], ["x", "y"])] == [("a", "x"), ("b", "y")]
    assert [each.temperature for each in ask(["a"], ["x"], [0, 1])] == [0, 1]
    assert ask(["a"], variants=["b;samples=2"]) == [a, Setup(persona_id="b", samples=2)]


@pytest.mark.parametrize(
    ("personas", "models"), [([], []), (["a"], []), ([], ["x"]), (["a", "b"], ["x", "y", "z"])]
)
def test_what_is_no_comparison_is_a_usage_error(personas: list[str], models: list[str]) -> None:
    with pytest.raises(typer.BadParameter):
        ask(personas, models)


def test_columns_are_as_wide_as_a_terminal_shows_them() -> None:
    lines = side_by_side([("A", "one two three"), ("B", "猫が好き"), ("C", "x" * 20)], width=8)
    assert lines == [
        "A        │ B        │ C",
        "──────── │ ──────── │ ────────",
        "one two  │ 猫が好き │ xxxxxxxx",
        "three    │          │ xxxxxxxx",
        "         │          │ xxxx",
    ]


@pytest.mark.parametrize(
    "text", ["", "\n\n", "a" * 50, "\t tab", "e\u0301" * 30, "two  spaces", "\x1b[31mred"]
)
def test_no_line_is_wider_than_its_column(text: str) -> None:
    lines = wrap(text, 7)
    assert lines
    assert all(cells(line) <= 7 for line in lines)
    assert "\x1b" not in "".join(lines)


def test_into_a_pipe_the_replies_come_one_after_another(
    run: Run, fake: FakeProvider, environment: dict[str, str]
) -> None:
    (Path(environment["PERSONACHAT_PERSONAS_DIR"]) / "bob.json").write_text(
        persona_text("bob", model="fake-2")
    )
    fake.answer_by_model({"fake-1": tokens(["Heron."]), "fake-2": failure(401, "no")})
    done = run("compare", "--persona", "tester", "--persona", "bob", "Which bird?")
    assert done.returncode == 1
    assert done.stdout.startswith("== A Tester\nHeron.\n\n== B Bob\n[")
    assert "A: fake-1" in done.stderr


def test_json_has_everything_and_a_usage_error_sends_nothing(run: Run, fake: FakeProvider) -> None:
    done = run("compare", "-p", "tester", "-m", "fake-1", "-m", "fake-2", "--json", "Hi")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [each["model"] for each in told["messages"][0]["replies"]] == ["fake-1", "fake-2"]
    fake.forget()
    assert run("compare", "-p", "tester", "Hi").returncode == 2
    assert run("compare", "-p", "tester", "-p", "nobody", "Hi").returncode == 1
    assert fake.chats == []


def test_messages_of_a_file_are_sent_one_by_one_up_to_a_sum(
    run: Run, fake: FakeProvider, tmp_path: Path
) -> None:
    table = tmp_path / "birds.csv"
    table.write_text("n;What to ask\n1;Which bird?\n2;Which tram?\n")
    priced = ("compare", "-p", "tester", "-m", "gpt-4o", "-m", "gpt-4o-mini", "--messages", str(table))
    done = run(*priced, "--column", "what to ask", "--max-cost", "5")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("> Which bird?\n\n== A")
    assert "\n> Which tram?\n" in done.stdout
    assert [each.body["messages"][-1]["content"] for each in fake.chats][-1] == "Which tram?"
    fake.forget()
    refused = run(*priced, "--max-cost", "0.0001")
    assert refused.returncode == 1
    assert "Raise the limit" in refused.stderr
    assert run(*priced, "--column", "nothing").returncode == 1
    assert run(*priced, "And this").returncode == 2
    assert fake.chats == []
