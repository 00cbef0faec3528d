"""The personas as one person works with them: saving under their name, versions, files, links, favourites.

Personas are shared; only favourites and share links belong to a person. Every method may raise
StoreUnavailable. Methods about history, or about data besides the personas, also raise what `Database`
raises. Changing several at once is in `several`, exports and imports in `files`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from personachat.accounts.rights import PersonaAccess
from personachat.authoring.files import PersonaFiles
from personachat.authoring.several import SeveralPersonas
from personachat.errors import (
    PersonaBroken,
    PersonaInvalid,
    PersonaMoved,
    PersonaNotFound,
    PictureNotFound,
    RevisionNotFound,
)
from personachat.jsontext.edits import with_value, without
from personachat.personas.diff import Difference, differences
from personachat.personas.formats import links
from personachat.personas.formats.lore_files import write_lore
from personachat.personas.formats.reading import looks_like
from personachat.personas.lorebook.editing import Joining, with_book
from personachat.personas.persona import KEYS
from personachat.personas.pictures.reading import read_picture
from personachat.personas.store.base import (
    BrokenPersona,
    Revision,
    Saving,
    StoredPersona,
)
from personachat.personas.store.id_in_text import renamed_text
from personachat.personas.store.labels import Label
from personachat.personas.store.shares import PersonaShare


@dataclass(frozen=True, slots=True)
class Link:
    """The address of a shared persona contains the persona itself, or a token to read it with."""

    persona: str = ""
    share: PersonaShare | None = None


class PersonaLibrary(SeveralPersonas, PersonaFiles):
    """One owner's view; cheap to create. `author` is the name in revisions.

    Over a read-only store, every change of a persona raises EditingNotAllowed.
    """

    # --- one persona ------------------------------------------------------------------------------

    def all(self) -> list[StoredPersona | BrokenPersona]:
        return self._personas.all()

    def get(self, persona_id: str) -> StoredPersona:
        return self._personas.get(persona_id)

    def create(self, text: str, *, note: str = "") -> StoredPersona:
        """Like PersonaStore.create; PersonaInvalid says if the text is another program's."""
        with named_for_what_it_is(text):
            return self._personas.create(text, saving=self._saving(note))

    def save(self, text: str, *, etag: str | None = None, note: str = "") -> StoredPersona:
        """Like PersonaStore.save; PersonaInvalid says if the text is another program's."""
        with named_for_what_it_is(text):
            return self._personas.save(text, etag=etag, saving=self._saving(note))

    def delete(self, persona_id: str, *, etag: str | None = None) -> StoredPersona:
        """Like PersonaStore.delete."""
        return self._personas.delete(persona_id, etag=etag, saving=self._saving())

    def rename(self, persona_id: str, new_id: str, *, etag: str | None = None) -> StoredPersona:
        """Like PersonaStore.rename."""
        return self._personas.rename(persona_id, new_id, etag=etag, saving=self._saving())

    # --- versions ---------------------------------------------------------------------------------

    def history(self, persona_id: str, *, limit: int = 50, before: int | None = None) -> tuple[Revision, ...]:
        """Like Revisions.of, including very recent changes to files."""
        if before is None:
            self._personas.all()  # reading them records the changes
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
        """What changed from one revision to another, or to the stored version.

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
        """When each persona, or each of these, was last saved."""
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
        """Add a lore book's entries to the persona's own, or replace them; raises what `save` raises."""
        persona = self._personas.get(persona_id)
        note = f"Lore from {filename}" if filename else "Lore"
        saving = Saving(self._author, note, "imported")
        text = with_book(persona.text, book, joining=joining)
        return self._personas.save(text, etag=persona.etag, saving=saving)

    def restore(self, persona_id: str, number: int, *, etag: str | None = None) -> StoredPersona:
        """Make a revision the current version again, as a new revision; restores a deleted persona.

        Raises RevisionNotFound, PersonaInvalid if it follows an older schema, and what `save` raises.
        """
        text = renamed_text(self.revision(persona_id, number).text, persona_id)
        saving = Saving(self._author, f"Restored revision {number}", "restored")
        current = self._find(persona_id)
        if current is None:
            return self._personas.create(text, saving=saving)
        return self._personas.save(text, etag=etag or current.etag, saving=saving)

    # --- labels -----------------------------------------------------------------------------------

    def labelled(self, persona_id: str) -> tuple[Label, ...]:
        """A persona's labels. Raises PersonaNotFound."""
        self._find_any(persona_id)
        return self.labels.of(persona_id)

    def label(self, persona_id: str, label: str, number: int | None = None) -> None:
        """Set a label on a revision (None: the newest).

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
        """A persona's picture: its name, which changes with it, and the PNG. Also raises PictureNotFound."""
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
        """Store an uploaded picture, cropped to a square, and return its name for a persona's text.

        Raises PictureRefused, EditingNotAllowed.
        """
        self._refuse_visitors()
        picture = read_picture(content, square=True)
        self.pictures.keep(picture)
        return picture.digest

    def set_picture(self, persona_id: str, name: str, *, etag: str | None = None) -> StoredPersona:
        """Make a persona use the picture with this name, or none for ""; raises what `save` raises."""
        entry = self._personas.get(persona_id)
        if name == entry.persona.picture and etag in {None, entry.etag}:
            return entry
        place = ("picture",)
        text = with_value(entry.text, place, name, order=KEYS) if name else without(entry.text, place)
        note = "New picture" if name and entry.persona.picture else "A picture" if name else "Picture removed"
        return self._personas.save(text, etag=etag or entry.etag, saving=self._saving(note))

    # --- links ------------------------------------------------------------------------------------

    def link(self, persona_id: str) -> Link:
        """A link with the persona itself if it fits an address, otherwise its short link, if any."""
        text = self._personas.get(persona_id).text
        self.rights.refuse_unless_shareable(persona_id)
        packed = links.packed(text)
        return Link(packed) if packed else Link(share=self._shares.of(self._owner, persona_id))

    def share(self, persona_id: str) -> PersonaShare:
        """Create the short link, or update what it shows.

        Raises EditingNotAllowed: it publishes the persona.
        """
        text = self._personas.get(persona_id).text
        self._refuse_visitors()
        self.rights.refuse_unless("share", persona_id)
        self._shares.share(self._owner, persona_id, text)
        share = self._shares.of(self._owner, persona_id)
        assert share is not None  # it was created a moment ago
        self._note("shared", persona_id)
        return share

    def shared(self, persona_id: str) -> PersonaShare | None:
        return self._shares.of(self._owner, persona_id)

    def revoke(self, persona_id: str) -> None:
        """Revoke the short link: it stops working."""
        self._shares.revoke(self._owner, persona_id)
        self._note("unshared", persona_id)

    # --- who may do what --------------------------------------------------------------------------

    def access(self, persona_id: str) -> PersonaAccess:
        """Like PersonaRights.access, for an existing persona."""
        self._find_any(persona_id)
        return self.rights.access(persona_id)

    def set_access(self, persona_id: str, access: PersonaAccess) -> None:
        """Like PersonaRights.set_access; revokes short links that would show what is hidden from now on."""
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

    def _find_any(self, persona_id: str) -> None:
        """Raises PersonaNotFound; a broken one exists."""
        with suppress(PersonaBroken):
            self._personas.get(persona_id)

    def _find(self, persona_id: str) -> StoredPersona | BrokenPersona | None:
        try:
            return self._personas.get(persona_id)
        except PersonaNotFound:
            return None
        except PersonaBroken:
            return next((persona for persona in self._personas.all() if persona.id == persona_id), None)


@contextmanager
def not_there() -> Iterator[None]:
    """The caller knows that the persona doesn't exist, but not that it has another id."""
    try:
        yield
    except PersonaMoved:
        raise
    except PersonaNotFound:
        pass


@contextmanager
def named_for_what_it_is(text: str) -> Iterator[None]:
    """If a text isn't a persona, say what it looks like, besides its faults."""
    try:
        yield
    except PersonaInvalid as invalid:
        if format_name := looks_like(text):
            invalid.hint = f"This looks like {format_name}. Import it instead."
        raise
