"""Who may log in, who an owner is, and what that person may do with each persona.

Nobody gets more than their own role: a token can only reduce it. An unknown owner may read at most.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from personachat.accounts.identity import Identity, login_counts
from personachat.accounts.people import SeenPeople, SeenPerson
from personachat.accounts.person import Person, Role, local_person
from personachat.accounts.person_pictures import PersonPictures
from personachat.accounts.persona_access import PersonaAccesses
from personachat.accounts.persona_rights import PersonaRights
from personachat.accounts.roles import RoleRules
from personachat.errors import DatabaseDamaged, DatabaseUnavailable, LoginNeeded
from personachat.owners import LOCAL_OWNER, author_of
from personachat.request_context import current_request
from personachat.settings import Settings, people_log_in


class Authorization:
    """Admits people by the settings, and later identifies them by their owner."""

    def __init__(
        self,
        settings: Settings,
        seen_people: SeenPeople,
        accesses: PersonaAccesses,
        person_pictures: PersonPictures,
    ) -> None:
        self.people_log_in = people_log_in(settings)
        self._roles = RoleRules.of(settings)
        self._public_editing = settings.public_editing is True
        self._login_hours = settings.login_hours
        self._seen_people = seen_people
        self._accesses = accesses
        self._person_pictures = person_pictures

    def admit(self, identity: Identity) -> Person:
        """The person that a login or a proxy names, with their role.

        Raises LoginNeeded if they are refused, or if their login has expired or was ended by signing out
        everywhere. Raises what the database raises if it can't be asked and nothing is known about them.
        """
        seen_before = None
        try:
            seen_before = self._seen_people.latest(identity.key)
        except (DatabaseUnavailable, DatabaseDamaged):
            if identity.ends and self._roles.person(identity):  # the login may have been ended
                raise
        person = self._roles.person(identity)
        if seen_before and _is_newer(
            seen_before, identity
        ):  # groups may have been withdrawn since this login
            person = self._roles.still(seen_before.person)
        if person is None:
            if seen_before:  # their old rights also end in other tabs and for their tokens
                self._write_down(self._roles.named(identity), identity, seen_before)
            raise LoginNeeded(
                "Your account has no access here.",
                hint="Ask the person who runs this server to give it a role.",
                refused=True,
            )
        if not login_counts(
            identity,
            now=datetime.now(UTC),
            lasts=None if self._login_hours is None else timedelta(hours=self._login_hours),
            signed_out_before=seen_before.signed_out_before if seen_before else None,
            ended_logins=seen_before.ended_logins if seen_before else (),
        ):
            raise LoginNeeded("Your login has ended.", hint="Log in again.")
        self._write_down(person, identity, seen_before)
        with suppress(DatabaseUnavailable, DatabaseDamaged):
            self._person_pictures.want(person.key, identity.claims.get("picture"))
        return person

    def _write_down(self, person: Person, identity: Identity, earlier: SeenPerson | None) -> None:
        with suppress(DatabaseUnavailable, DatabaseDamaged):
            self._seen_people.saw(person, identity, earlier=earlier)

    def person_of(self, owner: str, *, may_edit: bool = True) -> Person:
        """Who an owner is, as far as that is known in their absence. An unknown owner reads at most.

        This machine and the tokens in the settings belong to the operator. Raises what the database raises.
        """
        if owner == LOCAL_OWNER:
            return local_person()
        if owner.startswith("token:"):
            return Person(owner, Role.ADMIN, author_of(owner))
        if not self.people_log_in:
            return Person(owner, Role.EDITOR if may_edit else Role.READER)
        seen = self._seen_people.latest(owner) if owner.startswith("user:") else None
        if seen:
            return self._roles.still(seen.person) or replace(seen.person, role=Role.READER)
        edits = owner.startswith("browser:") and may_edit and self._public_editing
        return Person(owner, Role.EDITOR if edits else Role.READER)

    def is_refused(self, owner: str) -> bool:
        """Whether someone who once logged in is no longer admitted."""
        if not self.people_log_in or not owner.startswith("user:"):
            return False
        seen = self._seen_people.latest(owner)
        return seen is not None and self._roles.still(seen.person) is None

    def within_token(self, person: Person) -> Person:
        """The person with the role of this request's token, if that is lower than their own."""
        role_name = current_request.get().role
        if not role_name:
            return person
        role = Role(role_name)
        has_a_role = person.key == LOCAL_OWNER or (self.people_log_in and person.key.startswith("user:"))
        return person if has_a_role and role.includes(person.role) else replace(person, role=role)

    @staticmethod
    def stated_role(person: Person) -> str:
        """The role that a token or a login gives a person `within_token`; "" if neither does."""
        return person.role if current_request.get().role else person.stated_role

    def rights_of(self, person: Person) -> PersonaRights:
        """What a person may do with each persona."""
        return PersonaRights(
            self._accesses,
            person,
            accounts=self.people_log_in,
            shared_are_edited=not self.people_log_in or self._public_editing,
        )


def _is_newer(seen: SeenPerson, identity: Identity) -> bool:
    """Whether someone has logged in again since then, anywhere."""
    return None not in {seen.login_at, identity.issued_at} and (seen.login_at or 0) > (
        identity.issued_at or 0
    )
