"""What each person may do with each persona, by every way there is to it.

The table is written by hand. Whoever may not even use a persona hears of it what they would hear of one that
never was.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from personachat.accounts.rights import RIGHTS, Grant, PersonaAccess, Right
from personachat.errors import (
    EditingNotAllowed,
    PersonaChatError,
    PersonaExists,
    PersonaNotFound,
    SettingsInvalid,
)
from personachat.personas.store.base import Saving
from personachat.services import Services
from personachat.services.opening import refuse_unasked
from personachat.settings import load_settings
from tests.accounts.conftest import ACCESSES, ADA, CANARY, PEOPLE, TEAM, TOKEN, fill, key_of, workspace_of
from tests.api.conftest import served
from tests.conftest import persona_text

EVERYONE = ("ada", "bo", "cy", "rae", "token", "visitor")
ALL = "use prompt edit share"
MAY: dict[str, dict[str, str]] = {
    #            ada         bo                        cy                     visitor
    "common": {"ada": "use prompt", "bo": "use prompt", "cy": "use prompt", "visitor": "use prompt"},
    "private": {"ada": ALL, "bo": "", "cy": "", "visitor": ""},
    "team": {"ada": ALL, "bo": "use prompt", "cy": "use prompt", "visitor": ""},
    "hidden": {"ada": ALL, "bo": "use", "cy": "use", "visitor": "use"},
    "given": {"ada": ALL, "bo": "use prompt edit", "cy": "use prompt", "visitor": ""},
    "shareable": {"ada": ALL, "bo": "use prompt share", "cy": "use prompt", "visitor": ""},
    "denied": {"ada": ALL, "bo": "", "cy": "use", "visitor": "use prompt"},
}
"""What else: whoever administers, and a token of the settings, may do everything."""


def may(name: str, persona_id: str) -> set[str]:
    return set(MAY[persona_id].get(name, ALL).split())


def test_rights_are_what_the_table_says(team: Services) -> None:
    for name in EVERYONE:
        rights = workspace_of(team, name).rights
        for persona_id in ACCESSES:
            found = {right for right in RIGHTS if rights.may(right, persona_id)}
            assert found == may(name, persona_id), (name, persona_id)


@dataclass(frozen=True)
class Route:
    """A call, and the right it takes. `whole` answers hold the prompt where somebody may see it."""

    right: Right
    method: str
    path: str
    body: Any = None
    shows_prompt: bool = False
    base: str = ""


TEXT = json.loads(persona_text("ID", systemPrompt="changed"))
ROUTES = (
    Route("use", "GET", "/personas/ID", shows_prompt=True),
    Route("use", "GET", "/personas/ID@production", shows_prompt=True),
    Route("use", "GET", "/personas/ID/labels"),
    Route("use", "GET", "/personas/ID/revisions"),
    Route("use", "POST", "/chat", {"message": "hi", "personaId": "ID"}),
    Route("use", "POST", "/chat", {"message": "hi", "personaId": "ID@production"}),
    Route("use", "GET", "/models/ID", base="/v1"),
    Route("use", "GET", "/models/ID@production", base="/v1"),
    Route(
        "use",
        "POST",
        "/chat/completions",
        {"model": "ID", "messages": [{"role": "user", "content": "hi"}]},
        base="/v1",
    ),
    Route("use", "POST", "/responses", {"model": "ID", "input": "hi"}, base="/v1"),
    Route("use", "GET", "/personas/ID/export", shows_prompt=True),
    Route("use", "GET", "/personas/export?ids=ID"),
    Route("share", "POST", "/personas/ID/share"),  # anybody may, of what nobody limited: it is their copy
    Route("share", "POST", "/personas/ID/share?short=true"),
    Route("edit", "PUT", "/personas/ID/labels/staging", {}),
    Route("edit", "POST", "/personas/ID/restore", {"revision": 1}),
    Route("edit", "PUT", "/personas/ID", TEXT),
    Route("edit", "DELETE", "/personas/ID"),
)


@pytest.fixture
def call(make_services: Callable[..., Services]) -> Iterator[Callable[..., httpx2.Response]]:
    services = make_services(**TEAM)
    fill(services)
    with served(services) as client:
        root = str(client.base_url).removesuffix("/").removesuffix("/api")

        def call(name: str, route: Route, persona_id: str) -> httpx2.Response:
            headers: dict[str, str] = {}
            if name == "token":
                headers["Authorization"] = f"Bearer {TOKEN}"
            else:
                headers["X-Forwarded-User"] = PEOPLE[name]
            body = json.loads(json.dumps(route.body).replace("ID", persona_id))
            return client.request(
                route.method,
                f"{root}{route.base or '/api'}{route.path.replace('ID', persona_id)}",
                headers=headers,
                **({} if route.body is None else {"json": body}),
            )

        yield call


@pytest.mark.parametrize("name", ["ada", "bo", "cy", "rae", "token"])
def test_every_route_asks_for_its_right(call: Callable[..., httpx2.Response], name: str) -> None:
    for persona_id in ACCESSES:
        for route in ROUTES:
            allowed = may(name, persona_id)
            if persona_id == "common" and route.path.endswith("/share"):
                allowed = {"use", "prompt", "share"}
            answer = call(name, route, persona_id)
            where = f"{route.method} {route.path} {persona_id}"
            if "use" not in allowed:
                refused = {404, 403} if name == "cy" else {404}  # a reader changes nothing, whatever it is
                assert answer.status_code in refused, where
                if route.body is not TEXT:  # which creates what was not there
                    nobody = call(name, route, "nobody")
                    assert _shape(answer, persona_id) == _shape(nobody, "nobody"), where
            elif route.right not in allowed:
                refusals = {(403, "editing_not_allowed"), (404, "revision_not_found")}
                assert (answer.status_code, answer.json()["code"]) in refusals, where
            else:
                assert answer.is_success, f"{where}: {answer.text}"
            if "prompt" not in allowed:
                assert CANARY not in answer.text, where
            elif route.shows_prompt and route.right in allowed:
                assert CANARY in answer.text, where


def _shape(answer: httpx2.Response, persona_id: str) -> Any:
    said = answer.text.replace(persona_id, "ID")
    found = json.loads(said)
    for each in ("instance", "requestId", "request_id"):
        found.pop(each, None)
    return answer.status_code, found


def test_lists_hold_what_somebody_may_use(call: Callable[..., httpx2.Response]) -> None:
    for name in ("ada", "bo", "cy", "rae", "token"):
        seen = {persona_id for persona_id in ACCESSES if "use" in may(name, persona_id)} | {"tester"}
        personas = call(name, Route("use", "GET", "/personas"), "")
        models = call(name, Route("use", "GET", "/models", base="/v1"), "")
        assert {each["id"] for each in personas.json()} == seen
        assert {each["id"] for each in models.json()["data"] if "@" not in each["id"]} == seen


def test_the_access_of_a_persona_is_for_its_owner_and_admins(call: Callable[..., httpx2.Response]) -> None:
    read = Route("edit", "GET", "/personas/ID/access")
    body = {"visibility": "team", "promptVisible": False, "grants": [{"who": PEOPLE["bo"], "right": "edit"}]}
    write = Route("edit", "PUT", "/personas/ID/access", body)
    for name, status in {"bo": 404, "cy": 404, "ada": 200, "rae": 200, "token": 200}.items():
        assert call(name, read, "private").status_code == status
        assert call(name, write, "private").status_code == status
    assert call("ada", read, "private").json() == body | {
        "owner": ADA,
        "grants": [{"who": PEOPLE["bo"], "right": "edit", "allowed": True}],
    }
    assert call("bo", read, "private").status_code == 403  # who may edit it by now
    assert call("cy", write, "private").status_code == 403
    assert call("ada", read, "nobody").status_code == 404
    taken = Route("edit", "PUT", "/personas/ID/access", body | {"owner": key_of("bo")})
    assert call("ada", taken, "private").status_code == 403
    assert call("rae", taken, "private").status_code == 200
    assert call("ada", read, "private").status_code == 403


def test_a_rule_that_names_nobody_is_refused(call: Callable[..., httpx2.Response]) -> None:
    for who in ("ada", "claim:x=y", "group:", "ada@", "a,b@c.example", "**"):
        body = {"visibility": "team", "grants": [{"who": who, "right": "use"}]}
        answer = call("ada", Route("edit", "PUT", "/personas/ID/access", body), "private")
        assert (answer.status_code, answer.json()["code"]) == (422, "access_invalid")


# --- what somebody creates ---


def test_what_somebody_creates_is_theirs_alone_at_first(team: Services) -> None:
    workspace_of(team, "bo").collection.create(persona_text("fresh"))

    assert "fresh" in {each.id for each in workspace_of(team, "bo").personas.all()}
    assert "fresh" in {each.id for each in workspace_of(team, "rae").personas.all()}
    for name in ("ada", "cy", "visitor"):
        with pytest.raises(PersonaNotFound):
            workspace_of(team, name).personas.get("fresh")


def test_a_reader_and_a_visitor_create_nothing(team: Services) -> None:
    for name in ("cy", "visitor"):
        with pytest.raises(EditingNotAllowed):
            workspace_of(team, name).collection.create(persona_text("fresh"))
    assert team.accesses.all().keys() == {key for key, value in ACCESSES.items() if value}


def test_what_cannot_be_saved_leaves_no_claim_behind(team: Services) -> None:
    with pytest.raises(PersonaChatError):
        workspace_of(team, "bo").collection.create(persona_text("export"))
    with pytest.raises(PersonaExists):
        workspace_of(team, "bo").collection.create(persona_text("common"))
    assert not {"export", "common"} & team.accesses.all().keys()


@pytest.mark.parametrize("way", ["create", "save", "rename", "restore", "bring back"])
def test_the_id_of_a_deleted_persona_gives_nobody_its_history(team: Services, way: str) -> None:
    workspace_of(team, "ada").collection.delete("private")
    bo = workspace_of(team, "bo").collection
    bo.create(persona_text("mine"))
    ways: dict[str, Callable[[], Any]] = {
        "create": lambda: bo.create(persona_text("private")),
        "save": lambda: bo.save(persona_text("private")),
        "rename": lambda: bo.rename("mine", "private"),
        "restore": lambda: bo.restore("private", 1),
        "bring back": lambda: bo.bring_back("private"),
    }
    with pytest.raises(PersonaChatError):
        ways[way]()
    assert bo.history("private") == ()
    assert "private" not in {each.persona_id for each in bo.revisions.deleted()}
    assert workspace_of(team, "ada").collection.bring_back("private").id == "private"


def test_deleted_personas_are_found_below_those_of_others(team: Services) -> None:
    ada, bo = workspace_of(team, "ada").collection, workspace_of(team, "bo").collection
    bo.create(persona_text("mine"))
    bo.delete("mine")
    for persona_id in ("private", "hidden"):
        ada.delete(persona_id)

    assert [each.persona_id for each in bo.revisions.deleted(limit=1)] == ["mine"]
    assert bo.revisions.count_deleted() == 1


@pytest.mark.parametrize("deleted", [False, True])
def test_what_is_imported_or_named_gets_another_id_than_a_hidden_persona(
    team: Services, *, deleted: bool
) -> None:
    """Nobody is told that it "already exists", and nobody gets at it or its history."""
    if deleted:
        workspace_of(team, "ada").collection.delete("private")
    bo = workspace_of(team, "bo")
    (imported,) = bo.collection.carry_out(bo.collection.plan_import(persona_text("private").encode()), {})
    assert imported.saved
    assert imported.saved.id == "private-2"
    named = bo.personas.create(persona_text("private"), saving=Saving(proposes_id=True))
    assert named.id == "private-3"
    assert {"private-2", "private-3"} <= {each.id for each in bo.personas.all()}
    assert bo.collection.history("private") == ()
    assert team.accesses.of("private").owner == ADA
    with pytest.raises(PersonaExists):  # what they can see is said
        bo.personas.create(persona_text("common"), saving=Saving(proposes_id=True))


def test_rights_move_with_a_persona_that_is_renamed(team: Services) -> None:
    workspace_of(team, "ada").collection.rename("private", "moved")

    for persona_id in ("moved", "private"):
        with pytest.raises(PersonaNotFound) as refused:
            workspace_of(team, "bo").personas.get(persona_id)
        assert "moved" not in str(refused.value).replace(f'"{persona_id}"', "")
    assert workspace_of(team, "ada").personas.get("moved").id == "moved"


def test_a_short_link_ends_when_its_persona_is_hidden(team: Services) -> None:
    token = workspace_of(team, "bo").collection.share("shareable").token
    ada = workspace_of(team, "ada").collection
    own = ada.share("shareable").token

    ada.set_access("shareable", PersonaAccess(ADA, "team", prompt_visible=False))

    with pytest.raises(PersonaChatError):
        ada.plan_share(token)
    assert ada.plan_share(own)


def test_a_denial_wins_over_every_grant(team: Services) -> None:
    grants = (
        Grant("@example.com", "use"),
        Grant("*", "edit"),
        Grant(PEOPLE["bo"], "edit"),
        Grant("@example.com", "edit", allowed=False),
    )
    team.accesses.put("team", PersonaAccess(ADA, "everyone", grants=grants))
    with pytest.raises(EditingNotAllowed):
        workspace_of(team, "bo").collection.delete("team")
    workspace_of(team, "ada").collection.delete("team")  # its owner is not bound


def test_an_owner_who_became_a_reader_changes_nothing_more(make_services: Callable[..., Services]) -> None:
    services = make_services(**{**TEAM, "editors": PEOPLE["bo"]})
    fill(services)
    ada = workspace_of(services, "ada")
    assert ada.personas.get("private").persona.system_prompt == f"You are {CANARY}-private."
    for change in (
        lambda: ada.collection.delete("private"),
        lambda: ada.collection.save(persona_text("private")),
        lambda: ada.collection.set_access("private", PersonaAccess(ADA, "everyone")),
    ):
        with pytest.raises(EditingNotAllowed):
            change()


def test_without_a_login_everything_is_as_ever(services: Services) -> None:
    visitor = services.of("browser:somebody")
    visitor.collection.create(persona_text("new"))
    visitor.collection.save(persona_text("tester", name="Other"))
    assert not services.accesses.all()
    assert services.of("browser:another").personas.get("new")


def test_what_was_private_stays_so_when_the_login_is_taken_away(
    team: Services, make_services: Callable[..., Services]
) -> None:
    team.close()
    services = make_services()
    for persona_id in ("private", "team", "given"):
        with pytest.raises(PersonaNotFound):
            services.of("browser:somebody").personas.get(persona_id)
    assert CANARY not in services.of("browser:somebody").personas.get("hidden").text
    assert services.of("local").personas.get("private")


def test_being_at_the_machine_is_not_enough_where_people_log_in(
    make_services: Callable[..., Services],
) -> None:
    """A proxy there, which passes on less than it should, would look the same."""
    for settings, status in (
        ({}, 200),
        ({"require_login": True}, 401),
        ({"require_login": True, "trust_loopback": True}, 200),
        ({"trusted_user_header": "X-User", "trusted_proxies": "127.0.0.1"}, 401),
    ):
        services = make_services(**settings)
        with served(services) as client:
            root = str(client.base_url).removesuffix("/").removesuffix("/api")
            for path in ("/api/personas", "/v1/models"):
                assert client.get(f"{root}{path}").status_code == status, settings
            assert client.get("/health").json()["status"] == "ok"
            if status == 401:
                assert "personas" not in client.get("/health").text
        services.close()


def test_somebody_without_a_role_gets_nothing_over_the_api(make_services: Callable[..., Services]) -> None:
    services = make_services(**{**TEAM, "default_role": "none"})
    with served(services) as client:
        for who in (PEOPLE["cy"], "rae", "rae@example.com.evil.example", "x,rae@example.com"):
            answer = client.get("/personas", headers={"X-Forwarded-User": who})
            assert answer.status_code in {401, 403}, who
        assert client.get("/personas", headers={"X-Forwarded-User": PEOPLE["rae"].upper()}).is_success


def test_a_server_that_requires_a_login_nobody_can_do_does_not_start() -> None:
    with pytest.raises(SettingsInvalid, match="no login is set up"):
        refuse_unasked("127.0.0.1", load_settings(require_login=True))
    proxy = load_settings(require_login=True, trusted_user_header="X-User", trusted_proxies="10.0.0.1")
    refuse_unasked("0.0.0.0", proxy)
