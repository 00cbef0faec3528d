"""Suites, as one owner reads and changes them.

They belong to the personas and are everybody's. Only those who may see a persona's prompt see its suite;
whoever may not change personas may read suites and save none.
"""

from __future__ import annotations

from collections.abc import Sequence

from personachat.accounts.persona_rights import PersonaRights
from personachat.conversations.model import Turn
from personachat.errors import EditingNotAllowed
from personachat.lab.suites.store import SuiteRevision, SuiteStore
from personachat.lab.suites.stored_suite import StoredSuite
from personachat.lab.suites.writing import case_text, free_name, with_case
from personachat.personas.store.base import PersonaSource


class SuiteLibrary:
    """Methods raise what stores raise besides what they say."""

    def __init__(
        self,
        suites: SuiteStore,
        personas: PersonaSource,
        rights: PersonaRights,
        *,
        author: str,
        may_edit: bool,
    ) -> None:
        self._suites = suites
        self._personas = personas
        self._rights = rights
        self._author = author
        self._may_edit = may_edit

    def ids(self) -> tuple[str, ...]:
        """The ids of personas that have suites."""
        return tuple(each for each in self._suites.ids() if self._rights.may("prompt", each))

    def get(self, persona_id: str) -> StoredSuite:
        """Raises SuiteNotFound, PersonaNotFound and EditingNotAllowed."""
        self._check_may_read(persona_id)
        return self._suites.get(persona_id)

    def find(self, persona_id: str) -> StoredSuite | None:
        self._check_may_read(persona_id)
        return self._suites.find(persona_id)

    def save(self, persona_id: str, text: str, *, etag: str | None = None) -> StoredSuite:
        """Raises SuiteInvalid, SuiteChanged, PersonaNotFound and EditingNotAllowed."""
        self._check_may_change(persona_id)
        self._personas.get(persona_id)
        return self._suites.save(persona_id, text, etag=etag, author=self._author)

    def delete(self, persona_id: str, *, etag: str | None = None) -> StoredSuite:
        """Raises SuiteNotFound, SuiteChanged and EditingNotAllowed."""
        self._check_may_change(persona_id)
        return self._suites.delete(persona_id, etag=etag, author=self._author)

    def revisions(self, persona_id: str) -> tuple[SuiteRevision, ...]:
        self._check_may_read(persona_id)
        return self._suites.revisions(persona_id)

    def save_case(
        self, persona_id: str, turns: Sequence[Turn], *, reference: str, name: str, check: str
    ) -> StoredSuite:
        """Add a reply as a case: what was said before it to the letter, and the reply as reference.

        `check` is a question for the judge or, as YAML, a list of checks. Raises SuiteInvalid and
        EditingNotAllowed; a suite with problems isn't touched.
        """
        stored_suite = self.find(persona_id)
        text = stored_suite.text if stored_suite else f"persona: {persona_id}\ncases:\n"
        if stored_suite:
            stored_suite.whole()
        case = case_text(turns, reference=reference, name=free_name(stored_suite, name), check=check)
        text = with_case(text, case)
        return self.save(persona_id, text, etag=stored_suite.etag if stored_suite else "")

    def _check_may_read(self, persona_id: str) -> None:
        """A suite says as much of a persona as its prompt does."""
        self._rights.refuse_unless("prompt", persona_id)

    def _check_may_change(self, persona_id: str) -> None:
        if not self._may_edit:
            raise EditingNotAllowed(
                "You can't save or run tests here.", hint="Ask the person who runs this server."
            )
        self._rights.refuse_unless("edit", persona_id)
