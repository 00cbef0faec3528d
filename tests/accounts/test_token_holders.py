"""A token reaches as far as its person does today: by today's lists, and not at all where they are gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from personachat.accounts.identity import of_claims
from personachat.accounts.person import Person, Role
from personachat.accounts.roles import RoleRules
from personachat.services import Services
from tests.accounts.conftest import ADA, PEOPLE, TEAM, fill, key_of, workspace_of
from tests.api.conftest import served
from tests.fake_provider import FakeProvider, Gate, tokens


def made(services: Services, name: str, **more: Any) -> dict[str, str]:
    person = workspace_of(services, name).person
    desk = services.own_tokens(person.key, person=person)
    return {"Authorization": f"Bearer {desk.create_token(name='a', **more).secret}"}


@pytest.mark.parametrize(
    ("settings", "status"),
    [
        ({}, {"own": 200, "create": 201}),
        ({"editors": PEOPLE["bo"]}, {"own": 200, "create": 403}),  # lowered to a reader
        (
            {"editors": PEOPLE["bo"], "default_role": "none"},
            {"own": 401, "create": 401},
        ),  # refused
    ],
)
def test_a_change_of_the_lists_counts_for_tokens_at_once(
    settings: dict[str, Any], status: dict[str, int], make_services: Callable[..., Services]
) -> None:
    before = make_services(**TEAM)
    fill(before)
    headers = made(before, "ada", role="editor")
    before.close()
    with served(make_services(**{**TEAM, **settings})) as client:
        assert client.get("/personas/common", headers=headers).status_code == status["own"]
        new: dict[str, Any] = {"id": "new", "name": "New", "systemPrompt": "Be kind.", "model": "gpt-6-luna"}
        new |= {"description": "", "temperature": 0.7, "maxTokens": 100}
        assert client.put("/personas/new", json=new, headers=headers).status_code == status["create"]


def test_the_token_of_somebody_who_is_erased_opens_nothing(team: Services) -> None:
    headers = made(team, "ada")
    rae = workspace_of(team, "rae").person
    with served(team) as client:
        assert client.get("/personas", headers=headers).status_code == 200
        team.administrator(key_of("rae"), person=rae).erase_person(ADA)
        refused = client.get("/personas", headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (401, "token_refused")


def test_a_token_that_is_revoked_during_a_reply_ends_with_it(team: Services, fake: FakeProvider) -> None:
    """The reply was allowed when it began: it goes on to its end and is kept. Nothing else is answered."""
    person = workspace_of(team, "ada").person
    desk = team.own_tokens(ADA, person=person)
    token = desk.create_token(name="a")
    headers = {"Authorization": f"Bearer {token.secret}"}
    gate = Gate()
    fake.enqueue(tokens(["first ", gate, "last"]))
    body = {"personaId": "common", "message": "Hi"}
    with served(team) as client:
        streaming = headers | {"Accept": "text/event-stream"}
        with client.stream("POST", "/chat", json=body, headers=streaming) as answer:
            assert answer.status_code == 200, answer.read()
            gate.wait_reached()
            desk.revoke_token(token.token.id)
            assert client.get("/personas", headers=headers).status_code == 401
            gate.open()
            streamed = answer.read().decode()
        assert "last" in streamed
        assert client.post("/chat", json=body, headers=headers).status_code == 401
    (summary,) = team.of(ADA, person=person).library.list(limit=5).conversations
    assert summary.title


ADMIN = Person("user:a", Role.ADMIN, "Ada", "ada@example.com", frozenset({"admins"}))


@pytest.mark.parametrize(
    ("rules", "role"),
    [
        (RoleRules(admins=("ada@example.com",)), Role.ADMIN),
        (RoleRules(admins=("group:admins",)), Role.ADMIN),
        (RoleRules(admins=("group:others",), editors=("@example.com",)), Role.EDITOR),
        (RoleRules(), Role.READER),
        (RoleRules(default=None), None),
        (
            RoleRules(admins=("claim:department=IT",), default=None),
            None,
        ),  # the newest login had no such claim
        (RoleRules(editors=("claim:department=IT",)), Role.READER),
    ],
)
def test_somebody_who_was_seen_has_the_role_of_todays_lists(rules: RoleRules, role: Role | None) -> None:
    found = rules.still(ADMIN)
    assert found == (None if role is None else replace(ADMIN, role=role))


@pytest.mark.parametrize(
    "claims",
    [
        {"email": ["ada@example.com"], "groups": {"admins": True}},
        {"email": {"address": "ada@example.com"}, "groups": "others,admins"},
        {"email": "ada@example.com", "email_verified": "false", "groups": [["admins"]]},
        {"email": "ada@example.com", "email_verified": None, "groups": 7},
        {"email": "ada@example.com\x00@evil.example", "groups": None},
        {"email": "\u0430da@example.com", "groups": ["Admins", "admins "]},
        {"email": "evil@example.com@elsewhere.example", "groups": [None, 1, True]},
        {"preferred_username": "ada@example.com", "upn": "ada@example.com", "name": "ada@example.com"},
    ],
)
def test_claims_of_an_odd_kind_give_no_role(claims: dict[str, Any]) -> None:
    identity = of_claims({"iss": "https://id.example", "sub": "1", "iat": 1, "exp": 9e9} | claims)
    assert identity
    rules = RoleRules(admins=("ada@example.com", "group:admins"), editors=("@example.com",), default=None)
    assert rules.person(identity) is None
