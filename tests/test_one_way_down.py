"""Pages, API, /v1, MCP and commands call the workspace; what it is made of is not theirs to reach into."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SURFACES = ("personachat/ui", "personachat/api", "personachat/cli", "pages")
BELOW = {"answers", "database", "providers", "store_of", "store_for", "store_with"}
"""What Services and ChatService are made of, by the names of their attributes."""


OF_EVERYBODY = {"addressed", "collection", "labels", "personas", "revisions"}
"""What a workspace has through its owner's rights, and Services without any."""
MAY_SEE_ALL = {
    "personachat/api/health.py",  # counts, and names none
    "personachat/api/mcp/changes.py",  # a number by which changes are noticed
    "personachat/ui/admin/tokens.py",  # an administrator's
    "personachat/ui/faces.py",  # pictures to have ready, by the hash of what they show
}


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


def around_rights(source: str) -> Iterator[str]:
    """The attributes of services that a workspace has as well, but not for everybody."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in OF_EVERYBODY:
            value = ast.unparse(node.value)
            if re.fullmatch(r"(\w+\.)*_?(get_|built_)?services(_of)?(\([^()]*\))?", value):
                yield ast.unparse(node)


@pytest.mark.parametrize("folder", ["personachat/ui", "personachat/api", "pages"])
def test_every_page_and_endpoint_sees_the_personas_through_somebodys_rights(folder: str) -> None:
    found = {
        f"{name}: {each}"
        for file in (ROOT / folder).rglob("*.py")
        if (name := file.relative_to(ROOT).as_posix()) not in MAY_SEE_ALL
        for each in around_rights(file.read_text("utf-8"))
    }

    assert not found


@pytest.mark.parametrize(
    "line",
    [
        "services.personas.all()",
        "session.services().addressed.get(persona_id)",
        "services_of(request).revisions.of(persona_id)",
        "self._services().labels.of(persona_id)",
    ],
)
def test_a_way_around_rights_is_noticed(line: str) -> None:
    assert list(around_rights(line))


def test_a_workspace_is_no_way_around_rights() -> None:
    assert not list(around_rights("services_of(request).of(owner).personas.all()"))


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
