"""Tokens that are made here act for a person, with a role, for some personas, as long as they hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import text, update

from personachat.accounts.tables import api_tokens
from personachat.accounts.tokens import Tokens
from personachat.database.connection import Database
from personachat.errors import AdministrationNotAllowed, TokenInvalid, TokenNotFound
from personachat.request_context import RequestContext, current_request
from personachat.services import Services
from personachat.stamps import now
from tests.accounts.conftest import ADA, workspace_of
from tests.api.conftest import served
from tests.conftest import persona_text

OF_THE_SETTINGS = "a-token-that-is-long-enough"


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def test_a_token_is_known_by_its_hash_alone(database: Database) -> None:
    tokens = Tokens(database)
    made = tokens.create(name="  Nightly\nreport ", owner="user:ada", role="reader", created_by="local")
    found = tokens.find(made.secret)
    assert found
    assert (found.id, found.name, found.owner, found.role) == (
        made.token.id,
        "Nightly report",
        "user:ada",
        "reader",
    )
    assert made.secret not in repr(made)
    with database.read() as connection:
        assert made.secret[3:] not in str(connection.execute(text("SELECT * FROM api_tokens")).all())


def test_it_ends_when_it_is_revoked_or_expires(database: Database) -> None:
    tokens = Tokens(database)
    revoked = tokens.create(name="a", owner="user:ada", role="reader", created_by="local")
    tokens.revoke(revoked.token.id)
    tokens.revoke(revoked.token.id)  # it stays so
    expiring = tokens.create(
        name="b", owner="user:ada", role="reader", created_by="local", expires_at=now() + timedelta(hours=1)
    )
    assert tokens.find(expiring.secret)
    with database.write() as connection:
        connection.execute(update(api_tokens).values(expires_at=now()))
    assert tokens.find(revoked.secret) is None
    assert tokens.find(expiring.secret) is None
    with pytest.raises(TokenNotFound):
        tokens.revoke("nobody")


def test_the_last_use_is_written_once_a_minute(database: Database) -> None:
    tokens = Tokens(database)
    made = tokens.create(name="a", owner="user:ada", role="reader", created_by="local")

    def used() -> Any:
        return tokens.all()[0].used_at

    assert used() is None
    tokens.find(made.secret)
    first = used()
    assert first
    tokens.find(made.secret)
    assert used() == first
    with database.write() as connection:
        connection.execute(update(api_tokens).values(used_at=first - timedelta(minutes=2)))
    tokens.find(made.secret)
    assert used() >= first


@pytest.mark.parametrize(
    "wrong", ["", "pc_", "pc_" + "x" * 43, "pc_" + "x" * 10_000, "pc_é", "pc_\x00", "Bearer"]
)
def test_no_other_word_is_a_token(wrong: str, database: Database) -> None:
    Tokens(database).create(name="a", owner="user:ada", role="reader", created_by="local")
    assert Tokens(database).find(wrong) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": " "},
        {"name": "n" * 101},
        {"owner": ""},
        {"role": "owner"},
        {"personas": frozenset()},
        {"personas": frozenset({"tester"}), "role": "admin"},
        {"expires_at": now() - timedelta(seconds=1)},
    ],
)
def test_what_cannot_be_a_token_is_not_made(wrong: dict[str, Any], sqlite_database: Database) -> None:
    tokens = Tokens(sqlite_database)
    with pytest.raises(TokenInvalid):
        tokens.create(**({"name": "a", "owner": "user:ada", "role": "reader", "created_by": "local"} | wrong))
    assert tokens.all() == []


@pytest.fixture
def client(make_services: Callable[..., Services]) -> Iterator[httpx2.Client]:
    """The API with a token in the settings; local callers need none and administer."""
    services = make_services(api_tokens=OF_THE_SETTINGS, trust_loopback=True)
    services.personas.save(persona_text("other"))
    with served(services) as made:
        yield made


def make(client: httpx2.Client, **more: Any) -> dict[str, Any]:
    made = client.post("/tokens", json={"name": "Report", "owner": "user:ada"} | more)
    assert made.status_code == 201, made.text
    told: dict[str, Any] = made.json()
    return told


def test_it_opens_every_door_and_acts_for_its_person(client: httpx2.Client) -> None:
    made = make(client)
    headers = bearer(made["token"])
    assert (
        client.post("/chat", json={"personaId": "tester", "message": "Hi"}, headers=headers).status_code
        == 200
    )
    assert len(client.get("/conversations", headers=headers).json()["conversations"]) == 1
    assert client.get("/conversations").json()["conversations"] == []
    assert client.get("../v1/models", headers=headers).status_code == 200
    (listed,) = client.get("/tokens").json()["tokens"]
    assert listed["usedAt"] is not None
    assert "token" not in listed
    assert client.get("/conversations", headers=bearer(OF_THE_SETTINGS)).status_code == 200


def test_a_revoked_or_guessed_one_opens_nothing_even_from_here(client: httpx2.Client) -> None:
    made = make(client)
    assert client.delete(f"/tokens/{made['id']}").status_code == 204
    for secret in (made["token"], "pc_" + "x" * 43):
        refused = client.get("/personas", headers=bearer(secret))
        assert (refused.status_code, refused.json()["code"]) == (401, "token_refused")


def test_a_reader_changes_no_persona_and_an_editor_does(client: httpx2.Client) -> None:
    new = json.loads(persona_text("new"))
    reader, editor = (bearer(make(client, role=role)["token"]) for role in ("reader", "editor"))
    assert client.put("/personas/new", json=new, headers=reader).status_code == 403
    assert client.delete("/personas/other", headers=reader).status_code == 403
    assert client.put("/personas/new", json=new, headers=editor).status_code == 201


def test_only_an_admin_token_administers(client: httpx2.Client) -> None:
    for role in ("reader", "editor"):
        headers = bearer(make(client, role=role)["token"])
        for path in ("/audit", "/budgets?all=true"):
            assert client.get(path, headers=headers).status_code == 404
        assert len(client.get("/tokens", headers=headers).json()["tokens"]) == 1
        refused = client.post("/tokens", json={"name": "More"}, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "tokens_not_allowed")
    assert client.get("/tokens", headers=bearer(make(client, role="admin")["token"])).status_code == 200


def test_a_token_never_lets_its_person_do_more_than_they_may_themselves(team: Services) -> None:
    """Somebody who was an admin when the token was made, and is none any more."""
    workspace_of(team, "ada")  # an editor, who was seen
    request = current_request.set(RequestContext(role="admin", token_id="made-before"))
    try:
        assert team.of(ADA).person.role == "editor"
        assert not team.of(ADA).usage.sees_all
        with pytest.raises(AdministrationNotAllowed):
            team.administrator(ADA)
    finally:
        current_request.reset(request)


def test_a_token_of_whoever_sits_here_sees_no_more_than_its_role_lets_it(client: httpx2.Client) -> None:
    others = bearer(make(client)["token"])
    assert (
        client.post("/chat", json={"personaId": "tester", "message": "Hi"}, headers=others).status_code == 200
    )
    reader = bearer(make(client, owner="local", role="reader")["token"])
    admin = bearer(make(client, owner="user:bo", role="admin")["token"])
    while client.get("/usage").json()["total"]["calls"] != 1:
        pass  # it is written a moment later
    assert client.get("/usage", headers=reader).json()["total"]["calls"] == 0
    assert client.get("/usage", headers=admin).json()["total"]["calls"] == 1


def test_personas_out_of_reach_do_not_exist_for_it(client: httpx2.Client) -> None:
    client.post("/personas/other/share")
    client.put("/personas/other/labels/live", json={})
    headers = bearer(make(client, personas=["tester"])["token"])
    listed = client.get("/personas", headers=headers).json()
    assert [each["id"] for each in listed] == ["tester"]
    models = client.get("../v1/models", headers=headers).json()
    assert {each["id"].partition("@")[0] for each in models["data"]} == {"tester"}
    body = json.loads(persona_text("other"))
    for name in ("other", "no-such-one"):
        chat = {"personaId": name, "message": "Hi"}
        completion = {"model": name, "messages": [{"role": "user", "content": "Hi"}]}
        answers = [
            client.get(f"/personas/{name}", headers=headers),
            client.get(f"/personas/{name}/export", headers=headers),
            client.get(f"/personas/{name}/revisions/1", headers=headers),
            client.get(f"/personas/{name}/labels", headers=headers),
            client.get(f"/personas/{name}/lore", headers=headers),
            client.delete(f"/personas/{name}", headers=headers),
            client.post(f"/personas/{name}/rename", json={"id": "mine"}, headers=headers),
            client.put(f"/personas/{name}", json=body | {"id": name}, headers=headers),
            client.post("/chat", json=chat, headers=headers),
            client.post("/chat", json=chat | {"personaId": f"{name}@live"}, headers=headers),
            client.post("../v1/chat/completions", json=completion, headers=headers),
        ]
        assert {answer.status_code for answer in answers} == {404}, [answer.status_code for answer in answers]
    assert (
        client.post("/chat", json={"personaId": "tester", "message": "Hi"}, headers=headers).status_code
        == 200
    )
    assert client.get("/personas/other").status_code == 200


def test_a_budget_of_its_own_limits_it_alone(client: httpx2.Client) -> None:
    made = make(client, budget={"per": "day", "unit": "replies", "most": 1})
    headers, chat = bearer(made["token"]), {"personaId": "tester", "message": "Hi"}
    answers = [client.post("/chat", json=chat, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert answers[1].json()["detail"].startswith("Today's budget of 1 reply for this API token is used up.")
    assert client.post("/chat", json=chat, headers=bearer(make(client)["token"])).status_code == 200


def test_what_is_done_with_tokens_is_in_the_audit_without_the_secret(client: httpx2.Client) -> None:
    made = make(client, role="reader")
    client.delete(f"/tokens/{made['id']}")
    client.delete(f"/tokens/{made['id']}")
    told = client.get("/audit", params={"kind": "token"})
    assert [event["action"] for event in told.json()["events"]] == ["revoked", "created"]
    assert made["token"] not in told.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"role": "owner"},
        {"personas": []},
        {"expiresAt": "2020-01-01T00:00:00Z"},
        {"expiresAt": "2099-01-01T00:00:00"},
        {"budget": {"per": "minute", "unit": "usd", "most": 1}},
        {"secret": "mine"},
    ],
)
def test_a_wrong_wish_makes_no_token(wrong: dict[str, Any], client: httpx2.Client) -> None:
    assert client.post("/tokens", json={"name": "Report"} | wrong).status_code == 422
    assert client.get("/tokens").json() == {"tokens": []}


def test_without_tokens_in_the_settings_only_local_callers_need_none(services: Services) -> None:
    with served(services) as client:
        secret = make(client)["token"]
        elsewhere = {"Host": "chat.example.com"}
        assert client.get("/personas").status_code == 200
        assert client.get("/personas", headers=elsewhere).status_code == 421
        assert client.get("/personas", headers=elsewhere | bearer(secret)).status_code == 200


def test_a_database_that_is_out_refuses_it_for_a_moment(client: httpx2.Client, services: Services) -> None:
    secret = make(client)["token"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Tokens, "find", _out)
        refused = client.get("/personas", headers=bearer(secret))
        assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
        assert refused.headers["retry-after"] == "5"
        assert client.get("../v1/models", headers=bearer(secret)).status_code == 503


def _out(*_: Any) -> None:
    from personachat.errors import DatabaseUnavailable

    raise DatabaseUnavailable("The database can't be reached.")
