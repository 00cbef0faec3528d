"""The audit says who did what, whoever the way; it holds no words and never changes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, update

from personachat.accounts.audit import Audit, AuditFilter
from personachat.accounts.budget import Budget
from personachat.accounts.person import Person, Role
from personachat.accounts.rights import Grant, PersonaAccess
from personachat.accounts.tables import audit_events
from personachat.authoring import opening
from personachat.database.connection import Database
from personachat.errors import AdministrationNotAllowed, EditingNotAllowed, PersonaChatError
from personachat.history.audit_table import audit_csv
from personachat.request_context import RequestContext, current_request
from personachat.services import Services
from tests.api.conftest import served
from tests.conftest import local, persona_text
from tests.usage.conftest import over

SECRET = "the-words-that-nobody-may-log"


def told(services: Services, **asked: Any) -> list[tuple[str, str, str]]:
    """Action, kind and target, oldest first."""
    events = services.audit.page(AuditFilter(**asked))
    return [(event.action, event.kind, event.target) for event in reversed(events)]


def test_what_happens_to_a_persona_is_told_by_version_and_without_its_text(services: Services) -> None:
    library = services.of("user:ada").collection
    made = library.create(persona_text("tutor", systemPrompt=SECRET))
    saved = library.save(persona_text("tutor", systemPrompt=f"{SECRET} 2"), etag=made.etag)
    library.save(saved.text, etag=saved.etag)  # nothing new
    library.label("tutor", "live")
    library.share("tutor")
    library.revoke("tutor")
    library.export("tutor", "json")
    library.rename("tutor", "teacher")
    library.restore("teacher", 1)
    library.delete("teacher")
    actions = [action for action, kind, _ in told(services, actor="user:ada") if kind == "persona"]
    assert actions == [
        *("created", "saved", "labelled", "shared", "unshared", "exported", "renamed", "restored", "deleted")
    ]
    events = services.audit.page(AuditFilter(target="tutor"))[::-1]
    assert (events[1].before, events[1].after) == (
        {"etag": made.etag},
        {"name": "Tutor", "etag": saved.etag},
    )
    assert SECRET not in str(services.audit.page())


def test_bulk_work_and_imports_are_told_for_each_persona(services: Services) -> None:
    library = local(services).collection
    for name in ("one", "two"):
        library.create(persona_text(name))
    library.tag(["one", "two"], add=["new"])
    library.delete_all(["one", "two"])
    library.bring_back_all(["one", "two"])
    library.bundle(["one", "two"])
    plan = library.plan_import(persona_text("three").encode(), filename="three.json")
    library.carry_out(plan, {})
    assert told(services, target="one") == [
        ("created", "persona", "one"),
        ("saved", "persona", "one"),
        ("deleted", "persona", "one"),
        ("restored", "persona", "one"),
    ]
    assert ("imported", "persona", "three") in told(services)
    exported = services.audit.page(AuditFilter(action="exported"))[0]
    assert exported.after == {"count": 2, "ids": ["one", "two"]}


def test_conversations_are_told_by_id_alone(services: Services) -> None:
    workspace = services.of("user:ada")
    reply = over(workspace.chat.begin(SECRET, persona_id="tester"))
    chat_id, library = reply.conversation_id, workspace.library
    library.share(chat_id)
    library.revoke(chat_id)
    library.revoke(chat_id)  # there is no link any more
    library.export([chat_id], "json")
    library.delete(chat_id)
    library.restore(chat_id)
    assert told(services, kind="conversation") == [
        (action, "conversation", chat_id)
        for action in ("shared", "unshared", "exported", "deleted", "restored")
    ]
    assert SECRET not in str(services.audit.page())


def test_a_deleted_message_is_told_by_id_and_one_of_a_temporary_chat_is_not(services: Services) -> None:
    workspace = services.of("user:ada")
    reply = over(workspace.chat.begin(SECRET, persona_id="tester"))
    workspace.branches.delete_turn(reply.id)
    workspace.branches.delete_turn(over(workspace.chat.begin("Hi", persona_id="tester", temporary=True)).id)
    (event,) = services.audit.page()
    assert (event.action, event.kind, event.target) == ("deleted", "message", reply.id)
    assert event.before == {"conversation": reply.conversation_id}


def test_who_may_do_what_is_told_as_it_was_and_as_it_is(services: Services) -> None:
    rights = local(services).collection
    hidden = PersonaAccess("user:ada", "team", prompt_visible=False, grants=(Grant("@example.com", "edit"),))
    rights.set_access("tester", hidden)
    rights.set_access("tester", hidden)
    (event,) = [each for each in services.audit.page() if each.kind == "right"]
    assert (event.action, event.target) == ("changed", "tester")
    assert event.before is not None
    assert event.after is not None
    assert (event.before["visibility"], event.after["visibility"]) == ("everyone", "team")
    assert event.after["prompt_visible"] is False
    assert event.after["grants"] == [{"who": "@example.com", "right": "edit", "allowed": True}]


def test_what_was_refused_is_not_told(services: Services) -> None:
    visitor = services.of("browser:81", may_edit=False)
    with pytest.raises(EditingNotAllowed):
        visitor.collection.save(persona_text("other"))
    with pytest.raises(PersonaChatError):
        local(services).library.delete("no-such-chat")
    with pytest.raises(PersonaChatError):
        local(services).collection.delete("no-such-persona")
    assert told(services) == []


def test_changes_over_the_api_and_by_commands_are_told_as_well(services: Services, tmp_path: Path) -> None:
    with served(services) as client:
        assert client.put("/personas/made", json=json.loads(persona_text("made"))).status_code == 201
        assert client.delete("/personas/made").status_code == 204
    with opening.opened(services.settings) as opened:
        opened.collection.create(persona_text("typed"))
    assert told(services) == [
        ("created", "persona", "made"),
        ("deleted", "persona", "made"),
        ("created", "persona", "typed"),
    ]


def test_an_event_says_with_which_token_it_was_done(services: Services) -> None:
    around = current_request.set(RequestContext("req_1", token_id="0123456789"))
    try:
        services.of("user:ada").collection.create(persona_text("made"))
    finally:
        current_request.reset(around)
    assert services.audit.page()[0].actor_name.endswith(" (API token 01234567)")


@pytest.fixture
def audit(database: Database) -> Iterator[Audit]:
    return Audit(database, retention_days=30)  # type: ignore[return-value]  # looser than the types on purpose


def test_events_are_found_by_who_did_what_and_when(audit: Audit) -> None:
    audit.record("user:ada", "shared", kind="persona", target="tutor")
    audit.record("user:bo", "deleted", kind="token", target="t1", actor_name="Bo")
    assert [event.target for event in audit.page()] == ["t1", "tutor"]
    assert [event.target for event in audit.page(AuditFilter(actor="Bo"))] == ["t1"]
    assert [event.target for event in audit.page(AuditFilter(kind="persona", action="shared"))] == ["tutor"]
    assert audit.page(AuditFilter(until=datetime.now(UTC) - timedelta(hours=1))) == []
    newest, oldest = audit.page()
    assert audit.page(before_id=newest.id) == [oldest]
    assert [event.id for event in audit.all()] == [newest.id, oldest.id]


def test_no_event_is_ever_changed_and_old_ones_go(audit: Audit, database: Database) -> None:
    audit.record("user:ada", "shared", kind="persona", target="tutor")
    with pytest.raises(PersonaChatError), database.write() as connection:
        connection.execute(update(audit_events).values(actor="user:bo"))
    assert audit.page()[0].actor == "user:ada"
    audit.forget_old()
    assert len(audit.page()) == 1
    with database.write() as connection:
        row = dict(connection.execute(audit_events.select()).mappings().one())
        connection.execute(delete(audit_events))
        old = row | {"id": 1, "at": row["at"] - timedelta(days=31)}
        connection.execute(audit_events.insert().values(old))
    audit.forget_old()
    assert audit.page() == []


def test_names_that_no_database_takes_are_told_as_far_as_they_can_be(audit: Audit) -> None:
    audit.record("user:\x00\ud800", "saved", kind="persona", target="x" * 999, actor_name="n" * 999)
    (event,) = audit.page()
    assert (len(event.target), len(event.actor_name)) == (300, 160)


def test_the_table_holds_no_formula(audit: Audit) -> None:
    audit.record("user:ada", "saved", kind="persona", target="=cmd|calc", actor_name='=HYPERLINK("x")')
    head, row = csv.reader(io.StringIO("".join(audit_csv(audit.all()))))
    assert (row[head.index("target")], row[head.index("actor_name")]) == ("'=cmd|calc", '\'=HYPERLINK("x")')


def test_who_administers_is_noted_and_nobody_else_gets_anything(services: Services) -> None:
    administrator = services.administrator("local")
    made = administrator.add_budget(Budget(scope="all", period="day", unit="usd", most=2))
    administrator.remove_budget(made.id)
    assert told(services, kind="budget") == [("created", "budget", made.id), ("deleted", "budget", made.id)]
    for owner in ("browser:1", "user:ada", "token:1", ""):
        with pytest.raises(AdministrationNotAllowed):
            services.administrator(owner)
    assert services.administrator("user:ada", person=Person("user:ada", Role.ADMIN))
    with pytest.raises(AdministrationNotAllowed):
        services.administrator("user:ada", person=Person("user:ada", Role.READER))


def test_the_audit_over_http_is_for_administrators(make_services: Callable[..., Services]) -> None:
    token = "a-token-that-is-long-enough"
    services = make_services(api_tokens=token, trust_loopback=True)
    services.audit.record("user:ada", "shared", kind="persona", target="tutor", after={"label": "live"})
    services.audit.record("user:bo", "deleted", kind="persona", target="tutor")
    with served(services) as client:
        page = client.get("/audit", params={"limit": 1}).json()
        assert [event["actor"] for event in page["events"]] == ["user:bo"]
        rest = client.get("/audit", params={"before": page["nextBefore"]}).json()
        assert rest["events"][0]["after"] == {"label": "live"}
        table = client.get("/audit", params={"format": "csv", "action": "shared"})
        assert table.headers["content-type"].startswith("text/csv")
        assert len(list(csv.reader(io.StringIO(table.text)))) == 2
        refused = client.get("/audit", headers={"Authorization": f"Bearer {token}"})
        assert (refused.status_code, refused.json()["detail"]) == (404, "There is nothing at this address.")
