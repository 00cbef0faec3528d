"""Keys of `st.session_state` and of widgets: each has one owner, and a name where two places use it."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = sorted(
    [*(ROOT / "personachat" / "ui").rglob("*.py"), *(ROOT / "pages").glob("*.py"), ROOT / "Home.py"]
)
LOOKS = {"get", "pop", "setdefault"}


class Use(NamedTuple):
    """A key as it is written in one place."""

    module: str
    line: int
    key: ast.expr
    is_state: bool


def uses(module: str, tree: ast.Module) -> Iterator[Use]:
    """Every key that a module gives to a widget or looks up in the session."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and is_state(node.value):
            yield Use(module, node.lineno, node.slice, is_state=True)
        elif isinstance(node, ast.Compare) and any(is_state(each) for each in node.comparators):
            yield Use(module, node.lineno, node.left, is_state=True)
        elif isinstance(node, ast.Attribute) and is_state(node.value) and node.attr not in LOOKS | {"_state"}:
            yield Use(module, node.lineno, ast.Constant(node.attr), is_state=True)
        elif isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute) and is_state(node.func.value) and node.args:
                yield Use(module, node.lineno, node.args[0], is_state=True)
            for keyword in node.keywords:
                if keyword.arg == "key":
                    yield Use(module, node.lineno, keyword.value, is_state=False)


def is_state(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "session_state"


def is_written_out(key: ast.expr) -> bool:
    """Whether it is text, or begins with text, instead of a name."""
    if isinstance(key, ast.JoinedStr):
        return isinstance(key.values[0], ast.Constant)
    return isinstance(key, ast.Constant) and isinstance(key.value, str)


def constants(tree: ast.Module) -> dict[str, str]:
    """What names of a module's own stand for, of those that are text."""
    return {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name) and isinstance(node.value.value, str)
    }


def trees() -> dict[str, ast.Module]:
    return {str(file.relative_to(ROOT)): ast.parse(file.read_text("utf-8")) for file in PAGES}


def test_what_the_session_remembers_is_looked_up_by_name() -> None:
    every = [use for module, tree in trees().items() for use in uses(module, tree)]
    assert len(every) > 300, "the pages give this many keys"
    raw = [f"{use.module}:{use.line}" for use in every if use.is_state and is_written_out(use.key)]
    assert raw == []


def test_no_two_modules_use_the_same_key() -> None:
    owners: defaultdict[str, set[str]] = defaultdict(set)
    for module, tree in trees().items():
        named = constants(tree)
        for use in uses(module, tree):
            if is_written_out(use.key):
                owners[ast.unparse(use.key)].add(module)
            elif isinstance(use.key, ast.Name) and use.key.id in named:
                owners[repr(named[use.key.id])].add(module)
    assert {key: sorted(modules) for key, modules in owners.items() if len(modules) > 1} == {}


def test_a_key_that_is_used_in_two_places_has_a_name() -> None:
    places: defaultdict[str, list[str]] = defaultdict(list)
    for module, tree in trees().items():
        for use in uses(module, tree):
            if is_written_out(use.key):
                places[ast.unparse(use.key)].append(f"{module}:{use.line}")
    assert {key: lines for key, lines in places.items() if len(lines) > 1} == {}


PAGES_WITH_STATE = ("admin", "history", "insights")


def test_what_a_page_remembers_beside_its_widgets_is_a_field_of_its_state() -> None:
    """A constant that is looked up in the session is a widget's key, or the one key of the page's object."""
    stray = []
    for page in PAGES_WITH_STATE:
        folder = ROOT / "personachat" / "ui" / page
        looked_up = [
            use
            for path in sorted(folder.glob("*.py"))
            for use in uses(f"{page}/{path.name}", ast.parse(path.read_text("utf-8")))
            if isinstance(use.key, ast.Name) and use.key.id.isupper()
        ]
        of_widgets = {use.key.id for use in looked_up if not use.is_state and isinstance(use.key, ast.Name)}
        stray += [
            f"{use.module}:{use.line}"
            for use in looked_up
            if use.is_state and isinstance(use.key, ast.Name) and use.key.id not in of_widgets
            if not use.module.endswith("/state.py")
        ]
        assert (folder / "state.py").exists()
    assert stray == []
