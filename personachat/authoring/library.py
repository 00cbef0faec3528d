"""The personas as one person works with them: saving under their name, versions, files, links, favourites.

Personas belong to everybody; only favourites and share links are somebody's own. Every method may raise
StoreUnavailable, those that look back or keep something beside the personas what `Database` raises.

Changing several personas at once: what can be done is done, and what cannot is said.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Protocol

from personachat.accounts.audit import UNTRACED, Trail
from personachat.accounts.permitted_personas import PermittedLabels
from personachat.accounts.persona_rights import PersonaRights
from personachat.accounts.rights import PersonaAccess
from personachat.authoring.available_models import Models
from personachat.authoring.imports import Choice, ImportPlan, Outcome, carry_out, plan_of
from personachat.errors import (
    DatabaseDamaged,
    DatabaseUnavailable,
    PersonaBroken,
    PersonaChatError,
    PersonaInvalid,
    PersonaMoved,
    PersonaNotFound,
    PictureNotFound,
    RevisionNotFound,
)
from personachat.jsontext.edits import with_value, without
from personachat.personas.assets.sets import set_named_by
from personachat.personas.diff import Difference, differences
from personachat.personas.formats import links
from personachat.personas.formats.catalogue import ExportedFile, FileContents, Format, ImportedPersona
from personachat.personas.formats.lore_files import write_lore
from personachat.personas.formats.reading import looks_like, read_file
from personachat.personas.formats.safe_zip import Content
from personachat.personas.formats.writing import Files, leave, leave_together
from personachat.personas.lorebook.editing import Joining, with_book
from personachat.personas.persona import KEYS
from personachat.personas.pictures.reading import read_picture
from personachat.personas.store.assets import PersonaAssets
from personachat.personas.store.base import (
    BrokenPersona,
    PersonaStore,
    Revision,
    Revisions,
    Saving,
    StoredPersona,
)
from personachat.personas.store.favourites import Favourites
from personachat.personas.store.id_in_text import renamed_text
from personachat.personas.store.labels import Label, Labels
from personachat.personas.store.pictures import PersonaPictures
from personachat.personas.store.read_only import ReadOnlyPersonas, editing_not_allowed
from personachat.personas.store.shares import PersonaShare, PersonaShares


@dataclass(frozen=True, slots=True)
class BulkChange:
    """What was done to several personas: what they were before, what they are now, and what went wrong."""

    before: tuple[StoredPersona, ...]
    after: tuple[StoredPersona, ...]
    errors: tuple[PersonaChatError, ...] = ()
    away: tuple[BrokenPersona, ...] = ()
    """Broken ones that were put away."""


def change_each(
    personas: PersonaStore, ids: Iterable[str], change: Callable[[StoredPersona], StoredPersona]
) -> BulkChange:
    """Change these personas one after the other; `change` returns what is stored then."""
    before, after, errors = [], [], []
    for persona_id in dict.fromkeys(ids):
        try:
            stored = personas.get(persona_id)
            done = change(stored)
        except PersonaChatError as error:
            errors.append(error)
        else:
            before.append(stored)
            after.append(done)
    return BulkChange(tuple(before), tuple(after), tuple(errors))


def tagged(stored: StoredPersona, *, add: Sequence[str], remove: Sequence[str]) -> str:
    """The persona's text with other tags; the same where they are the same but for case."""
    unwanted = {tag.casefold() for tag in remove}
    other_tags = [tag for tag in stored.persona.tags if tag.casefold() not in unwanted]
    has = {tag.casefold() for tag in other_tags}
    tags = [*other_tags, *(tag for tag in dict.fromkeys(add) if tag.casefold() not in has)]
    if tags == list(stored.persona.tags):
        return stored.text
    return with_value(stored.text, ("tags",), tags) if tags else without(stored.text, ("tags",))


MOST_ANCESTORS = 50


@dataclass(frozen=True, slots=True)
class Link:
    """What the address of a shared persona carries: the persona itself, or a token to read it by."""

    persona: str = ""
    share: PersonaShare | None = None


class TestsOfPersonas(Protocol):
    """The test suites of personas as texts. Methods raise StoreUnavailable and what a database raises."""

    def of(self, persona_ids: Collection[str]) -> Mapping[str, str]:
        """Those that there are, by persona id."""

    def put(self, persona_id: str, text: str, *, author: str) -> None:
        """Keep a text as the suite of a persona, whose id it then names."""


class PersonaLibrary:
    """One owner's view; cheap to make. `author` is who revisions are said to be by.

    Over a read-only store everything that changes a persona raises EditingNotAllowed.
    """

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

    # --- one persona ------------------------------------------------------------------------------

    def all(self) -> list[StoredPersona | BrokenPersona]:
        return self._personas.all()

    def get(self, persona_id: str) -> StoredPersona:
        return self._personas.get(persona_id)

    def create(self, text: str, *, note: str = "") -> StoredPersona:
        """As PersonaStore.create; PersonaInvalid says where the text is another program's."""
        with named_for_what_it_is(text):
            return self._personas.create(text, saving=self._saving(note))

    def save(self, text: str, *, etag: str | None = None, note: str = "") -> StoredPersona:
        """As PersonaStore.save; PersonaInvalid says where the text is another program's."""
        with named_for_what_it_is(text):
            return self._personas.save(text, etag=etag, saving=self._saving(note))

    def delete(self, persona_id: str, *, etag: str | None = None) -> StoredPersona:
        """As PersonaStore.delete."""
        return self._personas.delete(persona_id, etag=etag, saving=self._saving())

    def rename(self, persona_id: str, new_id: str, *, etag: str | None = None) -> StoredPersona:
        """As PersonaStore.rename."""
        return self._personas.rename(persona_id, new_id, etag=etag, saving=self._saving())

    # --- versions ---------------------------------------------------------------------------------

    def history(self, persona_id: str, *, limit: int = 50, before: int | None = None) -> tuple[Revision, ...]:
        """As Revisions.of, with what was changed outside a moment ago."""
        if before is None:
            self._personas.all()  # looking is what records it
        return self.revisions.of(persona_id, limit=limit, before=before)

    def revision(self, persona_id: str, number: int) -> Revision:
        """One version with its text. Raises RevisionNotFound, PersonaMoved."""
        try:
            return self.revisions.get(persona_id, number)
        except RevisionNotFound:
            with suppress(PersonaBroken), not_there():
                self._personas.get(persona_id)
            raise

    def differences(self, persona_id: str, *, since: int, until: int | None = None) -> tuple[Difference, ...]:
        """What changed from one revision to another, or to what is stored now.

        Raises RevisionNotFound, PersonaNotFound; a file that is broken now is compared as text.
        """
        before = self.revision(persona_id, since).text
        if until is not None:
            return differences(before, self.revision(persona_id, until).text)
        now = self._find(persona_id)
        if now is None:
            raise PersonaNotFound(
                f'The persona "{persona_id}" no longer exists.', hint="Compare two revisions instead."
            )
        return differences(before, now.text)

    def changed_at(self, ids: Sequence[str] | None = None) -> Mapping[str, datetime]:
        """When each persona, or each of these, was saved last."""
        return self.revisions.newest(ids)

    def lore(self, persona_id: str) -> bytes | None:
        """The persona's lore as a lorebook_v3 file; None if it has none. Raises what `get` raises."""
        return write_lore(self._personas.get(persona_id).persona)

    def add_lore(
        self,
        persona_id: str,
        book: Mapping[str, Any],
        *,
        joining: Joining = "add",
        filename: str = "",
    ) -> StoredPersona:
        """Put a lore book's entries behind the persona's own, or instead of them; errors as for `save`."""
        stored = self._personas.get(persona_id)
        note = f"Lore from {filename}" if filename else "Lore"
        saving = Saving(self._author, note, "imported")
        text = with_book(stored.text, book, joining=joining)
        return self._personas.save(text, etag=stored.etag, saving=saving)

    def restore(self, persona_id: str, number: int, *, etag: str | None = None) -> StoredPersona:
        """Make a revision the current version again, as a new revision; a deleted persona comes back.

        Raises RevisionNotFound, PersonaInvalid if it follows an older schema, and what `save` raises.
        """
        text = renamed_text(self.revision(persona_id, number).text, persona_id)
        saving = Saving(self._author, f"Restored revision {number}", "restored")
        current = self._find(persona_id)
        if current is None:
            return self._personas.create(text, saving=saving)
        return self._personas.save(text, etag=etag or current.etag, saving=saving)

    def bring_back(self, persona_id: str) -> StoredPersona:
        """Restore a deleted persona as it was. Raises RevisionNotFound, PersonaExists."""
        last = self.revisions.of(persona_id, limit=1)
        text = renamed_text(self.revisions.get(persona_id, last[0].number if last else 0).text, persona_id)
        return self._personas.create(text, saving=Saving(self._author, "Restored after deletion", "restored"))

    # --- labels -----------------------------------------------------------------------------------

    def labelled(self, persona_id: str) -> tuple[Label, ...]:
        """A persona's labels. Raises PersonaNotFound."""
        self._find_any(persona_id)
        return self.labels.of(persona_id)

    def label(self, persona_id: str, label: str, number: int | None = None) -> None:
        """Put a label on a revision (None: the newest).

        Raises EditingNotAllowed, PersonaNotFound, LabelInvalid, RevisionNotFound.
        """
        self._refuse_visitors()
        self._find_any(persona_id)
        if number is None:
            newest = self.history(persona_id, limit=1)
            number = newest[0].number if newest else 0
        self.labels.put(persona_id, label, number, author=self._author)
        self._note("labelled", persona_id, {"label": label, "revision": number})

    def unlabel(self, persona_id: str, label: str) -> None:
        """Remove a label. Raises EditingNotAllowed, PersonaNotFound, LabelNotFound."""
        self._refuse_visitors()
        self._find_any(persona_id)
        self.labels.remove(persona_id, label, author=self._author)
        self._note("unlabelled", persona_id, {"label": label})

    # --- pictures ---------------------------------------------------------------------------------

    def picture(self, persona_id: str) -> tuple[str, bytes]:
        """A persona's picture: its name, which changes with it, and the PNG. Raises PictureNotFound too."""
        name = self._personas.get(persona_id).persona.picture
        content = self.pictures.content(name) if name else None
        if content is None:
            why = "is missing" if name else "has none"
            raise PictureNotFound(
                f'The picture of "{persona_id}" {why}.'
                if name
                else f'"{persona_id}" {why}: no picture is set.',
                hint="Add one in the editor, or send one with PUT.",
            )
        return name, content

    def add_picture(self, content: bytes) -> str:
        """Keep a picture that was uploaded, cut square, for a persona's text to name; returns its name.

        Raises PictureRefused, EditingNotAllowed.
        """
        self._refuse_visitors()
        picture = read_picture(content, square=True)
        self.pictures.keep(picture)
        return picture.digest

    def set_picture(self, persona_id: str, name: str, *, etag: str | None = None) -> StoredPersona:
        """Have a persona show the picture of this name, or "" for none; errors as for `save`."""
        stored = self._personas.get(persona_id)
        if name == stored.persona.picture and etag in {None, stored.etag}:
            return stored
        place = ("picture",)
        text = with_value(stored.text, place, name, order=KEYS) if name else without(stored.text, place)
        note = (
            "New picture" if name and stored.persona.picture else "A picture" if name else "Picture removed"
        )
        return self._personas.save(text, etag=etag or stored.etag, saving=self._saving(note))

    # --- several at once --------------------------------------------------------------------------

    def tag(self, ids: Iterable[str], *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> BulkChange:
        """Add and remove tags, without regard to case; `save_again(done.before)` undoes it."""
        note = ", ".join([*(f"tag {tag} added" for tag in add), *(f"tag {tag} removed" for tag in remove)])

        def save_tagged(stored: StoredPersona) -> StoredPersona:
            text = tagged(stored, add=add, remove=remove)
            if text == stored.text:
                return stored
            return self._personas.save(text, etag=stored.etag, saving=self._saving(note))

        return change_each(self._personas, ids, save_tagged)

    def delete_all(self, ids: Iterable[str], *, broken: Collection[str] = ()) -> BulkChange:
        """Delete several; `bring_back_all` undoes it. `broken` are those of them that may be broken."""
        all_ids = list(ids)
        stored_personas = self._personas.all() if broken else ()
        there = {
            each.id: each for each in stored_personas if isinstance(each, BrokenPersona) and each.id in broken
        }
        errors: list[PersonaChatError] = []
        away: list[BrokenPersona] = []
        for persona_id in dict.fromkeys(each for each in all_ids if each in there):
            try:
                away.append(self._personas.put_away(persona_id, etag=there[persona_id].etag))
            except PersonaChatError as error:
                errors.append(error)
        done = change_each(
            self._personas,
            [each for each in all_ids if each not in there],
            lambda stored: self._personas.delete(stored.id, etag=stored.etag, saving=self._saving()),
        )
        return BulkChange(done.before, done.after, (*errors, *done.errors), tuple(away))

    def bring_back_all(self, ids: Iterable[str], *, broken: Collection[str] = ()) -> BulkChange:
        """Bring back what was deleted; `broken` are those of them that were broken when they went."""
        back, away, errors = [], [], []
        for persona_id in ids:
            try:
                if persona_id in broken:
                    self._personas.put_back(persona_id)
                    away.append(next(each for each in self._personas.all() if each.id == persona_id))
                else:
                    back.append(self.bring_back(persona_id))
            except PersonaChatError as error:
                errors.append(error)
        broken_again = tuple(each for each in away if isinstance(each, BrokenPersona))
        return BulkChange(tuple(back), tuple(back), tuple(errors), broken_again)

    def save_again(self, earlier: Sequence[StoredPersona], *, over: Sequence[StoredPersona]) -> BulkChange:
        """Undo: save earlier versions, unless somebody changed a persona meanwhile."""
        etags = {stored.id: stored.etag for stored in over}
        texts = {stored.id: stored.text for stored in earlier}
        saving = Saving(self._author, "Undone", "restored")
        return change_each(
            self._personas,
            [persona_id for persona_id in texts if persona_id in etags],
            lambda stored: self._personas.save(texts[stored.id], etag=etags[stored.id], saving=saving),
        )

    def save_again_by_etag(self, etags: Mapping[str, tuple[str, str]]) -> BulkChange:
        """The same by ETags: of the version to save, and of the one that it is saved over."""
        etags_before = frozenset((persona_id, before) for persona_id, (before, _) in etags.items())
        numbers = self.revisions.numbers(etags_before)
        saving = Saving(self._author, "Undone", "restored")

        def save_earlier(stored: StoredPersona) -> StoredPersona:
            before, over = etags[stored.id]
            earlier = self.revisions.get(stored.id, numbers.get((stored.id, before), 0))
            return self._personas.save(earlier.text, etag=over, saving=saving)

        return change_each(self._personas, etags, save_earlier)

    # --- in and out -------------------------------------------------------------------------------

    def export(self, persona_id: str, kind: Format) -> ExportedFile:
        """One persona as a file. Raises PersonaNotFound, PersonaBroken."""
        stored = self._personas.get(persona_id)
        tests = self._tests_of([stored.id]) if kind == "bundle" else {}
        files = self._files_of(set_named_by(stored.persona.extensions))
        picture = self._picture_of(stored.persona.picture)
        exported = leave(stored, kind, picture=picture, files=files, tests=tests)
        self._note("exported", stored.id, {"format": kind, "etag": stored.etag})
        return exported

    def bundle(self, ids: Collection[str] | None = None) -> ExportedFile:
        """These personas, or all, as one archive. Raises PersonaNotFound if one of them is not there."""
        bundled_personas = [stored for stored in self._personas.all() if isinstance(stored, StoredPersona)]
        if ids is not None:
            chosen = {stored.id: stored for stored in bundled_personas if stored.id in ids}
            bundled_personas = [
                chosen.get(persona_id) or self._personas.get(persona_id) for persona_id in ids
            ]
        tests = self._tests_of([stored.id for stored in bundled_personas])
        ancestors = self._ancestors(bundled_personas)
        pictures = self._pictures_of({stored.persona.picture for stored in bundled_personas} - {""})
        bundled = leave_together(bundled_personas, ancestors, pictures, self._files_of, tests=tests)
        self._trail.note_many("exported", [stored.id for stored in bundled_personas], kind="persona")
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
        """Import as chosen, by persona id; where nothing is chosen as the plan proposes."""
        return carry_out(
            plan,
            choices,
            self._personas,
            author=self._author,
            keep=self._keep,
            keep_tests=self.keep_tests,
        )

    def keep_tests(self, persona_id: str, text: str, *, replacing: bool = False) -> None:
        """Keep a text as a persona's test suite; without `replacing` only where it has none.

        Raises EditingNotAllowed, PersonaNotFound and StoreUnavailable.
        """
        self._refuse_visitors()
        self.rights.refuse_unless("edit", persona_id)
        if self._tests and (replacing or persona_id not in self._tests.of([persona_id])):
            self._tests.put(persona_id, text, author=self._author)

    def _tests_of(self, ids: Sequence[str]) -> Mapping[str, str]:
        """A suite says as much as the prompt."""
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
        """For a file that is worth having without them as well."""
        with suppress(DatabaseUnavailable, DatabaseDamaged):
            return self._assets.files(name) if name else None
        return None

    def _picture_of(self, name: str) -> bytes | None:
        """For a file that is worth having without it as well."""
        with suppress(DatabaseUnavailable, DatabaseDamaged):
            return self.pictures.content(name) if name else None
        return None

    def _pictures_of(self, names: Collection[str]) -> Files:
        """What reads each of those that are here."""
        with suppress(DatabaseUnavailable, DatabaseDamaged):
            return self.pictures.readers(names)
        return {}

    # --- links ------------------------------------------------------------------------------------

    def link(self, persona_id: str) -> Link:
        """The persona itself where it fits into an address, else its short link, if there is one."""
        text = self._personas.get(persona_id).text
        self.rights.refuse_unless_shareable(persona_id)
        packed = links.packed(text)
        return Link(packed) if packed else Link(share=self._shares.of(self._owner, persona_id))

    def share(self, persona_id: str) -> PersonaShare:
        """Make the short link, or renew what it shows. Raises EditingNotAllowed: it is published here."""
        text = self._personas.get(persona_id).text
        self._refuse_visitors()
        self.rights.refuse_unless("share", persona_id)
        self._shares.share(self._owner, persona_id, text)
        share = self._shares.of(self._owner, persona_id)
        assert share is not None  # it was made a moment ago
        self._note("shared", persona_id)
        return share

    def shared(self, persona_id: str) -> PersonaShare | None:
        return self._shares.of(self._owner, persona_id)

    def revoke(self, persona_id: str) -> None:
        """End the short link: it shows nothing any more."""
        self._shares.revoke(self._owner, persona_id)
        self._note("unshared", persona_id)

    # --- who may do what --------------------------------------------------------------------------

    def access(self, persona_id: str) -> PersonaAccess:
        """As PersonaRights.access, of a persona that is there."""
        self._find_any(persona_id)
        return self.rights.access(persona_id)

    def set_access(self, persona_id: str, access: PersonaAccess) -> None:
        """As PersonaRights.set_access; short links go where they would show what is hidden from now on."""
        self._find_any(persona_id)
        before = self.rights.access(persona_id)
        self.rights.set_access(persona_id, access)
        if before != access:
            self._trail.note(
                "changed", kind="right", target=persona_id, before=asdict(before), after=asdict(access)
            )
        if access.visibility != "everyone" or not access.prompt_visible:
            self._shares.revoke_all(persona_id, but=access.owner)

    # --- favourites -------------------------------------------------------------------------------

    def favourites(self) -> frozenset[str]:
        return self._favourites.of(self._owner)

    def set_favourite(self, persona_id: str, *, favourite: bool) -> None:
        self._favourites.set(self._owner, persona_id, favourite=favourite)

    def _note(self, action: str, persona_id: str, after: Mapping[str, Any] | None = None) -> None:
        self._trail.note(action, kind="persona", target=persona_id, after=after)

    def _refuse_visitors(self) -> None:
        if not self._may_edit:
            raise editing_not_allowed()

    def _find_any(self, persona_id: str) -> None:
        """Raises PersonaNotFound; a broken one is there."""
        with suppress(PersonaBroken):
            self._personas.get(persona_id)

    def _saving(self, note: str = "") -> Saving:
        return Saving(self._author, note)

    def _find(self, persona_id: str) -> StoredPersona | BrokenPersona | None:
        try:
            return self._personas.get(persona_id)
        except PersonaNotFound:
            return None
        except PersonaBroken:
            return next((stored for stored in self._personas.all() if stored.id == persona_id), None)

    def _ancestors(self, personas: Sequence[StoredPersona]) -> dict[str, tuple[str, ...]]:
        ancestors = {}
        for stored in personas:
            with suppress(PersonaChatError):  # a bundle is worth having without its history
                earlier = self.revisions.of(stored.id, limit=MOST_ANCESTORS)
                ancestors[stored.id] = tuple(dict.fromkeys(each.etag for each in earlier))
        return ancestors


@contextmanager
def not_there() -> Iterator[None]:
    """That a persona is not there is known already; that it has another id is not."""
    try:
        yield
    except PersonaMoved:
        raise
    except PersonaNotFound:
        pass


@contextmanager
def named_for_what_it_is(text: str) -> Iterator[None]:
    """Say of a text that is no persona's what it looks like, beside its faults."""
    try:
        yield
    except PersonaInvalid as invalid:
        if format_name := looks_like(text):
            invalid.hint = f"This looks like {format_name}. Import it instead."
        raise
