"""The lore of the open persona: its book's entries, files that add to them, and a message to test them.

It edits the same text as the JSON tab; nothing is stored before the persona is saved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import streamlit as st

from personachat.errors import PersonaChatError
from personachat.jsontext.faults import Path
from personachat.messages import ChatMessage
from personachat.personas.formats.lore_files import MOST_FILE_BYTES, read_lore
from personachat.personas.lorebook import BOOK, ActivatedEntry, limits
from personachat.personas.lorebook.editing import Joining, book_of, entries_of, new_entry, with_book
from personachat.personas.lorebook.keys import key_texts
from personachat.personas.persona import Persona
from personachat.personas.prompt import persona_part
from personachat.personas.search import SearchText, words_of
from personachat.ui.personas.desk import OpenPersona, desk
from personachat.ui.personas.form import removal
from personachat.ui.personas.form.binding import FormText, change, put, remember_value
from personachat.ui.wording import as_text, error_text, escaped, heard

_MB = 1024 * 1024
PAGE_SIZE = 25
"""Entries per page."""

MOST_TITLE_CHARACTERS = 70
TRIED = "lore_tried"


def draw(open_persona: OpenPersona) -> None:
    """Draw the book of the open persona."""
    if open_persona.persona is None:
        st.info("Fix the problems first: lore needs a valid persona.", icon=":material/visibility_off:")
        return
    text = FormText(open_persona)
    entries = _entries(open_persona.persona)
    st.caption(
        "A lore entry is sent to the model when one of its keys appears in the conversation. An entry "
        "that is always included needs no keys."
    )
    _draw_trial(open_persona.persona, has_entries=bool(entries))
    _draw_list(text, entries)
    _draw_adding(open_persona)
    for sentence in limits(open_persona.persona.extensions.get(BOOK)):
        st.caption(f":material/info: {as_text(sentence)}")


def draw_activations(pairs: Sequence[tuple[str, str]], *, heading: str) -> None:
    """Which entries are included, each with the key that activated it."""
    if not pairs:
        return
    with st.expander(f"{heading} ({len(pairs):,})", icon=":material/menu_book:"):
        for name, by in pairs[:PAGE_SIZE]:
            st.markdown(f"**{as_text(name)}** :gray[{as_text(by)}]")
        if len(pairs) > PAGE_SIZE:
            st.caption(f"… and {len(pairs) - PAGE_SIZE:,} more.")


def _entries(persona: Persona) -> dict[str | int, Mapping[str, Any]]:
    """The entries by their place in the book, as it is now."""
    book = persona.extensions.get(BOOK)
    entries = _whole(book).get("entries") if isinstance(book, Mapping) else None
    entry_list = entries if isinstance(entries, list) else []
    pairs = entries.items() if isinstance(entries, Mapping) else enumerate(entry_list)
    return {place: each for place, each in pairs if isinstance(each, Mapping)}


def _whole(book: Mapping[str, Any]) -> Mapping[str, Any]:
    data = book.get("data")
    return data if book.get("spec") == "lorebook_v3" and isinstance(data, Mapping) else book


def _base(persona: Persona) -> Path:
    """Where the entries are in the persona's text."""
    book = persona.extensions.get(BOOK)
    within = isinstance(book, Mapping) and _whole(book) is not book
    return ("extensions", BOOK, *(("data",) if within else ()), "entries")


def _draw_trial(persona: Persona, *, has_entries: bool) -> None:
    if not has_entries:
        return
    sentence = st.text_input(
        "Try a sentence",
        key=TRIED,
        placeholder="What do you know of the harbour?",
        help="See which entries this text would include as a first message.",
        max_chars=2_000,
    )
    if not sentence:
        return
    now = datetime.now().astimezone()  # the server's own day and time, as in a chat
    lore = persona_part(persona, [ChatMessage("user", sentence)], today=now).lore
    if not lore.entries and not lore.no_room:
        st.info("No entry is included.", icon=":material/search_off:")
    for each in lore.entries[:PAGE_SIZE]:
        _draw_activation(each)
    if len(lore.entries) > PAGE_SIZE:
        st.caption(f"… and {len(lore.entries) - PAGE_SIZE:,} more.")
    if lore.no_room:
        names = ", ".join(_title_of(each.entry.name, each.text) for each in lore.no_room[:5])
        st.caption(f":material/block: No room in the book's budget: {as_text(names)}")
    if lore.ended_early:
        st.caption(":material/warning: The book is too large to be searched completely.")


def _draw_activation(each: ActivatedEntry) -> None:
    with st.container(border=True, gap="xsmall"):
        place = f"depth {each.entry.depth}" if each.entry.place == "depth" else each.entry.place
        title = as_text(_title_of(each.entry.name, each.text))
        st.markdown(f"**{title}** :gray[{as_text(each.by)} · {place.replace('_', ' ')}]")
        st.code(each.text, language=None, wrap_lines=True)


def _draw_list(text: FormText, entries: Mapping[str | int, Mapping[str, Any]]) -> None:
    persona = cast("Persona", text.open_persona.persona)
    sought = ""
    if len(entries) > 5:
        sought = st.text_input("Search the entries", key="lore_sought", live=True, icon=":material/search:")
    places = [place for place, each in entries.items() if _matches(each, sought)]
    if entries:
        count = f"{len(entries):,} entries" if len(entries) != 1 else "1 entry"
        st.caption(count if len(places) == len(entries) else f"{len(places):,} of {count}")
    base = _base(persona)
    for place in places[:PAGE_SIZE]:
        _draw_entry(text, (*base, place), entries[place])
    if len(places) > PAGE_SIZE:
        st.caption(f"… and {len(places) - PAGE_SIZE:,} more. Search to find them.")
    removal.draw_undo(text.open_persona, ("extensions", BOOK))
    st.button("New entry", icon=":material/add:", key="lore_new", on_click=_add, args=(text.open_persona,))


def _matches(entry: Mapping[str, Any], sought: str) -> bool:
    searched = SearchText.about(_name(entry), *_keys(entry), str(entry.get("content") or ""))
    return searched.has(words_of(sought))


def _draw_entry(text: FormText, path: Path, entry: Mapping[str, Any]) -> None:
    number = path[-1]
    is_on = _is_on(entry)
    as_title = _title_of(_name(entry) or ", ".join(_keys(entry)), str(entry.get("content") or ""))
    title = escaped(as_title)
    label = title if is_on else f":gray[{title} (off)]"
    opened = st.expander(label, key=f"lore-open-{text.open_persona.id}-{number}", on_change="rerun")
    if not opened.open:
        return
    with opened:
        with st.container(horizontal=True, vertical_alignment="center"):
            _flag(text, path, "On", name=_ON, value=is_on)
            _flag(text, path, "Always include", name="constant", value=entry.get("constant") is True)
        _area(
            text,
            path,
            "Keys",
            name="key" if "key" in entry else "keys",
            value="\n".join(_keys(entry)),
            height=100,
            explained="One per line: words, or a regular expression such as /harbou?r/i.",
        )
        _area(text, path, "Text", name="content", value=str(entry.get("content") or ""), height=160)
        _order(text, path, entry)
        st.button(
            "Delete entry",
            icon=":material/delete:",
            type="tertiary",
            key=f"lore-delete-{number}",
            on_click=_delete,
            args=(text.open_persona, path, as_title),
        )


def _delete(open_persona: OpenPersona, path: Path, title: str) -> None:
    removal.remove(open_persona, path, f"the entry “{title}”")
    for key in [each for each in st.session_state if str(each).startswith(f"lore-open-{open_persona.id}-")]:
        st.session_state[key] = False  # those after it move up, and would be mistaken for those before them


_ON = "enabled"


def _flag(text: FormText, path: Path, label: str, *, name: str, value: bool) -> None:
    key = text.key((*path, name), value)
    st.toggle(label, value, key=key, on_change=_flag_changed, args=(text.open_persona, path, name, key))


def _flag_changed(open_persona: OpenPersona, path: Path, name: str, key: str) -> None:
    value = bool(st.session_state[key])
    remember_value(open_persona, (*path, name), value)
    if name == _ON and "disable" in _entry_at(open_persona, path):
        put(open_persona, (*path, "disable"), not value)
    else:
        put(open_persona, (*path, name), value)


def _area(
    text: FormText,
    path: Path,
    label: str,
    *,
    name: str,
    value: str,
    height: int,
    explained: str | None = None,
) -> None:
    key = text.key((*path, name), value)
    st.text_area(
        label,
        value,
        key=key,
        height=height,
        help=explained,
        on_change=_area_changed,
        args=(text.open_persona, path, name, key),
    )


def _area_changed(open_persona: OpenPersona, path: Path, name: str, key: str) -> None:
    value = str(st.session_state[key])
    if name == "content":
        remember_value(open_persona, (*path, name), value)
        put(open_persona, (*path, name), value)
        return
    keys = [line.strip() for line in value.split("\n") if line.strip()]
    remember_value(
        open_persona, (*path, name), "\n".join(keys)
    )  # as it is drawn from now on: the field stays
    put(open_persona, (*path, name), keys)


def _order(text: FormText, path: Path, entry: Mapping[str, Any]) -> None:
    name = "order" if "order" in entry else "insertion_order"
    try:
        value = int(float(entry.get(name) or 0))
    except (TypeError, ValueError, OverflowError):
        value = 0
    key = text.key((*path, name), value)
    st.number_input(
        "Order",
        value=max(min(value, 1_000_000), -1_000_000),
        step=1,
        key=key,
        help="Entries with a higher number come later.",
        on_change=_order_changed,
        args=(text.open_persona, path, name, key),
    )


def _order_changed(open_persona: OpenPersona, path: Path, name: str, key: str) -> None:
    value = int(st.session_state[key] or 0)
    remember_value(open_persona, (*path, name), value)
    put(open_persona, (*path, name), value)


def _add(open_persona: OpenPersona) -> None:
    def added(text: str) -> str:
        number = len(entries_of(book_of(text)))
        entry = new_entry() | {"comment": f"Entry {number + 1}"}
        return with_book(text, {"entries": [entry]}, joining="add")

    change(open_persona, added)


def _draw_adding(open_persona: OpenPersona) -> None:
    with st.expander("Add a lore book", icon=":material/upload_file:"):
        file = st.file_uploader(
            "World Info, a lorebook_v3 file or a character card",
            type=["json", "png"],
            max_upload_size=MOST_FILE_BYTES // _MB,
            key=f"lore_file_{desk().lore_files}",
        )
        if file is None:
            return
        try:
            read = read_lore(file.getvalue())
        except PersonaChatError as error:
            st.error(error_text(error), icon=":material/error:")
            return
        st.caption(f"{read.entries:,} entries can be used.")
        for loss in read.losses:
            st.caption(f":material/info: {as_text(loss)}")
        with st.container(horizontal=True):
            for label, joining in (("Add the entries", "add"), ("Replace the book", "replace")):
                st.button(
                    heard(label),
                    key=f"lore_{joining}",
                    on_click=_take_in,
                    args=(open_persona, read.book, joining),
                )


def _take_in(open_persona: OpenPersona, book: Mapping[str, Any], joining: Joining) -> None:
    def taken_in(text: str) -> str:
        return with_book(text, book, joining=joining)

    if joining == "replace" and open_persona.persona and _entries(open_persona.persona):
        removal.replace(open_persona, ("extensions", BOOK), "the former book", taken_in)
    else:
        change(open_persona, taken_in)
    desk().lore_files += 1


def _entry_at(open_persona: OpenPersona, path: Path) -> Mapping[str, Any]:
    entries = _entries(open_persona.persona) if open_persona.persona else {}
    return entries.get(path[-1], {})


def _is_on(entry: Mapping[str, Any]) -> bool:
    return entry.get("enabled") is not False and entry.get("disable") is not True


def _name(entry: Mapping[str, Any]) -> str:
    return str(entry.get("comment") or entry.get("name") or "")


def _keys(entry: Mapping[str, Any]) -> list[str]:
    return key_texts(entry.get("keys") or entry.get("key"))


def _title_of(name: str, text: str) -> str:
    title = " ".join((name or text).split()) or "Empty"
    return title if len(title) <= MOST_TITLE_CHARACTERS else f"{title[: MOST_TITLE_CHARACTERS - 1]}…"
