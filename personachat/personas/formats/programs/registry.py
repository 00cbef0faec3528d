"""All readers, in the order in which they are asked, and what else a file can be that brings no persona."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from personachat.personas.formats.programs import (
    agents,
    assistants,
    characters,
    librechat,
    lobechat,
    ollama,
    promptfoo_in,
)
from personachat.personas.formats.programs.reader import Reader
from personachat.personas.formats.sketches import mapping, objects

READERS: tuple[Reader, ...] = (
    lobechat.READER,
    promptfoo_in.READER,
    characters.PYGMALION,
    characters.AGNAI,
    agents.ELIZAOS,
    agents.TINYTROUPE,
    assistants.NEXTCHAT,
    assistants.LM_STUDIO,
    ollama.MODELFILES,
    librechat.CONFIG,
    librechat.AGENT,
    librechat.PRESET,
    assistants.JAN,
    assistants.OPENAI,
    agents.CREWAI,
    characters.TEXTGEN,
    assistants.CHAT_REQUEST,
)
"""The surest come first: a LobeChat agent has more signs of its own than a list of messages."""

_IN_HISTORY = "Import it on the History page."
_AS_CARD = "A persona comes as a character card."
_NOTHING = "Choose another file."


def reader_of(value: Any) -> Reader | None:
    """Who reads a value of JSON or YAML."""
    return next((reader for reader in READERS if reader.matches(value)), None)


def other_kind(value: Any) -> tuple[str, str] | None:
    """What a file is that brings no persona, with its article, and what to do with it."""
    first = objects(value)[0] if objects(value) else mapping(value)
    return next(((label, advice) for matches, label, advice in _OTHERS if matches(first)), None)


def _has(*signs: str) -> Callable[[dict[str, Any]], bool]:
    return lambda value: set(signs) <= value.keys()


def _is_chatgpt(value: dict[str, Any]) -> bool:
    return "mapping" in value and bool({"current_node", "create_time", "title"} & value.keys())


def _is_lore(value: dict[str, Any]) -> bool:
    return value.get("spec") == "lorebook_v3" or isinstance(value.get("entries"), dict | list)


_OTHERS: tuple[tuple[Callable[[dict[str, Any]], bool], str, str], ...] = (
    (
        lambda value: value.get("format") == "personachat.conversations",
        "a PersonaChat export of conversations",
        _IN_HISTORY,
    ),
    (_is_chatgpt, "a ChatGPT export of conversations", _IN_HISTORY),
    (
        lambda value: "history" in mapping(value.get("chat")),
        "an Open WebUI export of chats",
        _IN_HISTORY,
    ),
    (
        _is_lore,
        "a lore book (World Info)",
        ("Open the persona it belongs to and import the file under Lore."),
    ),
    (_has("prompts", "prompt_order"), "a SillyTavern preset", _AS_CARD),
    (_has("chat_completion_source"), "a SillyTavern preset", _AS_CARD),
    (_has("openapi", "paths"), "an OpenAPI description", _NOTHING),
    (_has("dependencies", "version"), "a package.json", _NOTHING),
    (_has("cells", "nbformat"), "a Jupyter notebook", _NOTHING),
    (_has("$schema", "properties"), "a JSON Schema", _NOTHING),
    (_has("compilerOptions"), "a tsconfig.json", _NOTHING),
)
