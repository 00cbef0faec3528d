"""Personas as files: exported in every format, and imported by a plan that shows what would happen."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress

from personachat.authoring.imports import Choice, ImportPlan, Outcome, carry_out, plan_of
from personachat.authoring.library_parts import LibraryParts
from personachat.errors import (
    DatabaseDamaged,
    DatabaseUnavailable,
    PersonaChatError,
)
from personachat.personas.assets.sets import set_named_by
from personachat.personas.formats import links
from personachat.personas.formats.catalogue import ExportedFile, FileContents, Format, ImportedPersona
from personachat.personas.formats.reading import read_file
from personachat.personas.formats.safe_zip import Content
from personachat.personas.formats.writing import Files, leave, leave_together
from personachat.personas.store.base import (
    StoredPersona,
)

MOST_ANCESTORS = 50


class PersonaFiles(LibraryParts):
    """The part of the library that exports and imports."""

    def export(self, persona_id: str, kind: Format) -> ExportedFile:
        """One persona as a file. Raises PersonaNotFound, PersonaBroken."""
        entry = self._personas.get(persona_id)
        tests = self._tests_of([entry.id]) if kind == "bundle" else {}
        files = self._files_of(set_named_by(entry.persona.extensions))
        picture = self._picture_of(entry.persona.picture)
        exported = leave(entry, kind, picture=picture, files=files, tests=tests)
        self._note("exported", entry.id, {"format": kind, "etag": entry.etag})
        return exported

    def bundle(self, ids: Collection[str] | None = None) -> ExportedFile:
        """These personas, or all, as one archive. Raises PersonaNotFound if one doesn't exist."""
        bundled_personas = [entry for entry in self._personas.all() if isinstance(entry, StoredPersona)]
        if ids is not None:
            entry_of_id = {entry.id: entry for entry in bundled_personas if entry.id in ids}
            bundled_personas = [
                entry_of_id.get(persona_id) or self._personas.get(persona_id) for persona_id in ids
            ]
        tests = self._tests_of([entry.id for entry in bundled_personas])
        ancestors = self._ancestors(bundled_personas)
        pictures = self._pictures_of({entry.persona.picture for entry in bundled_personas} - {""})
        bundled = leave_together(bundled_personas, ancestors, pictures, self._files_of, tests=tests)
        self._trail.note_many("exported", [entry.id for entry in bundled_personas], kind="persona")
        return bundled

    def plan_import(
        self, content: Content, *, filename: str = "", columns: Mapping[str, str] | None = None
    ) -> ImportPlan:
        """What an import would do; nothing is saved. `columns` are those of a table, by role.

        Raises ImportRefused, PersonaInvalid.
        """
        return self._plan(read_file(content, filename=filename, columns=columns))

    def plan_link(self, persona: str) -> ImportPlan:
        """The same for a persona that came in a link. Raises LinkInvalid, PersonaInvalid."""
        return self._plan(FileContents((links.unpacked(persona),)))

    def plan_share(self, token: str) -> ImportPlan:
        """The same for a persona behind a short link. Raises ShareNotFound."""
        return self._plan(read_file(self._shares.read(token).encode()))

    def carry_out(self, plan: ImportPlan, choices: Mapping[str, Choice]) -> tuple[Outcome, ...]:
        """Import with the choices, by persona id; without a choice, as the plan proposes."""
        return carry_out(
            plan,
            choices,
            self._personas,
            author=self._author,
            keep=self._keep,
            keep_tests=self.keep_tests,
        )

    def keep_tests(self, persona_id: str, text: str, *, replacing: bool = False) -> None:
        """Save a text as a persona's test suite; without `replacing` only if it has none.

        Raises EditingNotAllowed, PersonaNotFound and StoreUnavailable.
        """
        self._refuse_visitors()
        self.rights.refuse_unless("edit", persona_id)
        if self._tests and (replacing or persona_id not in self._tests.of([persona_id])):
            self._tests.put(persona_id, text, author=self._author)

    def _tests_of(self, ids: Sequence[str]) -> Mapping[str, str]:
        """A suite reveals as much as the prompt."""
        return (
            self._tests.of([each for each in ids if self.rights.may("prompt", each)]) if self._tests else {}
        )

    def _plan(self, contents: FileContents) -> ImportPlan:
        missing = {each.persona.picture for each in contents.arrivals if not each.picture} - {""}
        here = self.pictures.existing(missing) if missing else frozenset()
        without = (each.persona for each in contents.arrivals if not each.assets)
        named = {set_named_by(persona.extensions) for persona in without} - {""}
        assets = self._assets.existing(named) if named else frozenset()
        return plan_of(contents, self._personas.all(), models=self._models, pictures=here, assets=assets)

    def _keep(self, arrival: ImportedPersona) -> None:
        if not arrival.picture and not arrival.assets:
            return
        self._refuse_visitors()
        if arrival.picture:
            self.pictures.keep(arrival.picture)
        if arrival.assets:
            self._assets.keep(arrival.assets)

    def _files_of(self, name: str) -> Files | None:
        """For a file that is useful without them, too."""
        with suppress(DatabaseUnavailable, DatabaseDamaged):
            return self._assets.files(name) if name else None
        return None

    def _picture_of(self, name: str) -> bytes | None:
        """For a file that is useful without it, too."""
        with suppress(DatabaseUnavailable, DatabaseDamaged):
            return self.pictures.content(name) if name else None
        return None

    def _pictures_of(self, names: Collection[str]) -> Files:
        """Readers of those that are stored."""
        with suppress(DatabaseUnavailable, DatabaseDamaged):
            return self.pictures.readers(names)
        return {}

    def _ancestors(self, personas: Sequence[StoredPersona]) -> dict[str, tuple[str, ...]]:
        ancestors = {}
        for persona in personas:
            with suppress(PersonaChatError):  # a bundle is useful without its history
                earlier = self.revisions.of(persona.id, limit=MOST_ANCESTORS)
                ancestors[persona.id] = tuple(dict.fromkeys(each.etag for each in earlier))
        return ancestors
