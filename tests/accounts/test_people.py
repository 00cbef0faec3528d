"""People who were seen, on SQLite and PostgreSQL, and the tables' way into a database that is in use."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from personachat.accounts.identity import Identity, of_claims
from personachat.accounts.people import MOST_ENDED_LOGINS, SeenPeople
from personachat.accounts.person import Person, Role
from personachat.accounts.persona_access import PersonaAccesses, read_once
from personachat.accounts.rights import SHARED, Grant, PersonaAccess
from personachat.conversations.sql import SqlConversations
from personachat.database import schema
from personachat.database.connection import Database
from personachat.errors import DatabaseUnavailable, LoginNeeded
from personachat.history import moving
from personachat.services import Services
from tests.accounts.conftest import key_of, workspace_of
from tests.migrated import migrated_postgres, put_database_in
from tests.personas.store.counting import statements
from tests.postgres import fresh_database

ADA = Person("user:ada", Role.EDITOR, "Ada", "ada@example.com", frozenset({"b", "a"}))


def login(issued_at: float | None) -> Identity:
    found = of_claims({"sub": "ada", "iat": issued_at})
    assert found is not None
    return found


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        with closing(Database(f"sqlite:///{put_database_in(tmp_path / 'data')}")) as made:
            yield made
    else:
        with migrated_postgres() as url, closing(Database(url)) as made:
            yield made


def test_people_rights_and_conversations_are_kept(database: Database) -> None:
    people = SeenPeople(database)
    assert people.find(ADA.key) is None
    people.saw(ADA, login(100), earlier=None)
    people.saw(ADA, login(90), earlier=people.find(ADA.key))  # another device, logged in before
    seen = people.find(ADA.key)
    assert seen is not None
    assert (seen.person, seen.login_at, seen.signed_out_before) == (ADA, 100, None)

    people.sign_out_everywhere(ADA.key)
    lowered = Person(ADA.key, Role.READER, "Ada", "", frozenset())
    people.saw(lowered, login(120), earlier=people.find(ADA.key))
    seen = people.find(ADA.key)
    assert seen is not None
    assert (seen.person, seen.login_at, seen.signed_out_before) == (lowered, 120, 100)
    assert [each.person.key for each in people.all()] == [ADA.key]

    accesses = PersonaAccesses(database)
    private = PersonaAccess("user:ada", "private", prompt_visible=False, grants=(Grant("*", "use"),))
    assert accesses.of("one") == SHARED
    assert accesses.claim("one", private)
    assert not accesses.claim("one", PersonaAccess("user:bo", "private"))
    accesses.put("two", SHARED)
    assert accesses.all() == {"one": private, "two": SHARED}

    with read_once(), statements() as asked:
        assert (accesses.of("one"), accesses.of("three")) == (private, SHARED)
        assert accesses.all() == {"one": private, "two": SHARED}
        assert len(asked) == 1
        PersonaAccesses(database).put("two", private)
        assert accesses.of("two") == private
        accesses.forget("two")
        assert accesses.of("two") == SHARED
    accesses.put("two", SHARED)

    conversations = SqlConversations(database)
    made = conversations.create("browser:one", durable=True)
    moving.move_all(database, before="browser:one", now="user:ada")
    assert (moving.count_of(database, "browser:one"), moving.count_of(database, "user:ada")) == (0, 1)
    assert conversations.get("user:ada", made.id).id == made.id


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_the_tables_come_into_a_database_that_is_in_use(kind: str, tmp_path: Path) -> None:
    if kind == "sqlite":
        _bring_up(f"sqlite:///{tmp_path}/conversations.sqlite3")
    else:
        with fresh_database() as url:
            _bring_up(url)


def _bring_up(url: str) -> None:
    engine = create_engine(url)
    schema.migrate(engine, to="0016")
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO conversations (id, owner, title, has_own_title, kept, pinned, archived, "
                "created_at, updated_at) VALUES ('c', 'browser:x', 'kept', :no, :yes, :no, :no, :now, :now)"
            ),
            {"yes": True, "no": False, "now": "2026-01-01 00:00:00+00:00"},
        )
    engine.dispose()
    with closing(Database(url)) as database:
        assert moving.count_of(database, "browser:x") == 1
        assert SeenPeople(database).all() == ()
        assert PersonaAccesses(database).all() == {}


def test_nothing_is_assumed_of_a_login_while_the_database_is_out(
    team: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = time.time()
    claims = {"iss": "i", "iat": moment, "exp": moment + 99, "email": "ada@example.com"}
    known, stranger = of_claims(claims | {"sub": "1"}), of_claims(claims | {"sub": "2"})
    assert known
    assert stranger
    person = team.admit(known)
    assert person.role is Role.EDITOR
    team.accesses.all()

    def out() -> None:
        raise DatabaseUnavailable("The database can't be reached.")

    monkeypatch.setattr(team.database, "_opened", out)
    assert team.admit(known) == person
    with pytest.raises(DatabaseUnavailable):
        team.admit(stranger)
    assert not team.rights_of(person).may("use", "private")
    assert team.rights_of(person).may("use", "hidden")


def test_a_login_that_was_ended_is_refused_and_a_newer_one_counts(team: Services) -> None:
    moment = time.time()
    claims = {"iss": "i", "sub": "1", "exp": moment + 99, "email": "ada@example.com"}
    old, new = of_claims(claims | {"iat": moment - 9}), of_claims(claims | {"iat": moment - 1})
    assert old
    assert new
    team.seen_people.sign_out_everywhere(team.admit(old).key)
    with pytest.raises(LoginNeeded):
        team.admit(old)
    assert team.admit(new)
    with pytest.raises(LoginNeeded):
        team.admit(old)


def test_whoever_nobody_has_seen_reads_at_most(team: Services) -> None:
    """As where a queued message is sent and its owner is not there."""
    assert team.person_of(key_of("bo")).role is Role.READER
    seen = workspace_of(team, "bo").person
    assert team.person_of(key_of("bo")) == seen
    assert seen.role is Role.EDITOR


# --- several logins of one person ---

STRICT = {"trusted_user_header": "X-User", "trusted_proxies": "127.0.0.1", "default_role": "none"}


def logged_in(**claims: object) -> Identity:
    moment = time.time()
    found = of_claims({"iss": "i", "sub": "1", "iat": moment - 9, "exp": moment + 99, **claims})
    assert found is not None
    return found


@pytest.fixture
def grouped(make_services: Callable[..., Services]) -> Services:
    """Only who is in the group `staff`, or of the department Sales, gets in."""
    return make_services(**STRICT, editors="group:staff,claim:department=Sales,claim:email=ada@example.com")


def test_a_login_that_was_logged_out_of_ends_wherever_its_cookie_is(team: Services) -> None:
    moment = time.time()
    here, there = (logged_in(email="ada@example.com", iat=moment - ago) for ago in (9, 5))
    key = team.admit(here).key
    assert team.admit(there).key == key
    team.seen_people.end_login(key, moment - 9)
    for _ in range(2):
        with pytest.raises(LoginNeeded, match="ended"):
            team.admit(here)
        assert team.admit(there)
    team.seen_people.end_login("user:nobody", moment)


def test_whoever_logs_out_very_often_has_the_logins_before_ended(database: Database) -> None:
    people = SeenPeople(database)
    people.saw(ADA, login(1), earlier=None)
    for issued_at in range(2, MOST_ENDED_LOGINS + 4):
        people.end_login(ADA.key, issued_at)
    seen = people.find(ADA.key)
    assert seen is not None
    assert (len(seen.ended_logins), seen.signed_out_before) == (MOST_ENDED_LOGINS, 3)
    people.end_login(ADA.key, 2)
    again = people.find(ADA.key)
    assert again is not None
    assert again.signed_out_before == 3


def test_a_group_that_the_newest_login_lacks_is_gone_from_the_ones_before(grouped: Services) -> None:
    moment = time.time()
    before = logged_in(groups=["staff", "more"], iat=moment - 9)
    assert grouped.admit(before).groups == {"staff", "more"}
    now = logged_in(groups=["staff"], iat=moment - 5)
    grouped.admit(now)
    assert grouped.admit(before).groups == {"staff"}
    assert grouped.person_of(before.key).groups == {"staff"}
    assert grouped.admit(now).groups == {"staff"}


def test_whoever_is_refused_at_the_newest_login_is_refused_everywhere(grouped: Services) -> None:
    moment = time.time()
    before = logged_in(groups=["staff"], iat=moment - 9)
    grouped.admit(before)
    made = grouped.own_tokens(before.key).create_token(name="t")
    assert grouped.admitted_tokens.find(made.secret)
    with pytest.raises(LoginNeeded, match="no access"):
        grouped.admit(logged_in(groups=[], iat=moment - 5))
    with pytest.raises(LoginNeeded, match="no access"):
        grouped.admit(before)
    assert grouped.admitted_tokens.find(made.secret) is None
    assert grouped.admit(logged_in(groups=["staff"], iat=moment - 1))
    assert grouped.admitted_tokens.find(made.secret)


def test_a_claim_is_known_from_the_newest_login_alone(grouped: Services) -> None:
    moment = time.time()
    before = logged_in(department="Sales", iat=moment - 9)
    assert grouped.admit(before).role is Role.EDITOR
    assert grouped.person_of(before.key).role is Role.EDITOR
    with pytest.raises(LoginNeeded):
        grouped.admit(logged_in(department="Legal", iat=moment - 5))
    assert grouped.authorization.is_refused(before.key)


def test_a_claim_that_the_settings_stop_naming_gives_no_role_to_tokens(
    make_services: Callable[..., Services],
) -> None:
    services = make_services(**STRICT, admins="claim:department=Sales")
    identity = logged_in(department="Sales")
    services.admit(identity)
    made = services.own_tokens(identity.key).create_token(name="t", role="admin")
    services.close()
    services = make_services(**STRICT, admins="claim:department=Board")
    assert services.admitted_tokens.find(made.secret) is None


@pytest.mark.parametrize("verified", [True, False])
def test_a_claimed_address_counts_only_if_it_is_verified(grouped: Services, *, verified: bool) -> None:
    claimed = logged_in(email="Ada@Example.com", email_verified=verified)
    if verified:
        assert grouped.admit(claimed).role is Role.EDITOR
    else:
        with pytest.raises(LoginNeeded, match="no access"):
            grouped.admit(claimed)
