"""Everybody reads templates, so making one of a persona takes the right to share it, and is in the audit."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from personachat.accounts.audit import AuditFilter
from personachat.errors import EditingNotAllowed, PersonaNotFound
from personachat.services import Services
from tests.accounts.conftest import CANARY, TEAM, fill, workspace_of


@pytest.fixture
def services(make_services: Callable[..., Services]) -> Services:
    made = make_services(**TEAM)
    fill(made)
    return made


@pytest.mark.parametrize("persona_id", ["given", "team", "hidden"])
def test_what_somebody_may_not_share_becomes_no_template(services: Services, persona_id: str) -> None:
    bo = workspace_of(services, "bo")
    persona = bo.personas.get(persona_id).persona
    with pytest.raises(EditingNotAllowed):
        bo.gallery.save(persona, author=bo.author)
    assert not [each for each in services.gallery.all() if each.own]


def test_what_somebody_may_not_use_becomes_no_template(services: Services) -> None:
    persona = workspace_of(services, "ada").personas.get("private").persona
    bo = workspace_of(services, "bo")
    with pytest.raises(PersonaNotFound):
        bo.gallery.save(persona, author=bo.author)


def test_nobody_puts_the_shell_of_a_hidden_persona_in_the_place_of_its_template(services: Services) -> None:
    ada, bo = workspace_of(services, "ada"), workspace_of(services, "bo")
    made = ada.gallery.save(ada.personas.get("hidden").persona, author=ada.author)
    with pytest.raises(EditingNotAllowed):
        bo.gallery.save(bo.personas.get("hidden").persona, author=bo.author)
    assert CANARY in services.gallery.get(made.id).persona.system_prompt


@pytest.mark.parametrize(
    ("name", "persona_id"), [("ada", "private"), ("bo", "shareable"), ("bo", "common"), ("rae", "given")]
)
def test_who_may_share_may_make_a_template_and_the_audit_says_so(
    services: Services, name: str, persona_id: str
) -> None:
    here = workspace_of(services, name)
    made = here.gallery.save(here.personas.get(persona_id).persona, author=here.author)
    deleted = here.gallery.delete(made.id)
    here.gallery.put_back(deleted, author=here.author)
    events = services.audit.page(AuditFilter(kind="template"))[::-1]
    assert [(event.actor, event.action, event.target) for event in events] == [
        (here.owner, action, f"own-{persona_id}") for action in ("created", "deleted", "restored")
    ]
    assert CANARY not in str(events)
