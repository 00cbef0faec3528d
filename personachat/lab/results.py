"""Results of suites: the last ones for badges, and read-only links that show a run to anyone who has them.

A link shows names, states, messages, replies, their checks and how reliable judges are. It never shows the
persona's text, settings, costs, single labels or the owner. If the persona may be used but not read, it shows
no text at all, since a case reveals as much as the prompt. If its owner may not share the persona now, or it
is gone, it shows nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from personachat.accounts.persona_rights import PersonaRights
from personachat.accounts.rights import SHARED
from personachat.errors import (
    EditingNotAllowed,
    PersonaInvalid,
    PersonaNotFound,
    ShareNotFound,
    SuiteRunNotFound,
    SuiteRunRefused,
)
from personachat.lab.labels import Labels
from personachat.lab.runs.library import judges_in
from personachat.lab.runs.model import Run
from personachat.lab.runs.options import kind_of
from personachat.lab.runs.records import SqlRuns
from personachat.lab.runs.reports import JudgeTrust
from personachat.lab.runs.scoring import LastResult, Score, changed, score
from personachat.lab.suites.model import Suite
from personachat.lab.suites.reading import parse_suite
from personachat.lab.suites.store import SuiteStore
from personachat.personas.persona import parse_persona
from personachat.personas.store.base import PersonaSource


@dataclass(frozen=True, slots=True)
class SharedResults:
    """What a link shows. Without `words`, no text of cases or replies is shown."""

    persona: str
    run: Run
    suite: Suite
    score: Score
    words: bool
    judges: tuple[JudgeTrust, ...] = ()


class Results:
    """The results of this owner's runs."""

    def __init__(
        self,
        records: SqlRuns,
        suites: SuiteStore,
        personas: PersonaSource,
        rights: PersonaRights,
        labels: Labels,
        *,
        owner: str,
    ) -> None:
        self._personas = personas
        self._records = records
        self._suites = suites
        self._rights = rights
        self._labels = labels
        self._owner = owner

    def last(self, etags: Mapping[str, str]) -> dict[str, LastResult]:
        """The last results of these personas' suites, by id; `etags` are those of the personas."""
        results = self._records.last_results(self._owner, list(etags), by_revision=False)
        personas = self._rights.all() if results else {}
        results = tuple(
            each for each in results if self._rights.judge("prompt", personas.get(each.persona_id, SHARED))
        )
        suites = self._suites.etags([each.persona_id for each in results]) if results else {}
        return {
            each.persona_id: replace(
                each, changed=changed(each, persona=etags[each.persona_id], suite=suites[each.persona_id])
            )
            for each in results
            if each.persona_id in suites
        }

    def by_revision(self, persona_id: str) -> dict[str, LastResult]:
        """The last results of a persona's suite for each of its revisions, by their etags."""
        results = self._records.last_results(self._owner, [persona_id], by_revision=True)
        if not results or not self._rights.may("prompt", persona_id):
            return {}
        suite = self._suites.etags([persona_id]).get(persona_id)
        if suite is None:
            return {}
        return {
            each.persona_revision: replace(
                each, changed=changed(each, persona=each.persona_revision, suite=suite)
            )
            for each in results
        }

    # --- links ------------------------------------------------------------------------------------

    def link(self, run_id: str) -> str | None:
        """The token of the link to one of their runs, if there is one."""
        return self._records.share_token(run_id, self._owner)

    def share(self, run_id: str) -> str:
        """The token of a link by which anyone can read a run, until `unshare`.

        Raises SuiteRunNotFound, SuiteRunRefused for a replay, and PersonaNotFound or EditingNotAllowed if
        they may not share the persona.
        """
        run = self._records.get(run_id, self._owner)
        if kind_of(run.suite_etag) != "suite":
            raise SuiteRunRefused(
                "A replay shows conversations, so it can't be shared.", hint="Share the conversation itself."
            )
        self._check_shareable(run)
        return self._records.share(run_id, self._owner)

    def unshare(self, run_id: str) -> None:
        """Revoke the link, if there is one; a later one gets another token. Raises SuiteRunNotFound."""
        self._records.get(run_id, self._owner)
        self._records.unshare(run_id, self._owner)

    def shared(self, run_id: str) -> SharedResults:
        """What a link to one of their runs shows. Raises ShareNotFound if they may not show it now."""
        try:
            run = self._records.get(run_id, self._owner)
            self._check_shareable(run)
            self._personas.get(run.persona_id)
        except (SuiteRunNotFound, PersonaNotFound, PersonaInvalid, EditingNotAllowed) as error:
            raise ShareNotFound("This link is invalid or was revoked.") from error
        suite = parse_suite(run.suite_text)
        scored = score(run, suite, self._records.cells(run_id))
        return SharedResults(
            parse_persona(run.persona_text).name,
            run,
            suite,
            scored,
            words=self._rights.shows_prompt(run.persona_id),
            judges=judges_in(scored, self._labels, owner=self._owner),
        )

    def _check_shareable(self, run: Run) -> None:
        self._rights.refuse_unless("prompt", run.persona_id)
        self._rights.refuse_unless_shareable(run.persona_id)
