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


EVERYBODYS = {"personas", "revisions", "labels", "addressed", "completions"}
"""Parts of Services that know nothing of anybody's rights; a workspace has each for one person."""

EXEMPT = {
    "personachat/ui/admin/tokens.py",  # an administrator's list
    "personachat/api/health.py",  # counts, for admins
    "personachat/api/mcp/changes.py",  # only whether the list has changed
    "personachat/ui/faces.py",  # which pictures to load at the start
}


def without_rights(source: str) -> Iterator[str]:
    """The attributes of services that lead around what somebody may see."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in EVERYBODYS:
            above = ast.unparse(node.value)
            if above == "services" or above.endswith(("services()", "services_of(request)", "_services()")):
                yield ast.unparse(node)


@pytest.mark.parametrize("folder", ["personachat/ui", "personachat/api", "pages"])
def test_personas_are_seen_through_somebodys_rights_alone(folder: str) -> None:
    found = {
        f"{name}: {each}"
        for file in (ROOT / folder).rglob("*.py")
        if (name := file.relative_to(ROOT).as_posix()) not in EXEMPT
        for each in without_rights(file.read_text("utf-8"))
    }

    assert not found


@pytest.mark.parametrize(
    "line",
    [
        "services.personas.all()",
        "session.services().revisions.of(x)",
        "services_of(request).addressed.get(name)",
        "get_services().completions.start(x)",
        "self._services().labels.all()",
    ],
)
def test_a_way_around_the_rights_is_noticed(line: str) -> None:
    assert list(without_rights(line))
