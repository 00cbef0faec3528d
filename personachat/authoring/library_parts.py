"""What every part of the persona library uses: the stores, the owner, and their rights."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from personachat.accounts.audit import UNTRACED, Trail
from personachat.accounts.permitted_personas import PermittedLabels
from personachat.accounts.persona_rights import PersonaRights
from personachat.authoring.available_models import Models
from personachat.personas.store.assets import PersonaAssets
from personachat.personas.store.base import (
    PersonaStore,
    Revisions,
    Saving,
)
from personachat.personas.store.favourites import Favourites
from personachat.personas.store.labels import Labels
from personachat.personas.store.pictures import PersonaPictures
from personachat.personas.store.read_only import ReadOnlyPersonas, editing_not_allowed
from personachat.personas.store.shares import PersonaShares


class TestsOfPersonas(Protocol):
    """The test suites of personas as texts. Methods raise StoreUnavailable and what a database raises."""

    def of(self, persona_ids: Collection[str]) -> Mapping[str, str]:
        """The existing ones, by persona id."""

    def put(self, persona_id: str, text: str, *, author: str) -> None:
        """Save a text as the suite of a persona, and write that persona's id into it."""


class LibraryParts:
    """The stores as one owner sees them. `author` is the name in revisions."""

    def __init__(  # noqa: PLR0913  # one for each thing that it looks after
        self,
        personas: PersonaStore,
        revisions: Revisions,
        labels: Labels | PermittedLabels,
        favourites: Favourites,
        shares: PersonaShares,
        *,
        owner: str,
        author: str,
        models: Models,
        pictures: PersonaPictures,
        assets: PersonaAssets,
        rights: PersonaRights,
        trail: Trail = UNTRACED,
        tests: TestsOfPersonas | None = None,
    ) -> None:
        self.rights = rights
        self._tests = tests
        self.revisions = revisions
        self.labels = labels
        self.pictures = pictures
        self._assets = assets
        self._personas = personas
        self._favourites = favourites
        self._shares = shares
        self._owner = owner
        self._author = author
        self._models = models
        self._trail = trail
        self._may_edit = not isinstance(personas, ReadOnlyPersonas)

    def _note(self, action: str, persona_id: str, after: Mapping[str, Any] | None = None) -> None:
        self._trail.note(action, kind="persona", target=persona_id, after=after)

    def _refuse_visitors(self) -> None:
        if not self._may_edit:
            raise editing_not_allowed()

    def _saving(self, note: str = "") -> Saving:
        return Saving(self._author, note)
