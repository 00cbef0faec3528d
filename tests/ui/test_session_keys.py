"""Keys of the session: what one module remembers is no other module's, and no other module's widget."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

from streamlit.testing.v1 import AppTest

UI = Path(__file__).parent.parent.parent / "personachat" / "ui"
METHODS = {f"st.session_state.{name}" for name in ("get", "pop", "setdefault")}


def text_of(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def remembered(tree: ast.AST) -> set[str]:
    """The raw keys by which a module reads or writes st.session_state."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "st.session_state":
            found.add(text_of(node.slice))
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in METHODS and node.args:
            found.add(text_of(node.args[0]))
    return {each for each in found if each}


def of_widgets(tree: ast.AST) -> set[str]:
    words = (node for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "key")
    return {each for word in words if (each := text_of(word.value))}


def test_no_two_modules_use_the_same_key_of_the_session() -> None:
    by_key = defaultdict(set)
    for file in UI.rglob("*.py"):
        tree = ast.parse(file.read_text("utf-8"))
        for key in (remembered(tree) | of_widgets(tree)) - {"touch"}:  # that is only looked at, for the look
            by_key[key].add(str(file.relative_to(UI)))

    keys = set().union(*(remembered(ast.parse(file.read_text("utf-8"))) for file in UI.rglob("*.py")))
    assert {key: files for key, files in by_key.items() if key in keys and len(files) > 1} == {}


def test_thumbs_that_are_asked_for_in_a_chat_do_not_filter_the_history() -> None:
    def rate() -> None:
        from personachat.ui.chat import actions
        from personachat.ui.chat.state import chat_state

        actions.open_rating("turn-1")
        assert chat_state().rated_turn == "turn-1"

    page = AppTest.from_function(rate).run()

    assert not page.exception
    assert "rating" not in page.session_state
