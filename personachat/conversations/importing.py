"""Takes conversations in from the JSON document of an export: all of them, or none.

The whole document is checked before anything is written. Every conversation and turn gets a new id, so the
same file twice makes two copies and nobody's ids are taken.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from pydantic import ValidationError
from sqlalchemy import Connection, insert

from personachat.conversations.documents import (
    FORMAT,
    MOST_CONVERSATIONS,
    VERSION,
    ConversationDocument,
    Document,
    TurnDocument,
    turn_of,
)
from personachat.conversations.model import Turn, new_id
from personachat.conversations.rows import turn_values
from personachat.conversations.tables import conversations, turns
from personachat.conversations.titles import title_of
from personachat.errors import ImportRefused
from personachat.messages import storable

MOST_BYTES = 50 * 1024 * 1024

_HINT = "Choose a JSON file that PersonaChat exported."
_AT_ONCE = 1000
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Imported:
    """A conversation ready to be written: with ids and depths of its own, parents before children."""

    id: str
    title: str
    leaf_id: str | None
    document: ConversationDocument
    turns: tuple[Turn, ...]


def read_document(content: bytes) -> list[Imported]:
    """The conversations in a file. Raises ImportRefused; its sentence names the fault and the place."""
    if len(content) > MOST_BYTES:
        _refuse(f"The file is too big: {MOST_BYTES // 1024**2} MB is the most.")
    value = _json(content)
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        _refuse("This is not an export of conversations.")
    if value.get("version") != VERSION:
        _refuse(f"The file is of another version than {VERSION}, which is the one this PersonaChat reads.")
    listed = value.get("conversations")
    if isinstance(listed, list) and len(listed) > MOST_CONVERSATIONS:
        _refuse(f"The file holds {len(listed):,} conversations; {MOST_CONVERSATIONS:,} are the most.")
    try:
        document = Document.model_validate(value)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
        _refuse(_sentence(value, fault["loc"], fault["msg"]))
    return [
        _rebuilt(conversation, _named(number, conversation.title))
        for number, conversation in enumerate(document.conversations, 1)
    ]


def write(connection: Connection, owner: str, imported: Sequence[Imported]) -> None:
    """Add the conversations to the owner's."""
    heads = [
        {
            "id": one.id,
            "owner": owner,
            "title": one.title,
            "has_own_title": bool(one.document.title),
            "kept": True,
            "leaf_id": one.leaf_id,
            "pinned": one.document.pinned,
            "archived": one.document.archived,
            "created_at": one.document.created_at,
            "updated_at": one.document.updated_at,
        }
        for one in imported
    ]
    rows = (
        turn_values(turn, conversation_id=one.id, depth=turn.depth) for one in imported for turn in one.turns
    )
    _insert_all(connection, conversations, heads)
    _insert_all(connection, turns, list(rows))


def _insert_all(connection: Connection, table: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    for start in range(0, len(rows), _AT_ONCE):
        connection.execute(insert(table), rows[start : start + _AT_ONCE])


def _json(content: bytes) -> Any:
    try:
        return json.loads(content.decode("utf-8-sig"), parse_constant=_no_number)
    except UnicodeDecodeError:
        _refuse("The file is not UTF-8 text.")
    except RecursionError:
        _refuse("The file is nested too deep.")
    except ValueError as error:
        place = f" in line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        _refuse(f"The file is not JSON: there is a fault{place}.")


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


def _sentence(value: dict[str, Any], place: Sequence[int | str], message: str) -> str:
    """Where a fault is, for people: the conversation by its title, the turn by its number."""
    where = ""
    keys = list(place)
    if len(keys) > 1 and keys[0] == "conversations" and isinstance(keys[1], int):
        conversation = value["conversations"][keys[1]]
        title = conversation.get("title") if isinstance(conversation, dict) else ""
        where = f" in {_named(keys[1] + 1, title if isinstance(title, str) else '')}"
        keys = keys[2:]
        if len(keys) > 1 and keys[0] == "turns" and isinstance(keys[1], int):
            where += f", turn {keys[1] + 1}"
            keys = keys[2:]
    key = ".".join(_short(str(part)) for part in keys)
    said = message.removeprefix("Value error, ")
    what = f'"{key}"' if key else "The entry"
    return f"{what}{where}: {said[:1].lower()}{said[1:]}."


def _named(number: int, title: str) -> str:
    return f'conversation {number} "{_short(title)}"' if title.strip() else f"conversation {number}"


def _short(text: str) -> str:
    line = " ".join(storable(text).split())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"


def _rebuilt(document: ConversationDocument, name: str) -> Imported:
    """The conversation with new ids. Raises ImportRefused where its turns make no tree."""
    by_id: dict[str, TurnDocument] = {}
    for turn in document.turns:
        if turn.id in by_id:
            _refuse(f'In {name} two turns have the id "{_short(turn.id)}".')
        if turn.role == "user" and turn.reply is not None:
            _refuse(f'In {name} the user\'s turn "{_short(turn.id)}" has a reply of a model.')
        by_id[turn.id] = turn
    for turn in document.turns:
        if turn.parent_id is not None and turn.parent_id not in by_id:
            _refuse(f'In {name} the turn "{_short(turn.id)}" hangs on one that is not there.')
    if document.leaf_id is not None and document.leaf_id not in by_id:
        _refuse(f"In {name} the last turn to show is not there.")
    depths = _depths(by_id, name)
    ordered = document.turns
    places = {turn.id: place for place, turn in enumerate(ordered)}
    if any(turn.parent_id is not None and places[turn.parent_id] > places[turn.id] for turn in ordered):
        ordered = sorted(ordered, key=lambda turn: depths[turn.id])  # siblings stay in their order
    ids = {turn.id: new_id() for turn in ordered}
    made = tuple(
        replace(
            turn_of(turn),
            id=ids[turn.id],
            parent_id=ids[turn.parent_id] if turn.parent_id is not None else None,
            depth=depths[turn.id],
        )
        for turn in ordered
    )
    said = [turn.as_message() for turn in made]
    title = " ".join(document.title.split()) or title_of(said) or ("Untitled" if made else "")
    leaf_id = ids[document.leaf_id] if document.leaf_id is not None else None
    return Imported(new_id(), title, leaf_id, document, made)


def _depths(by_id: Mapping[str, TurnDocument], name: str) -> dict[str, int]:
    depths: dict[str, int] = {}
    for turn in by_id.values():
        above: list[str] = []
        place: str | None = turn.id
        while place is not None and place not in depths:
            above.append(place)
            depths[place] = -1  # on the way up; met again, it is above itself
            place = by_id[place].parent_id
        if place is not None and depths[place] < 0:
            _refuse(f'In {name} the turn "{_short(turn.id)}" is above itself.')
        depth = depths[place] if place is not None else -1
        for turn_id in reversed(above):
            depth += 1
            depths[turn_id] = depth
    return depths


def _refuse(message: str) -> NoReturn:
    raise ImportRefused(message, hint=_HINT)
