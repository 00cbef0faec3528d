"""A team behind a proxy: Ada and Bo edit, Cy reads, Rae administers, and a program has a token."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from personachat.accounts.identity import of_header
from personachat.accounts.rights import Grant, PersonaAccess
from personachat.services import Services
from personachat.services.workspace import Workspace
from tests.conftest import persona_text
from tests.conversations.conftest import (  # noqa: F401  # fixtures
    database,
    postgres_database,
    sqlite_database,
)

CANARY = "xylograph-canary"
"""Begins the word that stands in each prompt, and nowhere else; the persona's id ends it."""

TOKEN = "a-service-token-of-many-letters"
PEOPLE = {name: f"{name}@example.com" for name in ("ada", "bo", "cy", "rae")}
TEAM: Mapping[str, Any] = {
    "trusted_user_header": "X-Forwarded-User",
    "trusted_proxies": "127.0.0.1",
    "admins": PEOPLE["rae"],
    "editors": f"{PEOPLE['ada']},{PEOPLE['bo']}",
    "api_tokens": TOKEN,
}
"""Settings."""


def key_of(name: str) -> str:
    identity = of_header(PEOPLE[name])
    assert identity is not None
    return identity.key


def workspace_of(services: Services, name: str) -> Workspace:
    """What somebody can do: a person, "token", or a visitor."""
    if name == "token":
        return services.of("token:" + "0" * 32)
    if name == "visitor":
        return services.of("browser:" + "0" * 32, may_edit=False)
    identity = of_header(PEOPLE[name])
    assert identity is not None
    person = services.admit(identity)
    return services.of(person.key, person=person)


ADA = key_of("ada")
ACCESSES: Mapping[str, PersonaAccess | None] = {
    "common": None,
    "private": PersonaAccess(ADA, "private"),
    "team": PersonaAccess(ADA, "team"),
    "hidden": PersonaAccess(ADA, "everyone", prompt_visible=False),
    "given": PersonaAccess(ADA, "private", grants=(Grant(PEOPLE["bo"], "edit"), Grant(PEOPLE["cy"], "edit"))),
    "shareable": PersonaAccess(ADA, "team", grants=(Grant("@example.com", "share"),)),
    "denied": PersonaAccess(
        ADA,
        "everyone",
        grants=(
            Grant(PEOPLE["bo"], "use", allowed=False),
            Grant(PEOPLE["bo"], "edit"),
            Grant(PEOPLE["cy"], "prompt", allowed=False),
            Grant("@example.com", "prompt"),
            Grant("@example.com", "use"),
        ),
    ),
}
"""The personas, and who may do what."""


def fill(services: Services) -> None:
    """Make them, each of two revisions."""
    for persona_id, access in ACCESSES.items():
        word = f"{CANARY}-{persona_id}"
        for temperature in (0.1, 0.2):
            services.personas.save(
                persona_text(
                    persona_id,
                    systemPrompt=f"You are {word}.",
                    temperature=temperature,
                    examples=[{"user": f"u {word}", "assistant": f"a {word}"}],
                    personality={"tone": f"like a {word}", "style": "", "formality": ""},
                    extensions={"other": word},
                    stop=[f"s {word}"],
                    greeting="Good day to you.",
                )
            )
        services.labels.put(persona_id, "production", 1, author="x")
        if access is not None:
            services.accesses.put(persona_id, access)


@pytest.fixture
def team(make_services: Callable[..., Services]) -> Services:
    services = make_services(**TEAM)
    fill(services)
    return services
