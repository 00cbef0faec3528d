"""Unsaved persona texts in the database, for their owner, besides the session that has them open.

`keep` writes what the session changed, at the beginning of every run, so that nothing typed is lost with the
session. `follow` reads what was written in other tabs or before this session. If two tabs change one draft,
both changes are kept. If they change the same place, the earlier version is discarded and can be restored. A
database that can't be reached takes nothing from the session, which writes later.
"""

from __future__ import annotations

import json
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import cast

import streamlit as st

from personachat.errors import DatabaseDamaged, DatabaseUnavailable
from personachat.jsontext.edits import both_changes
from personachat.messages import storable
from personachat.personas.merge import merge_personas
from personachat.personas.store.drafts import DiscardedDraft, DraftHead, DraftText, KeptDraft, PersonaDrafts
from personachat.ui import open_tabs, session
from personachat.ui.owner import current_owner
from personachat.ui.personas.texts import name_in
from personachat.ui.session import PersonaDraft

_DRAFTS = "drafts_kept"

OUT_OF_REACH = (DatabaseUnavailable, DatabaseDamaged)

MOST_CHARACTERS = 4_000_000
"""Characters; no persona is that long, and longer texts aren't stored."""

_TRIES = 5


@dataclass(frozen=True, slots=True)
class DraftOnPage:
    """The draft that a page shows: the number of its newest change, who made it, and a digest of its text.

    Without a draft, the number is 0 and the digest is "". `page` is who writes for this page.
    """

    persona_id: str
    version: int
    page: str
    digest: str


@dataclass(slots=True)
class _Session:
    """What the session knows to be stored: each draft as last written or read, and its number."""

    writer: str = field(default_factory=lambda: secrets.token_hex(8))
    saved_drafts: dict[str, PersonaDraft | None] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    elsewhere: set[str] = field(default_factory=set)
    """Drafts whose newest change came from another tab while this one was open."""
    held_back: DraftOnPage | None = None
    """What a page that lost its session showed, after another page continued the draft."""
    discarded: tuple[DiscardedDraft, ...] = ()
    has_read: bool = False
    is_behind: bool = False
    """Whether the last attempt to write to the database failed."""


def _session() -> _Session:
    here = st.session_state.get(_DRAFTS)
    if here is None:  # created on first use: its name comes from the system's source of randomness
        here = st.session_state.setdefault(_DRAFTS, _Session())
    return cast("_Session", here)


def keep() -> None:
    """Write the session's drafts that differ from the stored ones."""
    here, drafts = _session(), session.drafts()
    changed = [
        each
        for each in {**here.saved_drafts, **drafts}
        if drafts.get(each) != here.saved_drafts.get(each) and not _is_held(here, each)
    ]
    if not changed:
        return
    here.is_behind = True
    with suppress(*OUT_OF_REACH):
        for persona_id in changed:
            _write(here, persona_id)
        here.is_behind = False


def follow() -> None:
    """Read what other tabs and earlier sessions wrote, and follow their changes from now on."""
    here, owner = _session(), current_owner()
    store = session.services().drafts
    here.discarded = ()
    with suppress(*OUT_OF_REACH):
        if not here.has_read:
            _take_files(store, owner)
        draft_list = store.all_of(owner)
        heads, here.discarded = draft_list.heads, draft_list.discarded
        news = [
            each
            for each, head in heads.items()
            if here.versions.get(each) != head.version and not _is_held(here, each)
        ]
        if news:
            draft = store.get(owner, news)
            for persona_id in news:
                if persona_id in draft:
                    _take(here, draft[persona_id])
        here.has_read = True
        _watch(owner, heads)


def on_page(persona_id: str) -> DraftOnPage | None:
    """What the page shows of a persona's draft; None as long as the drafts haven't been read."""
    here, draft = _session(), session.drafts().get(persona_id)
    if not here.has_read:
        return None
    version = here.versions.get(persona_id, 0) if draft else 0
    return DraftOnPage(persona_id, version, here.writer, _digest(draft.text) if draft else "")


def hold(old: DraftOnPage) -> None:
    """If another page has continued a draft since `old`, leave that alone until `release`.

    Until then the draft is the version both are based on. So what comes back with the older page counts as
    its own change, and not as a change of text it has never seen.
    """
    here, persona_id = _session(), old.persona_id
    with suppress(*OUT_OF_REACH):
        theirs = session.services().drafts.get(current_owner(), [persona_id]).get(persona_id)
        if not theirs or not theirs.draft or theirs.version == old.version or theirs.writer == old.page:
            return
        if not theirs.draft.base_text:  # never saved: there is no version that both are based on
            set_aside(persona_id, _draft(theirs.draft))
            return
        here.held_back = old
        here.versions.pop(persona_id, None)
        here.saved_drafts.pop(persona_id, None)
        base = theirs.draft.base_text
        session.drafts()[persona_id] = PersonaDraft(base, base, theirs.draft.etag)


def release() -> None:
    """The older page's own changes are now in the draft: from here on both changes are kept."""
    here = _session()
    old, here.held_back = here.held_back, None
    draft = session.drafts().get(old.persona_id) if old else None
    if old and draft and (draft.text == draft.base_text or _digest(draft.text) == old.digest):
        del session.drafts()[old.persona_id]


def is_behind() -> bool:
    """Whether some typed text is only in this session, because the database couldn't be reached."""
    return _session().is_behind


def changed_elsewhere(persona_id: str) -> bool:
    """Whether the newest change of a draft came from another tab."""
    return persona_id in _session().elsewhere


def set_aside(persona_id: str, draft: PersonaDraft) -> str | None:
    """Store a discarded draft; None if the database can't be reached."""
    with suppress(*OUT_OF_REACH):
        return session.services().drafts.set_aside(
            current_owner(), persona_id, _text(draft), name=_name(persona_id, draft.text)
        )
    return None


def take_back(aside: str) -> tuple[str, PersonaDraft] | None:
    """The persona's id and a discarded draft, which no longer is one. Raises DatabaseUnavailable."""
    draft = session.services().drafts.take_back(current_owner(), aside)
    return (draft.persona_id, _draft(draft.draft)) if draft and draft.draft else None


def asides() -> tuple[DiscardedDraft, ...]:
    """What the owner had discarded when this run read the drafts, latest first."""
    return _session().discarded


def _is_held(here: _Session, persona_id: str) -> bool:
    return here.held_back is not None and here.held_back.persona_id == persona_id


def _digest(text: str) -> str:
    return sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]


def _write(here: _Session, persona_id: str) -> None:
    draft = session.drafts().get(persona_id)
    if storable(persona_id) != persona_id or (draft and len(draft.text) > MOST_CHARACTERS):
        return  # the name of a file that no database can store, or that no persona can have
    store, owner = session.services().drafts, current_owner()
    for _ in range(_TRIES):
        mine = session.drafts().get(persona_id)
        number, theirs = store.put(
            owner,
            persona_id,
            _text(mine) if mine else None,
            version=here.versions.get(persona_id, 0),
            writer=here.writer,
        )
        if theirs is None:
            here.versions[persona_id] = number
            here.saved_drafts[persona_id] = replace(mine) if mine else None
            here.elsewhere.discard(persona_id)
            return
        _reconcile(here, theirs, mine)


def _reconcile(here: _Session, theirs: KeptDraft, mine: PersonaDraft | None) -> None:
    """Someone else changed the draft since this session read it: keep both changes."""
    persona_id, other = theirs.persona_id, theirs.draft
    assert other is not None  # only an existing draft can conflict
    before = here.saved_drafts.get(persona_id)
    here.versions[persona_id] = theirs.version
    here.saved_drafts[persona_id] = _draft(other)
    if mine is None:  # it was saved or discarded as it was before that change
        session.drafts()[persona_id] = _draft(other)
        here.elsewhere.add(persona_id)
        return
    if theirs.writer == here.writer:  # another run of this session was faster
        return
    begun = before.text if before else mine.base_text
    text = both_changes(begun, mine.text, other.text) or _merged(begun, mine.text, other.text)
    if text is None:
        name = _name(persona_id, other.text)
        session.services().drafts.set_aside(current_owner(), persona_id, other, name=name)
        text = mine.text
    session.drafts()[persona_id] = PersonaDraft(text, mine.base_text, mine.etag)


def _merged(begun: str, mine: str, other: str) -> str | None:
    """Both changes field by field, if they don't change the same one; otherwise None."""
    merge = merge_personas(begun, mine, other)
    return merge.text if merge and not merge.clashes else None


def _take(here: _Session, change: KeptDraft) -> None:
    """Take over what someone else wrote, unless something of our own isn't written yet."""
    persona_id = change.persona_id
    kept_draft, mine = here.saved_drafts.get(persona_id), session.drafts().get(persona_id)
    if mine != kept_draft:
        return
    draft = _draft(change.draft) if change.draft else None
    here.versions[persona_id] = change.version
    here.saved_drafts[persona_id] = replace(draft) if draft else None
    if draft:
        session.drafts()[persona_id] = draft
    else:
        session.drafts().pop(persona_id, None)
    if here.has_read and change.writer != here.writer and (draft or mine):
        here.elsewhere.add(persona_id)


def _watch(owner: str, heads: dict[str, DraftHead]) -> None:
    changed_at = {open_tabs.DRAFT + persona_id: head.changed_at for persona_id, head in heads.items()}
    open_tabs.follow(session.services(), owner, changed_at, shows_drafts=True)


def _name(persona_id: str, text: str) -> str:
    return name_in(text) or persona_id


def _text(draft: PersonaDraft) -> DraftText:
    return DraftText(draft.text, draft.base_text, draft.etag)


def _draft(text: DraftText) -> PersonaDraft:
    return PersonaDraft(**asdict(text))


# --- what earlier versions kept in files ------------------------------------------------------------


def _take_files(store: PersonaDrafts, owner: str) -> None:
    """Read drafts that earlier versions left in files; each file is deleted once it is in the database."""
    folder = Path(session.services().settings.data_dir) / "drafts" / sha256(owner.encode()).hexdigest()[:32]
    with suppress(OSError):
        for path in sorted(folder.glob("*.json"), key=lambda each: each.stat().st_mtime, reverse=True):
            heads = store.heads(owner)
            for persona_id, draft in _left_in(path).items():
                if persona_id not in heads and storable(persona_id) == persona_id:
                    store.put(owner, persona_id, draft, version=0, writer="")
            path.unlink()


def _left_in(path: Path) -> dict[str, DraftText]:
    with suppress(OSError, ValueError, TypeError, AttributeError):
        return {key: DraftText(**draft) for key, draft in json.loads(path.read_text()).items()}
    return {}
