"""Characters of role-play programs that have formats of their own: Pygmalion, textgen (oobabooga), Agnai."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from personachat.personas.formats.cards.dialogue import read_dialogue
from personachat.personas.formats.programs.reader import Reader
from personachat.personas.formats.sketches import Sketch, as_text, join_parts, mapping, objects, texts

_PYGMALION = frozenset({"char_persona", "world_scenario", "char_greeting", "example_dialogue"})


def _is_pygmalion(value: Any) -> bool:
    value = mapping(value)
    return "char_name" in value and bool(_PYGMALION & value.keys())


def _read_pygmalion(value: Any) -> Iterator[Sketch]:
    sketch = _sketch(
        name=value.get("char_name"),
        parts={"Description": value.get("char_persona"), "Scenario": value.get("world_scenario")},
        dialogue=value.get("example_dialogue"),
    )
    sketch.greeting = value.get("char_greeting")
    sketch.leave_out(value, _PYGMALION | {"char_name", "name", "metadata"})
    yield sketch


def _is_textgen(value: Any) -> bool:
    value = mapping(value)
    return (
        isinstance(value.get("name"), str)
        and isinstance(value.get("context"), str)
        and ("greeting" in value or len(value) <= 4)
    )


def _read_textgen(value: Any) -> Iterator[Sketch]:
    sketch = _sketch(name=value["name"], parts={"": value["context"]}, dialogue=value.get("example_dialogue"))
    sketch.greeting = value.get("greeting")
    sketch.leave_out(value, {"name", "context", "greeting", "example_dialogue", "your_name", "turn_template"})
    yield sketch


def _is_agnai(value: Any) -> bool:
    value = mapping(value)
    return "persona" in value and ("sampleChat" in value or value.get("kind") == "character")


def _read_agnai(value: Any) -> Iterator[Sketch]:
    sketch = _sketch(
        name=value.get("name"),
        parts={
            "Instructions": value.get("systemPrompt"),
            "Description": _attributes(value.get("persona")),
            "Scenario": value.get("scenario"),
        },
        dialogue=value.get("sampleChat"),
    )
    sketch.greeting = value.get("greeting")
    sketch.greetings = texts(value.get("alternateGreetings"))
    sketch.description = value.get("description")
    sketch.tags = texts(value.get("tags"))
    book = value.get("characterBook")
    if isinstance(book, dict) and objects(book.get("entries")):
        sketch.extensions["character_book"] = _book(book)
    read = {"name", "systemPrompt", "persona", "scenario", "sampleChat", "greeting", "alternateGreetings"}
    read |= {"description", "tags", "characterBook", "kind", "_id", "userId", "createdAt", "updatedAt"}
    sketch.leave_out(value, read)
    yield sketch


def _attributes(persona: Any) -> str:
    """A text, or attributes each with its values (boostyle, W++, SBF)."""
    if isinstance(persona, str):
        return persona
    attributes = mapping(mapping(persona).get("attributes"))
    if mapping(persona).get("kind") == "text":
        return "\n".join(as_text(each) for each in attributes.values())
    lines = [(key, ", ".join(texts(each)) or as_text(each)) for key, each in attributes.items()]
    return "\n".join(f"{key}: {line}" for key, line in lines if line)


def _book(book: dict[str, Any]) -> dict[str, Any]:
    entries: list[dict[str, Any]] = [
        {
            "keys": texts(entry.get("keywords")),
            "content": as_text(entry.get("entry")),
            "enabled": entry.get("enabled") is not False,
            "insertion_order": entry.get("weight") if isinstance(entry.get("weight"), int) else 0,
            "priority": entry.get("priority") if isinstance(entry.get("priority"), int) else 0,
            "name": as_text(entry.get("name")),
            "extensions": {},
        }
        for entry in objects(book["entries"])
    ]
    return {"name": as_text(book.get("name")), "extensions": {}, "entries": entries}


def _sketch(*, name: Any, parts: dict[str, Any], dialogue: Any) -> Sketch:
    named = as_text(name).strip()
    shown_as = dialogue if isinstance(dialogue, str) else ""
    pairs, rest = read_dialogue(shown_as, names=[named])
    return Sketch(
        name=named,
        prompt=join_parts(
            {heading: _placeholders(as_text(part)) for heading, part in parts.items()}
            | {"Example dialogue": rest}
        ),
        examples=[(pair.user, pair.assistant) for pair in pairs],
    )


def _placeholders(text: str) -> str:
    for old, new in (("<USER>", "{{user}}"), ("<BOT>", "{{char}}"), ("<START>", "")):
        text = text.replace(old, new)
    return text


PYGMALION = Reader("pygmalion", "a Pygmalion character", _is_pygmalion, _read_pygmalion)
TEXTGEN = Reader("textgen", "a textgen (oobabooga) character", _is_textgen, _read_textgen)
AGNAI = Reader("agnai", "an Agnai character", _is_agnai, _read_agnai)
