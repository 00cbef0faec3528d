"""Imports conversations from the JSON document of an export: all of them, or none.

The whole document is checked before anything is written. Every conversation and turn gets a new id, so
importing a file twice makes two copies, and no existing id is used.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from personachat.conversations.model import Turn
from personachat.conversations.titles import MOST_READ_MESSAGES, title_of
from personachat.errors import ImportRefused
from personachat.history import import_reading
from personachat.history.documents import (
    FORMAT,
    MOST_CONVERSATIONS,
    VERSION,
    ConversationDocument,
    Document,
    TurnDocument,
    turn_of,
)
from personachat.history.import_reading import (
    MOST_TURNS,
    ConversationEntry,
    TooManyConversations,
    TooManyTurns,
    value_at,
)
from personachat.messages import storable
from personachat.stamps import new_id

MOST_BYTES = 50 * 1024 * 1024

_HINT = "Choose a JSON file exported by PersonaChat."
_MOST_SUMMARY_CHARACTERS = 60

Part = TypeVar("Part", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class CheckedConversation:
    """A conversation that was checked and can be written, under a new id.

    Turns are numbered as in the file: `order` has parents before children, `parents` has -1 for none.
    """

    id: str
    title: str
    leaf_id: str | None
    document: ConversationDocument
    text: str
    places: array[int]
    order: Sequence[int]
    ids: Sequence[str]
    parents: array[int]
    depths: array[int]

    def turns(self) -> Iterator[Turn]:
        """The turns with their new ids, one after another as they are read."""
        for number in self.order:
            parent = self.parents[number]
            yield replace(
                turn_of(TurnDocument.model_validate(value_at(self.text, self.places[number]))),
                id=self.ids[number],
                parent_id=None if parent < 0 else self.ids[parent],
                depth=self.depths[number],
            )


def read_document(content: bytes) -> list[CheckedConversation]:
    """The conversations in a file. Raises ImportRefused, which names the fault and the place."""
    if len(content) > MOST_BYTES:
        _refuse(f"The file is too large; the limit is {MOST_BYTES // 1024**2} MB.")
    text, contents = _read(content)
    if contents is None or contents.values.get("format") != FORMAT:
        _refuse("This is not an export of conversations.")
    if contents.values.get("version") != VERSION:
        _refuse(f"The file has another version than {VERSION}, the only one this PersonaChat can read.")
    entries = contents.entries
    _checked(Document, contents.values | ({} if entries is None else {"conversations": []}))
    return [_imported(text, entry, number) for number, entry in enumerate(entries or (), 1)]


def _read(content: bytes) -> tuple[str, import_reading.Contents | None]:
    try:
        text = content.decode("utf-8-sig")
        return text, import_reading.read(text)
    except UnicodeDecodeError:
        _refuse("The file is not UTF-8 text.")
    except RecursionError:
        _refuse("The file is nested too deeply.")
    except TooManyConversations:
        _refuse(f"The file has more than {MOST_CONVERSATIONS:,} conversations, the limit for one import.")
    except TooManyTurns:
        _refuse(f"The file has more than {MOST_TURNS:,} messages, the limit for one import.")
    except ValueError as error:
        place = f" in line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        _refuse(f"The file is not valid JSON: there is an error{place}.")


def _imported(text: str, entry: ConversationEntry | Any, number: int) -> CheckedConversation:
    """The conversation with new ids. Raises ImportRefused if it, or its tree of turns, is invalid."""
    values = entry.values if isinstance(entry, ConversationEntry) else entry
    title = values.get("title") if isinstance(values, dict) else ""
    name = _named(number, title if isinstance(title, str) else "")
    places = entry.places if isinstance(entry, ConversationEntry) else None
    document = _checked(
        ConversationDocument, values if places is None else values | {"turns": []}, where=f" in {name}"
    )
    places = places or array("q")
    numbers, above = _links(text, places, name)
    if document.leaf_id is not None and document.leaf_id not in numbers:
        _refuse(f"In {name}, the last turn to show is missing.")
    parents = _parents(numbers, above, name)
    depths = _depths(numbers, parents, name)
    order: Sequence[int] = range(len(places))
    if any(parent > place for place, parent in enumerate(parents)):
        order = sorted(order, key=depths.__getitem__)  # siblings stay in order
    ids = [new_id() for _ in places]
    leaf_id = None if document.leaf_id is None else ids[numbers[document.leaf_id]]
    conversation = CheckedConversation(
        new_id(), "", leaf_id, document, text, places, order, ids, parents, depths
    )
    return replace(conversation, title=" ".join(document.title.split()) or _made_title(conversation))


def _made_title(imported: CheckedConversation) -> str:
    messages = [turn.as_message() for turn in islice(imported.turns(), MOST_READ_MESSAGES)]
    return title_of(messages) or ("Untitled" if messages else "")


def _links(text: str, places: array[int], name: str) -> tuple[dict[str, int], list[str | None]]:
    """The turns' numbers by id, and the id of the turn above each; every turn is checked."""
    numbers: dict[str, int] = {}
    above: list[str | None] = []
    for number, place in enumerate(places):
        turn = _checked(TurnDocument, value_at(text, place), where=f" in {name}, turn {number + 1}")
        if turn.id in numbers:
            _refuse(f'In {name}, two turns have the id "{_short(turn.id)}".')
        if turn.role == "user" and turn.reply is not None:
            _refuse(f"In {name}, the user's turn \"{_short(turn.id)}\" contains a model's reply.")
        numbers[turn.id] = number
        above.append(turn.parent_id)
    return numbers, above


def _parents(numbers: Mapping[str, int], above: Sequence[str | None], name: str) -> array[int]:
    parents = array("q")
    for turn_id, parent_id in zip(numbers, above, strict=True):
        parent = -1 if parent_id is None else numbers.get(parent_id)
        if parent is None:
            _refuse(f'In {name}, the parent of the turn "{_short(turn_id)}" is missing.')
        parents.append(parent)
    return parents


def _depths(numbers: Mapping[str, int], parents: array[int], name: str) -> array[int]:
    unknown, on_the_way = -1, -2  # found again on the way up: a turn is above itself
    depths = array("q", [unknown]) * len(parents)
    for number, turn_id in enumerate(numbers):
        above: list[int] = []
        place = number
        while place >= 0 and depths[place] == unknown:
            above.append(place)
            depths[place] = on_the_way
            place = parents[place]
        if place >= 0 and depths[place] == on_the_way:
            _refuse(f'In {name}, the turn "{_short(turn_id)}" is its own ancestor.')
        depth = depths[place] if place >= 0 else -1
        for each in reversed(above):
            depth += 1
            depths[each] = depth
    return depths


def _checked(part: type[Part], value: Any, *, where: str = "") -> Part:
    try:
        return part.model_validate(value)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
        key = ".".join(_short(str(step)) for step in fault["loc"])
        problem = fault["msg"].removeprefix("Value error, ")
        what = f'"{key}"' if key else "The entry"
        _refuse(f"{what}{where}: {problem[:1].lower()}{problem[1:]}.")


def _named(number: int, title: str) -> str:
    return f'conversation {number} "{_short(title)}"' if title.strip() else f"conversation {number}"


def _short(text: str) -> str:
    line = " ".join(storable(text[: 4 * _MOST_SUMMARY_CHARACTERS]).split())
    return line if len(line) <= _MOST_SUMMARY_CHARACTERS else f"{line[:_MOST_SUMMARY_CHARACTERS]}…"


def _refuse(message: str) -> NoReturn:
    raise ImportRefused(message, hint=_HINT)
