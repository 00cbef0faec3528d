"""A name says what a thing is, not what was done with it: `matches`, not `found`; `messages`, not `said`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "personachat"
VAGUE = frozenset(
    {"told", "said", "found", "asked", "wanted", "shown", "known", "kept", "given", "listed"}
    | {"gone", "made", "meant", "came", "come", "grown", "built", "stored", "chosen", "held", "taken", "sent"}
    | {"drawn"}
)
STATEMENTS = frozenset({"is", "are", "was", "has", "have", "can", "be", "not", "if", "unless", "as"})
"""With one of these before it a participle ends a statement, such as `is_listed` and `persona_not_found`."""


OF_A_PROTOCOL = frozenset({"connection_made"})
"""What asyncio calls a method that a class of ours has to have."""


def names_in(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Functions, classes, parameters, variables and attributes; not fields, whose names are those in JSON."""
    fields = {
        id(each.target)
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for each in node.body
        if isinstance(each, ast.AnnAssign)
    }
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield node.lineno, name
            case ast.arg(arg=name):
                yield node.lineno, name
            case ast.Name(id=name, ctx=ast.Store()) if id(node) not in fields:
                yield node.lineno, name
            case ast.Attribute(attr=name, ctx=ast.Store()):
                yield node.lineno, name
            case ast.ExceptHandler(name=str() as name):
                yield node.lineno, name


def is_vague(name: str) -> bool:
    snake = "".join(f"_{each}" if each.isupper() else each for each in name) if name != name.upper() else name
    words = [word for word in snake.lower().split("_") if word]
    return (
        name not in OF_A_PROTOCOL and bool(words) and words[-1] in VAGUE and STATEMENTS.isdisjoint(words[:-1])
    )


def vague_names(source: str) -> list[tuple[int, str]]:
    return sorted({each for each in names_in(ast.parse(source)) if is_vague(each[1])})


def test_no_name_is_a_participle_that_stands_for_a_noun() -> None:
    vague = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.parent.name != "versions"  # migrations stay as they were run
        for line, name in vague_names(path.read_text("utf-8"))
    ]
    assert vague == [], "say what it is, such as the persona, the rows or the matches"


def test_no_module_is_named_so() -> None:
    assert [path.stem for path in PACKAGE.rglob("*.py") if is_vague(path.stem)] == []


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("found = 1", "found"),
        ("def draw_told(): ...", "draw_told"),
        ("class ReplayWanted: ...", "ReplayWanted"),
        ("def check(text, *, asked): ...", "asked"),
        ("lambda said: 1", "said"),
        ("MOST_SHOWN = 5", "MOST_SHOWN"),
        ("self._kept = 1", "_kept"),
        ("for _, known in pairs: ...", "known"),
        ("class A:\n    LISTED = 1", "LISTED"),
        ("stored = personas.get(persona_id)", "stored"),
        ("chosen: str = choice()", "chosen"),
    ],
)
def test_each_kind_of_name_is_looked_at(source: str, name: str) -> None:
    assert [each for _, each in vague_names(source)] == [name]


@pytest.mark.parametrize(
    "source",
    [
        "known_people = 1",
        "is_listed = True",
        "class PersonaNotFound(Exception): ...",
        "class Answer:\n    found: str",
        "row.found()",
    ],
)
def test_adjectives_statements_and_fields_are_fine(source: str) -> None:
    assert vague_names(source) == []
