"""What suites last came to, as one owner may see it: for the badges of personas and of their revisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from personachat.accounts.permitted import PersonaRights
from personachat.accounts.rights import SHARED
from personachat.lab.runs.records import SqlRuns
from personachat.lab.runs.scoring import LastResult, changed
from personachat.lab.suites.store import SuiteStore


class Results:
    """Of this owner's runs. Methods raise what stores raise besides what they say."""

    def __init__(self, records: SqlRuns, suites: SuiteStore, rights: PersonaRights, *, owner: str) -> None:
        self._records = records
        self._suites = suites
        self._rights = rights
        self._owner = owner

    def last(self, etags: Mapping[str, str]) -> dict[str, LastResult]:
        """What these personas' suites last came to, by their ids; `etags` are those of the personas."""
        found = self._records.last_results(self._owner, list(etags), by_revision=False)
        known = self._rights.all() if found else {}
        found = tuple(
            each for each in found if self._rights.judge("prompt", known.get(each.persona_id, SHARED))
        )
        suites = self._suites.etags([each.persona_id for each in found]) if found else {}
        return {
            each.persona_id: replace(
                each, changed=changed(each, persona=etags[each.persona_id], suite=suites[each.persona_id])
            )
            for each in found
            if each.persona_id in suites
        }

    def by_revision(self, persona_id: str) -> dict[str, LastResult]:
        """What a persona's suite last came to for each of its revisions, by their etags."""
        found = self._records.last_results(self._owner, [persona_id], by_revision=True)
        if not found or not self._rights.may("prompt", persona_id):
            return {}
        suite = self._suites.etags([persona_id]).get(persona_id)
        if suite is None:
            return {}
        return {
            each.persona_revision: replace(
                each, changed=changed(each, persona=each.persona_revision, suite=suite)
            )
            for each in found
        }
