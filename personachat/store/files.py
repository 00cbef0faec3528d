"""Personas as files, `<id>.json` each in one folder; people and git may edit them at any time.

A file that is no persona is listed as broken and stays as it is until someone saves over it with its etag.
What is cached is never older than the file: one changed within the clock's grain of a read is read again.
"""

from __future__ import annotations

import errno
import os
import time
from dataclasses import dataclass
from pathlib import Path

from personachat.errors import (
    PersonaBroken,
    PersonaChanged,
    PersonaExists,
    PersonaNotFound,
    Problem,
)
from personachat.persona import DEFAULT_PERSONA_ID, Persona, parse_persona
from personachat.persona_fields import is_persona_id
from personachat.persona_syntax import shown
from personachat.persona_text import MAX_TEXT_BYTES
from personachat.store.base import PLAIN_SAVE, BrokenPersona, Saving, StoredPersona
from personachat.store.folder import (
    UnreadableFile,
    available,
    locked,
    read_file,
    remove_file,
    replace_file,
)
from personachat.store.persona_file import (
    SUFFIX,
    Signature,
    broken_persona,
    etag_of,
    printable,
    read_persona,
    stem_of,
)

_GRAIN_NANOSECONDS = 2_000_000_000
"""The coarsest clock of a file system still in use (FAT): later changes might carry the same time."""


@dataclass(frozen=True, slots=True)
class _Seen:
    signature: Signature
    settled: bool
    stored: StoredPersona | BrokenPersona


class FilePersonaStore:
    """A PersonaStore over a folder, which need not exist before the first save."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: dict[str, _Seen] = {}

    def all(self) -> list[StoredPersona | BrokenPersona]:
        names = self._names()
        for name in self._seen.keys() - set(names):
            self._seen.pop(name, None)
        found = [stored for name in names if (stored := self._load(name))]
        return sorted(found, key=_rank)

    def get(self, persona_id: str) -> StoredPersona:
        stored = self._find(persona_id)
        if stored is None:
            raise _not_found(persona_id)
        return _whole(stored)

    def create(self, text: str, *, saving: Saving = PLAIN_SAVE) -> StoredPersona:
        del saving
        persona = parse_persona(text)
        with locked(self._folder):
            current = self._find(persona.id)
            if current is not None:
                _whole(current)
                raise PersonaExists(
                    f'A persona with the id "{persona.id}" exists already.', hint="Choose another id."
                )
            return self._write(persona, text)

    def save(self, text: str, *, etag: str | None = None, saving: Saving = PLAIN_SAVE) -> StoredPersona:
        del saving
        persona = parse_persona(text)
        with locked(self._folder):
            current = self._find(persona.id)
            if etag is not None:
                _check(persona.id, current, etag)
            elif current is not None:
                _whole(current)
            return self._write(persona, text)

    def delete(
        self, persona_id: str, *, etag: str | None = None, saving: Saving = PLAIN_SAVE
    ) -> StoredPersona:
        del saving
        if self._find(persona_id) is None:  # before the lock, which would make a missing folder
            raise _not_found(persona_id)
        with locked(self._folder):
            current = self._find(persona_id)
            if current is None:
                raise _not_found(persona_id)
            stored = _whole(current)
            if etag is not None:
                _check(persona_id, stored, etag)
            remove_file(self._folder / f"{stored.id}{SUFFIX}")
            self._seen.pop(f"{stored.id}{SUFFIX}", None)
            return stored

    def _names(self) -> list[str]:
        with available(self._folder):
            try:
                names = os.listdir(self._folder)  # noqa: PTH208  # a thousand names, no Path objects
            except FileNotFoundError:
                return []
        return [name for name in names if name.endswith(SUFFIX) and not name.startswith(".")]

    def _find(self, persona_id: str) -> StoredPersona | BrokenPersona | None:
        """Look one up. What cannot be an id never becomes a path; it is only compared with what is there."""
        if is_persona_id(persona_id):
            return self._load(f"{persona_id}{SUFFIX}")
        name = next((name for name in self._names() if stem_of(name) == persona_id), None)
        return self._load(name) if name else None

    def _load(self, name: str) -> StoredPersona | BrokenPersona | None:
        """Return what a file holds, or None where there is none."""
        path = self._folder / name
        with available(self._folder):
            status = _status(path)
        if status is None:
            return None
        signature = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
        seen = self._seen.get(name)
        if seen and seen.settled and seen.signature == signature:
            return seen.stored
        settled = time.time_ns() - max(signature[:2]) > _GRAIN_NANOSECONDS
        try:
            content = read_file(path, most_bytes=MAX_TEXT_BYTES)
        except FileNotFoundError:
            return None
        except UnreadableFile as unreadable:
            fault = Problem(f'"{printable(name)}" {unreadable}.')
            return broken_persona(name, "", etag_of(repr(signature).encode()), (fault,))
        digest = etag_of(content)
        if seen and seen.stored.etag == digest:
            stored = seen.stored
        else:
            stored = read_persona(name, content, digest=digest, signature=signature)
        self._seen[name] = _Seen(signature, settled, stored)
        return stored

    def _write(self, persona: Persona, text: str) -> StoredPersona:
        content = text.encode()
        replace_file(self._folder / f"{persona.id}{SUFFIX}", content)
        return StoredPersona(persona, text, etag_of(content))


def _status(path: Path) -> os.stat_result | None:
    """Return the status of a file or of what its link leads to, or of the link if that leads nowhere."""
    for look in (os.stat, os.lstat):
        try:
            return look(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
    return None


def _rank(stored: StoredPersona | BrokenPersona) -> tuple[bool, str, str]:
    name = stored.persona.name if isinstance(stored, StoredPersona) else stored.id
    return stored.id != DEFAULT_PERSONA_ID, name.casefold(), stored.id


def _whole(stored: StoredPersona | BrokenPersona) -> StoredPersona:
    if isinstance(stored, StoredPersona):
        return stored
    first = stored.problems[0]
    raise PersonaBroken(
        f'The file "{stored.filename}" cannot be read as a persona. Line {first.line}: {first.message}',
        problems=stored.problems,
        hint="Mend it in the editor; until then it is left as it is.",
    )


def _check(persona_id: str, current: StoredPersona | BrokenPersona | None, etag: str) -> None:
    if current is None:
        raise PersonaChanged(
            f'The persona "{persona_id}" was deleted meanwhile.',
            etag=None,
            text=None,
            hint="Save it as a new one to keep it.",
        )
    if current.etag != etag:
        raise PersonaChanged(
            f'Somebody has changed the persona "{persona_id}" meanwhile.',
            etag=current.etag,
            text=current.text,
            hint="Compare both versions, then save the one to keep.",
        )


def _not_found(persona_id: str) -> PersonaNotFound:
    return PersonaNotFound(f'There is no persona "{shown(persona_id)}".', hint="See the list of personas.")
