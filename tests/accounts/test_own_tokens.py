"""People make, see and revoke tokens of their own, which never reach further than they do themselves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import update

from personachat.accounts.budget import Budget
from personachat.accounts.own_tokens import MOST_VALID, OwnTokens
from personachat.accounts.tables import api_tokens
from personachat.errors import (
    AdministrationNotAllowed,
    BudgetInvalid,
    TokenInvalid,
    TokenNotFound,
    TokensNotAllowed,
)
from personachat.request_context import RequestContext, current_request
from personachat.services import Services
from personachat.stamps import now
from tests.accounts.conftest import ADA, PEOPLE, TOKEN, key_of, workspace_of
from tests.api.conftest import served


def desk(services: Services, name: str) -> OwnTokens:
    person = workspace_of(services, name).person
    return services.own_tokens(person.key, person=person)


@pytest.mark.parametrize(
    ("name", "roles"),
    [
        ("cy", ("reader",)),
        ("ada", ("reader", "editor")),
        ("rae", ("reader", "editor", "admin")),
    ],
)
def test_a_token_has_no_higher_role_than_its_person(
    name: str, roles: tuple[str, ...], team: Services
) -> None:
    own = desk(team, name)
    assert own.roles == roles
    for role in ("reader", "editor", "admin"):
        if role in roles:
            made = own.create_token(name="a", role=role)
            assert (made.token.owner, made.token.role) == (key_of(name), role)
            continue
        with pytest.raises(TokenInvalid, match="higher"):
            own.create_token(name="a", role=role)


@pytest.mark.parametrize("name", ["token", "visitor"])
def test_whoever_is_no_person_has_none(name: str, team: Services) -> None:
    with pytest.raises(AdministrationNotAllowed):
        desk(team, name)


def test_others_tokens_are_neither_seen_nor_revoked_nor_made(team: Services) -> None:
    ada, bo = desk(team, "ada"), desk(team, "bo")
    made = ada.create_token(name="Ada's")
    assert bo.tokens() == []
    for foreign in (made.token.id, "no-such-token"):
        with pytest.raises(TokenNotFound, match="This token doesn't exist"):
            bo.revoke_token(foreign)
    with pytest.raises(TokenInvalid):
        bo.create_token(name="As Ada", owner=ADA)
    assert team.tokens.find(made.secret)
    assert [each.id for each in team.administrator(key_of("rae"), person=admin(team)).tokens()] == [
        made.token.id
    ]


def admin(team: Services) -> Any:
    return workspace_of(team, "rae").person


def test_a_token_is_for_personas_that_its_person_sees(team: Services) -> None:
    """Another's private persona is one that doesn't exist; an administrator sees all."""
    assert desk(team, "ada").create_token(name="Mine", personas=frozenset({"private"})).token.personas
    for unseen in ("private", "misspelt"):
        with pytest.raises(TokenInvalid, match=f'The persona "{unseen}" doesn\'t exist'):
            desk(team, "bo").create_token(name="Theirs", personas=frozenset({unseen}))
    everybodys = team.administrator(key_of("rae"), person=admin(team))
    assert everybodys.create_token(name="For Bo", owner=key_of("bo"), personas=frozenset({"private"}))
    with pytest.raises(TokenInvalid, match='These personas don\'t exist: "a", "b", "c" and 1 more'):
        everybodys.create_token(name="None", personas=frozenset("abcd"))
    assert len(everybodys.tokens()) == 2


def test_a_token_makes_no_other_and_sees_only_itself(team: Services) -> None:
    """Else a stolen one would outlive its end, its personas and its budget."""
    own = desk(team, "ada")
    first, second = own.create_token(name="first"), own.create_token(name="second")
    request = current_request.set(RequestContext(role="editor", token_id=first.token.id))
    try:
        here = team.own_tokens(ADA)
        assert [each.id for each in here.tokens()] == [first.token.id]
        with pytest.raises(TokensNotAllowed):
            here.create_token(name="third")
        with pytest.raises(TokenNotFound):
            here.revoke_token(second.token.id)
        here.revoke_token(first.token.id)
    finally:
        current_request.reset(request)
    assert team.tokens.find(first.secret) is None
    assert team.tokens.find(second.secret)


def test_one_person_has_only_so_many_that_hold(team: Services) -> None:
    own = desk(team, "ada")
    made = [own.create_token(name=f"{number}") for number in range(MOST_VALID)]
    with pytest.raises(TokenInvalid, match="at most"):
        own.create_token(name="one more")
    own.revoke_token(made[0].token.id)
    own.create_token(name="one more")
    with pytest.raises(TokenInvalid, match="at most"):
        own.create_token(name="another")
    desk(team, "bo").create_token(name="somebody else's")


def test_a_budget_comes_and_goes_with_its_token(team: Services) -> None:
    own = desk(team, "ada")
    budget = Budget(scope="all", period="day", unit="usd", most=2)
    made = own.create_token(name="a", budget=budget)
    (kept,) = own.token_budgets()[made.token.id]
    assert (kept.scope, kept.name, kept.most) == ("token", made.token.id, 2)
    own.revoke_token(made.token.id)
    assert not list(team.budgets.all)
    expiring = own.create_token(name="b", budget=budget, expires_at=now() + timedelta(hours=1))
    lasting = own.create_token(name="c", budget=budget)
    with team.database.write() as connection:
        ended = update(api_tokens).where(api_tokens.c.id == expiring.token.id)
        connection.execute(ended.values(expires_at=now() - timedelta(seconds=1)))
    team.budgets.forget_old()
    team.budgets.refresh()
    assert {each.name for each in team.budgets.all} == {lasting.token.id}


def test_budgets_of_tokens_leave_room_for_those_of_administrators(
    team: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("personachat.accounts.budgets.MOST_BUDGETS", 1)
    budget = Budget(scope="token", period="day", unit="usd", most=2)
    for name in ("ada", "bo"):
        desk(team, name).create_token(name="a", budget=budget)
    administrator = team.administrator(key_of("rae"), person=admin(team))
    administrator.add_budget(Budget(scope="all", period="day", unit="usd", most=2))
    with pytest.raises(BudgetInvalid, match="at most 1"):
        administrator.add_budget(Budget(scope="all", period="day", unit="usd", most=3))


def test_what_is_no_budget_makes_no_token(team: Services) -> None:
    own = desk(team, "ada")
    with pytest.raises(BudgetInvalid):
        own.create_token(name="a", budget=Budget(scope="token", period="minute", unit="usd", most=1))
    assert own.tokens() == []


def test_the_audit_names_the_person_and_never_the_secret(team: Services) -> None:
    own = desk(team, "ada")
    made = own.create_token(name="Nightly", budget=Budget(scope="token", period="day", unit="usd", most=1))
    own.revoke_token(made.token.id)
    events = team.audit.page()
    assert [(each.action, each.kind) for each in events] == [
        ("deleted", "budget"),
        ("revoked", "token"),
        ("created", "budget"),
        ("created", "token"),
    ]
    assert {each.actor for each in events} == {ADA}
    assert {each.actor_name for each in events} == {PEOPLE["ada"]}
    assert made.secret not in str(events)


@pytest.fixture
def client(team: Services) -> Iterator[httpx2.Client]:
    with served(team) as made:
        yield made


def test_over_http_people_behind_a_proxy_have_their_own(client: httpx2.Client) -> None:
    ada, bo = ({"X-Forwarded-User": PEOPLE[name]} for name in ("ada", "bo"))
    made = client.post(
        "/tokens", json={"name": "Mine", "budget": {"per": "day", "unit": "usd", "most": 1}}, headers=ada
    )
    assert made.status_code == 201, made.text
    assert client.get("/tokens", headers=bo).json() == {"tokens": []}
    assert client.delete(f"/tokens/{made.json()['id']}", headers=bo).status_code == 404
    (listed,) = client.get("/tokens", headers=ada).json()["tokens"]
    assert listed["budgets"] == [{"per": "day", "unit": "usd", "most": 1.0}]
    own = {"Authorization": f"Bearer {made.json()['token']}"}
    assert client.get("/personas/private", headers=own).status_code == 200
    higher = client.post("/tokens", json={"name": "x", "role": "admin"}, headers=ada)
    assert (higher.status_code, higher.json()["code"]) == (422, "token_invalid")
    assert client.delete(f"/tokens/{made.json()['id']}", headers=ada).status_code == 204
    assert client.get("/personas/private", headers=own).status_code == 401
    service = {"Authorization": f"Bearer {TOKEN}"}
    assert client.get("/tokens", headers=service).status_code == 404
