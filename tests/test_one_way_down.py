"""Pages, API, /v1, MCP and commands call the workspace; what it is made of is not theirs to reach into."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SURFACES = ("personachat/ui", "personachat/api", "personachat/cli", "pages")
BELOW = {"answers", "database", "providers", "store_of", "store_for", "store_with"}
"""What Services and ChatService are made of, by the names of their attributes."""


def reached(source: str) -> Iterator[str]:
    """The attributes of services or of a workspace that lead below them."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in BELOW and "services" in ast.unparse(node.value):
            yield ast.unparse(node)


@pytest.mark.parametrize("folder", SURFACES)
def test_no_surface_reaches_below_the_services(folder: str) -> None:
    found = {
        f"{file.relative_to(ROOT)}: {each}"
        for file in (ROOT / folder).rglob("*.py")
        for each in reached(file.read_text("utf-8"))
    }

    assert not found


@pytest.mark.parametrize(
    "line",
    [
        "services_of(request).answers.conversations.store_with(message_id).turn(owner, message_id)",
        "session.services().answers.replies.preview(persona, path)",
        "services.database.read()",
        "services.providers.resolve(persona.model)",
    ],
)
def test_a_second_way_down_is_noticed(line: str) -> None:
    assert list(reached(line))
