"""What Streamlit is given for a picture, in the source: nothing from elsewhere that was not checked."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit import url_util

from personachat.ui import frame

ROOT = Path(__file__).resolve().parents[2]
DRAWING = sorted(
    [
        *ROOT.glob("personachat/ui/**/*.py"),
        *ROOT.glob("pages/*.py"),
        ROOT / "Home.py",
        ROOT / "personachat/server.py",
    ]
)
PICTURES = {"icon", "avatar", "page_icon"}
CHECKED = {"drawable", "face", "face_of_turn"}
OURS = {
    "row.avatar": "persona_rows makes it with drawable",
    "frame.ICON": "the product's own file",
    "notice.icon": "checked where the notice is made",
}


def pictures(tree: ast.AST) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from (keyword.value for keyword in node.keywords if keyword.arg in PICTURES)
            if ast.unparse(node.func) == "Notice":
                yield from node.args[2:3]


def is_ours(value: ast.expr) -> bool:
    """Whether a value can only be a literal, a constant of a module, or what was checked."""
    match value:
        case ast.Constant():
            return True
        case ast.IfExp():
            return is_ours(value.body) and is_ours(value.orelse)
        case ast.BoolOp():
            return all(map(is_ours, value.values))
        case ast.JoinedStr():
            return ast.unparse(value) == "f':material/{icon}:'"
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(value=ast.Name(id="faces"), attr=name)):
            return name in CHECKED
        case ast.Subscript(value=ast.Name(id=name)) | ast.Name(id=name) if name.isupper():
            return True
        case ast.Attribute():
            return ast.unparse(value) in OURS
        case ast.Name(id=name):
            return name == "icon"  # a parameter of ours, or taken from a table of ours
    return False


@pytest.mark.parametrize("file", DRAWING, ids=lambda file: file.stem)
def test_every_icon_and_avatar_is_the_products_own_or_was_checked(file: Path) -> None:
    tree = ast.parse(file.read_text())
    assert [ast.unparse(value) for value in pictures(tree) if not is_ours(value)] == []


def test_the_products_icon_is_hashed_under_pythons_lock() -> None:
    """Streamlit does so twice in each run; from 2,048 bytes on the thread would lose its turn each time."""
    assert len(frame.ICON) < 2_000  # there is a little more in the messages


def test_the_products_icon_is_no_picture_to_be_opened_in_each_run() -> None:
    assert url_util.is_url(frame.ICON, ("data",))
