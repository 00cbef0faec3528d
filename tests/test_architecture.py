"""docs/architecture.md says what the code is: its layers, the hops of three lives, and every package."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
LIVES = ("message", "save", "import")
DEFINITIONS = ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef
DOTTED = re.compile(r"`(personachat(?:\.\w+)+)`")


def section(title: str) -> str:
    """The text below a heading, up to the next one of any level."""
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


@cache
def parsed(module: Path) -> ast.Module:
    return ast.parse(module.read_text("utf-8"))


def resolved(dotted: str) -> tuple[Path, ast.AST]:
    """The file of a dotted path's module, and what the path names in there. Nothing is imported."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        place = ROOT.joinpath(*parts[:length])
        file = next(
            (file for file in (place / "__init__.py", place.with_suffix(".py")) if file.is_file()), None
        )
        if file:
            node: ast.AST = parsed(file)
            for part in parts[length:]:
                node = next(
                    (each for each in ast.iter_child_nodes(node) if is_called(each, part)), ast.Pass()
                )
            assert not isinstance(node, ast.Pass), f"{dotted} is not there"
            return file, node
    raise AssertionError(dotted)


def is_called(node: ast.AST, name: str) -> bool:
    return isinstance(node, DEFINITIONS) and node.name == name


def names_in(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Attribute):
            yield each.attr
        elif isinstance(each, ast.Name):
            yield each.id


def named_by(dotted: str) -> set[str]:
    """Every name that a function uses, itself or in functions of its module that it leads to."""
    file, function = resolved(dotted)
    definitions: dict[str, list[ast.AST]] = {}
    for each in ast.walk(parsed(file)):
        if isinstance(each, DEFINITIONS):
            definitions.setdefault(each.name, []).append(each)
    seen, due = set[str](), set(names_in(function))
    while due:
        name = due.pop()
        seen.add(name)
        for each in definitions.get(name, ()):
            due |= set(names_in(each)) - seen
    return seen


def hops(life: str) -> list[list[str]]:
    """What each hop of a life names, in its order."""
    text = section(f"The life of {'an' if life == 'import' else 'a'} {life}")
    numbered = re.findall(r"^\d+\. (.*?)(?=^\d+\. |\Z)", text, re.MULTILINE | re.DOTALL)
    return [DOTTED.findall(hop) for hop in numbered]


@pytest.mark.parametrize("life", LIVES)
def test_a_life_is_told_in_five_to_ten_hops_that_each_begin_with_what_does_it(life: str) -> None:
    assert 5 <= len(hops(life)) <= 10
    text = section(f"The life of {'an' if life == 'import' else 'a'} {life}")
    numbers = [int(number) for number in re.findall(r"^(\d+)\. `personachat\.", text, re.MULTILINE)]
    assert numbers == list(range(1, len(hops(life)) + 1))


@pytest.mark.parametrize("life", LIVES)
def test_each_hop_is_reached_from_one_before_it(life: str) -> None:
    first, *later = [hop[0] for hop in hops(life)]
    reached = named_by(first)
    for dotted in later:
        name = dotted.rpartition(".")[2]
        assert name in reached, f"nothing before {dotted} names {name}"
        reached |= named_by(dotted)


def test_everything_that_is_named_exists() -> None:
    named = DOTTED.findall(PAGE)
    assert len(named) > 100
    for dotted in named:
        resolved(dotted)


def test_the_layers_drawn_are_those_of_the_contract() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contract = next(
        each for each in pyproject["tool"]["importlinter"]["contracts"] if each["type"] == "layers"
    )
    drawn = re.search(r"```mermaid\nflowchart TB\n(.*?)```", PAGE, re.DOTALL)
    assert drawn
    boxes = re.findall(r'^    (l\d+)\["([^<"]+)<br/>[^<"]+"\]$', drawn[1], re.MULTILINE)
    assert [layer for _, layer in boxes] == contract["layers"]
    assert len(boxes) <= 10, "more floors than one reads at a glance"
    arrows = drawn[1].strip().splitlines()[-1]
    assert arrows.split() == " --> ".join(box for box, _ in boxes).split()
    assert len(drawn[1].strip().splitlines()) == len(boxes) + 1


def test_every_package_and_every_module_at_the_top_is_on_the_map() -> None:
    package = ROOT / "personachat"
    packages = {file.parent for file in package.rglob("__init__.py")} - {package}
    modules = {file for file in package.glob("*.py") if file.stem != "__init__"}
    there = {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in packages | modules}
    rows = re.findall(r"^\| `(personachat\.[\w.]+)` \|", section("The package"), re.MULTILINE)
    assert len(rows) == len(set(rows))
    assert set(rows) == there


def test_every_folder_that_is_named_is_there() -> None:
    rows = re.findall(r"^\| `([\w./]+)` \|", section("Where things are"), re.MULTILINE)
    assert len(rows) > 5
    assert all((ROOT / row).exists() for row in rows)
