"""Which role a login has, and how long it counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from personachat.accounts.identity import Identity, login_counts, of_claims, of_header, of_host
from personachat.accounts.person import Role
from personachat.accounts.roles import RoleRules
from personachat.errors import SettingsInvalid
from personachat.settings import load_settings

ADA = {"iss": "https://id.example", "sub": "1", "email": "ada@example.com", "name": "Ada"}
RULES = RoleRules(
    admins=("ada@example.com", "group:Persona Admins"),
    editors=("@example.com", "claim:department=Sales", "claim:realm_access.roles=writer"),
    readers=("@guests.example",),
    default=None,
)


def account(**claims: Any) -> Identity:
    found = of_claims({**ADA, **claims})
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("claims", "role"),
    [
        ({}, Role.ADMIN),
        ({"email": "ADA@Example.COM"}, Role.ADMIN),
        ({"email": "bo@example.com"}, Role.EDITOR),
        ({"email": "bo@EXAMPLE.com"}, Role.EDITOR),
        ({"email": "bo@guests.example"}, Role.READER),
        ({"email": "bo@elsewhere.example"}, None),
        ({"email": "bo@sub.example.com"}, None),
        ({"email": "bo@notexample.com"}, None),
        ({"email": "ada@example.com.evil.example"}, None),
        ({"email": "x@evil.example,ada@example.com"}, None),
        ({"email": "evil@evil.example@example.com"}, None),
        ({"email": "ada@example.com ", "email_verified": True}, Role.ADMIN),
        ({"email_verified": False}, None),
        ({"email_verified": "false"}, None),
        ({"email_verified": 0}, None),
        ({"email_verified": None}, None),
        ({"email": "\u212ada@example.com".replace("\u212a", "a\u0301")}, None),
        ({"email": "ad\uff41@example.com"}, None),
        ({"email": None}, None),
        ({"email": ["ada@example.com"]}, None),
        ({"email": "", "groups": ["Persona Admins"]}, Role.ADMIN),
        ({"email": "", "groups": "Persona Admins"}, Role.ADMIN),
        ({"email": "", "groups": ["persona admins"]}, None),
        ({"email": "", "groups": ["Persona Admins, others"]}, None),
        ({"email": "", "groups": {"Persona Admins": True}}, None),
        ({"email": "", "department": "Sales"}, Role.EDITOR),
        ({"email": "", "department": "Sales team"}, None),
        ({"email": "", "realm_access": {"roles": ["writer"]}}, Role.EDITOR),
    ],
)
def test_the_greatest_list_that_names_somebody_decides(claims: dict[str, Any], role: Role | None) -> None:
    person = RULES.person(account(**claims))

    assert (person and person.role) == role


def test_an_address_that_looks_like_a_listed_one_is_another() -> None:
    rules = RoleRules(admins=("back@example.com",), default=None)
    assert rules.person(account(email="bac\u212a@example.com")) is None  # the Kelvin sign in lower case is k


def test_groups_may_be_under_another_claim() -> None:
    rules = RoleRules(admins=("group:ops",), default=Role.READER, groups_claim="https://id.example/groups")
    person = rules.person(account(**{"https://id.example/groups": ["ops"]}))
    assert person is not None
    assert person.role is Role.ADMIN
    assert person.groups == {"ops"}


def test_unknown_people_have_the_default_role() -> None:
    person = RoleRules(default=Role.EDITOR).person(account())
    assert person is not None
    assert person.role is Role.EDITOR


@pytest.mark.parametrize("variable", ["admins", "editors", "readers"])
@pytest.mark.parametrize("rule", ["ada", "example.com", "*", "group:", "claim:x", "ada@", "a b@x.example"])
def test_what_cannot_be_a_rule_stops_the_start(variable: str, rule: str) -> None:
    with pytest.raises(SettingsInvalid, match=f"PERSONACHAT_{variable.upper()}"):
        load_settings(**{variable: rule})


def test_rules_are_separated_by_commas_and_groups_may_have_spaces() -> None:
    settings = load_settings(admins="ada@example.com, group:Persona Admins,\n@ops.example")
    assert settings.admins == ("ada@example.com", "group:Persona Admins", "@ops.example")


# --- keys ---


def test_nobody_gets_the_key_of_somebody_else() -> None:
    identities = [
        account(),
        account(sub="2"),
        account(iss="https://other.example"),
        account(sub="ada@example.com"),
        of_claims({"email": "ada@example.com"}),
        of_claims({"iss": "header\0", "sub": "ada@example.com"}),
        of_header("ada@example.com"),
        of_header("https://id.example 1"),
        of_header("1"),
        of_header("ada"),
        of_host("ada@example.com"),
    ]
    keys = [identity.key for identity in identities if identity]
    assert len(set(keys)) == len(keys)
    assert all(key.startswith("user:") for key in keys)


def test_a_key_stays_whatever_else_the_provider_says() -> None:
    assert account().key == account(email="new@example.com", name="Countess", groups=["x"]).key


@pytest.mark.parametrize("value", ["", " ", "ada, root", "ada root", "ada\nroot", "a" * 400, "ada\x00"])
def test_a_header_that_is_not_one_name_names_nobody(value: str) -> None:
    assert of_header(value) is None


@pytest.mark.parametrize(
    "claims", [{}, {"sub": ""}, {"sub": None}, {"email": "ada@x", "email_verified": "no"}]
)
def test_claims_that_name_nobody(claims: dict[str, Any]) -> None:
    assert of_claims(claims) is None


# --- how long ---

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
THEN = NOW.timestamp()


@pytest.mark.parametrize(
    ("claims", "lasts", "signed_out", "counts"),
    [
        ({"iat": THEN - 10, "exp": THEN + 10}, None, None, True),
        ({"iat": THEN - 10, "exp": THEN}, None, None, False),
        ({"iat": THEN - 10, "exp": THEN - 1}, None, None, False),
        ({"iat": THEN - 10}, None, None, False),
        ({}, None, None, False),
        ({"exp": "9999999999"}, None, None, False),
        ({"exp": True}, None, None, False),
        ({"iat": THEN - 10, "exp": THEN - 1}, 1, None, True),
        ({"iat": THEN - 3600, "exp": THEN + 10}, 1, None, False),
        ({"exp": THEN + 10}, 1, None, False),
        ({"iat": THEN + 30, "exp": THEN + 90}, 1, None, True),
        ({"iat": THEN + 3600}, 1, None, False),
        ({"iat": THEN - 10, "exp": THEN + 10}, None, THEN - 10, False),
        ({"iat": THEN - 10, "exp": THEN + 10}, None, THEN - 11, True),
        ({"exp": THEN + 10}, None, THEN - 100, False),
    ],
)
def test_a_login_counts_until_it_ends(
    claims: dict[str, Any], lasts: float | None, signed_out: float | None, *, counts: bool
) -> None:
    found = of_claims({"sub": "1", **claims})
    assert found is not None
    hours = None if lasts is None else timedelta(hours=lasts)
    assert login_counts(found, now=NOW, lasts=hours, signed_out_before=signed_out) is counts


def test_what_a_proxy_says_does_not_run_out_by_itself() -> None:
    found = of_header("ada")
    assert found is not None
    assert login_counts(found, now=NOW, lasts=timedelta(hours=1), signed_out_before=THEN)
