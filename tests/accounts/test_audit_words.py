"""What the audit says reads like a sentence, whatever was done."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from personachat.accounts.audit import AuditEvent
from personachat.accounts.audit_words import deed, details
from personachat.services import Services
from tests.accounts.conftest import key_of, workspace_of

ADA = "user:" + "a" * 32


def event(action: str, kind: str, target: str = "", **known: Any) -> AuditEvent:
    return AuditEvent(
        id=1,
        at=datetime(2026, 1, 2, tzinfo=UTC),
        actor="user:bo",
        actor_name="Bo",
        action=action,
        kind=kind,
        target=target,
        before=known.get("before"),
        after=known.get("after"),
    )


TUTOR = {"name": "Tutor", "etag": "e"}
BUDGET = {"scope": "person", "name": ADA, "per": "month", "unit": "usd", "most": 5.0}
TOKEN = {"name": "Nightly", "owner": ADA, "role": "reader", "personas": ["tutor"], "expires": "2027-01-02T00"}
RULE = {"who": "bo@example.com", "right": "edit", "allowed": True}
ACCESS = {"owner": "", "visibility": "everyone", "prompt_visible": True, "grants": []}


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (event("created", "persona", "tutor", after=TUTOR), "created the persona Tutor (tutor)"),
        (
            event("saved", "persona", "tutor", before={"etag": "d"}, after=TUTOR),
            "changed the persona Tutor (tutor)",
        ),
        (event("deleted", "persona", "tutor", before={"etag": "d"}), "deleted the persona tutor"),
        (
            event("renamed", "persona", "new", before={"id": "old"}, after={"id": "new"}),
            "renamed the persona old to new",
        ),
        (
            event("labelled", "persona", "tutor", after={"label": "live", "revision": 3}),
            "labelled revision 3 of the persona tutor as live",
        ),
        (event("exported", "persona", after={"count": 3, "ids": []}), "exported 3 personas"),
        (event("shared", "persona", "tutor"), "created a link to the persona tutor"),
        (event("created", "template", "own-tutor"), "created the template own-tutor"),
        (event("deleted", "conversation", "c1"), "deleted a conversation"),
        (event("imported", "conversation", after={"count": 2, "ids": []}), "imported 2 conversations"),
        (event("deleted", "message", "m1", before={"conversation": "c1"}), "deleted a message"),
        (event("created", "budget", "b", after=BUDGET), "set a budget of $5.00 per month for Ada"),
        (
            event("deleted", "budget", "b", before=BUDGET | {"scope": "role", "name": ""}),
            "removed a budget of $5.00 per month for each role",
        ),
        (event("created", "token", "t", after=TOKEN), "created the API token Nightly for Ada"),
        (
            event("revoked", "token", "t", before=TOKEN | {"owner": "user:bo"}),
            "revoked the API token Nightly",
        ),
        (
            event("changed", "right", "tutor", before=ACCESS, after=ACCESS),
            "changed the access to the persona tutor",
        ),
        (
            event("changed", "setting", "server", before={"A": "b"}),
            "started the server with changed settings",
        ),
        (event("changed", "setting", "server", after={"A": "b"}), "started the server"),
        (
            event("created", "budget", "b", after=BUDGET | {"scope": "token", "name": "t"}),
            "set a budget of $5.00 per month for the API token Nightly",
        ),
        (event("exported", "person", ADA), "exported all data of Ada"),
        (
            event("deleted", "person", "user:bbbb", before={"conversations": 1}),
            "deleted all data of User bbbb, including 1 conversation",
        ),
        (
            event("created", "backup", "server", after={"file": "all.zip", "bytes": 3_400_000}),
            "created a backup: all.zip, 3.4 MB",
        ),
        (event("thrown", "stone", "far"), "thrown stone far"),
        (event("created", "budget", "b", after={}), "created budget b"),
    ],
)
def test_a_deed_is_a_sentence(found: AuditEvent, words: str) -> None:
    assert deed(found, {ADA: "Ada", "t": "Nightly"}) == words


def test_a_change_of_access_says_what_changed() -> None:
    after = {"owner": ADA, "visibility": "team", "prompt_visible": False, "grants": [RULE]}
    assert details(event("changed", "right", "tutor", before=ACCESS, after=after)) == [
        "everyone who is logged in can use it",
        "its prompt is hidden",
        "its owner is User aaaa",
        "bo@example.com can edit it",
    ]
    assert details(event("changed", "right", "tutor", before=after, after=after | {"grants": []})) == [
        "removed: bo@example.com can edit it"
    ]


def test_a_change_of_settings_says_from_what_to_what() -> None:
    before = {"PERSONACHAT_PUBLIC": None, "PERSONACHAT_MAX_TOKENS": "100"}
    after = {"PERSONACHAT_PUBLIC": "yes", "PERSONACHAT_OTHER": "unchanged"}
    assert details(event("changed", "setting", "server", before=before, after=after)) == [
        "PERSONACHAT_PUBLIC: not set → yes",
        "PERSONACHAT_MAX_TOKENS: 100 → not set",
    ]


def test_what_the_product_does_is_known_to_it(team: Services) -> None:
    """Each kind of event as it is written, not as this test thinks that it is."""
    ada = workspace_of(team, "ada")
    ada.collection.set_access("private", team.accesses.of("team"))
    own = team.own_tokens(key_of("ada"), person=ada.person)
    own.revoke_token(own.create_token(name="Nightly").token.id)
    for found in team.audit.page():
        assert deed(found) != f"{found.action} {found.kind} {found.target}".strip()
