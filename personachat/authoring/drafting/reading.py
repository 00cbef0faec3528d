"""Reads the persona from a model's reply, however the model understood its task. Pure.

The result is always a valid persona's text. Unknown keys are dropped and values limited. If the reply
contains no JSON, the description and the reply's prose are the prompt. An incomplete reply gives what came,
and a refusal nothing: then the description is the prompt.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Collection, Iterator
from typing import Any

from personachat.authoring.drafting.naming import name_from, name_of
from personachat.authoring.drafting.refusals import is_refusal, without_thinking
from personachat.avatars import avatar_fault
from personachat.errors import ImportRefused
from personachat.messages import storable
from personachat.personas import limits
from personachat.personas.fields import free_id
from personachat.personas.formats.yaml_text import read_yaml
from personachat.personas.persona import Persona, dump_persona

MOST_CANDIDATES = 20
"""How many opening brackets are tried as the start of the object; more would only take time."""

MOST_REPLY_CHARACTERS = 100_000
"""Characters; the rest isn't read. A persona's text may not be much longer."""

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_FENCE = re.compile(r"^[ \t]*(?:```|~~~)[^\n]*$", re.MULTILINE)
_BLOCK = re.compile(r"^[ \t]*(```|~~~)[^\n]*\n(.*?)^[ \t]*\1[ \t]*$", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"^[ \t]*//[^\n]*$", re.MULTILINE)
_HALF_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?\Z")
_decoder = json.JSONDecoder(strict=False)  # models write line breaks into strings


def drafted_text(reply: str, description: str, *, other_ids: Collection[str], model: str) -> str:
    """The JSON text of a valid persona, with an id that isn't in use and the given model."""
    reply, description = _readable(reply), storable(description)
    written = _object_in(reply)
    if refused := _is_refused(written, reply):
        written = {}
    read = {key: reader(written.get(_plain(key))) for key, reader in _READERS.items()}
    fields = {key: value for key, value in read.items() if value not in (None, "", (), {})}
    name = fields.pop("name", "") or name_from(description)
    wish = _text(4_000)(f"You are: {description}")
    prose = "" if written or refused else _prose(reply)  # a small model's prompt may lack the wish
    persona = Persona(
        id=free_id(name, other_ids),
        name=name,
        model=model,
        system_prompt=fields.pop("system_prompt", "") or f"{wish}\n\n{prose}".strip(),
        description=fields.pop("description", "") or _line(limits.DESCRIPTION)(description),
        **fields,
    )
    return dump_persona(persona)


def is_refused(reply: str) -> bool:
    """Whether a reply refuses to write a persona, in prose or in the requested object."""
    reply = _readable(reply)
    return _is_refused(_object_in(reply), reply)


def _is_refused(written: dict[str, Any], reply: str) -> bool:
    prompt = _text(limits.PROMPT)(written.get("systemprompt"))
    return is_refusal(prompt) if prompt else not written and is_refusal(reply)


def _readable(reply: str) -> str:
    return storable(without_thinking(reply[:MOST_REPLY_CHARACTERS]))


# --- the object in the reply ----------------------------------------------------------------------


def _object_in(reply: str) -> dict[str, Any]:
    """The persona's object, by plain keys; empty if the reply contains none."""
    for candidate in (*_objects(reply), *_loose_objects(reply)):
        inner = [value for value in candidate.values() if isinstance(value, dict)]
        for each in (candidate, *inner):
            plain = {_plain(key): value for key, value in each.items()}
            if {"systemprompt", "name"} & plain.keys():
                return plain
    return {}


def _objects(reply: str) -> Iterator[dict[str, Any]]:
    at = reply.find("{")
    for _ in range(MOST_CANDIDATES):
        if at < 0:
            return
        try:
            value, end = _decoder.raw_decode(reply, at)
        except (ValueError, RecursionError):
            value, end = _mended(reply[at:]), at + 1
        if isinstance(value, dict):
            yield value
        at = reply.find("{", end)


def _loose_objects(reply: str) -> Iterator[dict[str, Any]]:
    """Objects that are nearly JSON, for example with single quotes or comments, or YAML."""
    start, end = reply.find("{"), reply.rfind("}")
    texts = [block[2] for block in _BLOCK.finditer(reply)][:MOST_CANDIDATES]
    if 0 <= start < end:
        texts.append(reply[start : end + 1])
    for text in (*texts, reply):
        try:
            value = read_yaml(_COMMENT.sub("", text))
        except ImportRefused:
            continue
        if isinstance(value, dict):
            yield value


def _mended(text: str) -> Any:
    """The content of an incomplete object so far; None if it isn't one."""
    closers, safe, in_string = _walked(text)
    whole = ('"' if in_string else "") + closers
    half_escape = _HALF_ESCAPE.search(text)
    ends = [(len(text), whole), (half_escape.start() if half_escape else len(text), whole)]
    for end, tail in (*ends, *reversed(safe)):
        try:
            return _decoder.decode(text[:end] + tail)
        except (ValueError, RecursionError):
            continue
    return None


def _walked(text: str) -> tuple[str, list[tuple[int, str]], bool]:
    """What would close the text: the last places where it can be cut, each with its closing text."""
    stack: list[str] = []
    safe: list[tuple[int, str]] = []
    in_string = escaped = False
    for at, char in enumerate(text):
        if in_string:
            in_string = escaped or char != '"'
            escaped = char == "\\" and not escaped
        elif char == '"':
            in_string = True
        elif char in "{[":
            stack.append("}" if char == "{" else "]")
        elif char in "}]" and stack:
            stack.pop()
        elif char == ",":
            safe = [*safe[-3:], (at, "".join(reversed(stack)))]
    return "".join(reversed(stack)), safe, in_string


# --- its values -----------------------------------------------------------------------------------


def _plain(key: str) -> str:
    return re.sub(r"[^a-z]", "", key.lower())


def _prose(reply: str) -> str:
    """The prose of a reply without a persona's object; empty for a refusal or another object."""
    text = _text(20_000)(_FENCE.sub("", reply))
    return "" if is_refusal(text) or text.startswith(("{", "[")) else text


def _text(most: int, *, joint: str = "\n") -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if isinstance(value, list):
            value = joint.join(entry for entry in value if isinstance(entry, str))
        return storable(value).strip()[:most].strip() if isinstance(value, str) else ""

    return read


def _line(most: int) -> Callable[[Any], str]:
    return lambda value: " ".join(_CONTROL.sub(" ", _text(most * 4)(value)).split())[:most].strip()


def _list(entry: Callable[[Any], Any], most: int) -> Callable[[Any], tuple[Any, ...]]:
    def read(value: Any) -> tuple[Any, ...]:
        values = value if isinstance(value, list) else [value]
        entries = [each for each in map(entry, values) if each]
        return tuple(each for number, each in enumerate(entries) if each not in entries[:number])[:most]

    return read


def _number(least: float, most: float) -> Callable[[Any], float | None]:
    def read(value: Any) -> float | None:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            return None
        try:
            number = float(value)
        except (ValueError, OverflowError):
            return None
        return None if math.isnan(number) else min(max(number, least), most)

    return read


def _whole(least: int, most: int) -> Callable[[Any], int | None]:
    bounded = _number(least, most)
    return lambda value: None if (number := bounded(value)) is None else int(number)


def _personality(value: Any) -> dict[str, str]:
    traits = {_plain(key): each for key, each in value.items()} if isinstance(value, dict) else {}
    trait = _text(limits.TRAIT, joint=", ")
    return {key: trait(traits.get(key)) for key in ("tone", "style", "formality")}


def _example(value: Any) -> dict[str, str]:
    fields_of_example = {_plain(key): each for key, each in value.items()} if isinstance(value, dict) else {}
    both = {key: _text(limits.MESSAGE)(fields_of_example.get(key)) for key in ("user", "assistant")}
    return both if all(both.values()) else {}


def _avatar(value: Any) -> str:
    avatar = _line(limits.AVATAR)(value)
    if re.fullmatch("[a-z0-9_]+", avatar):
        avatar = f":material/{avatar}:"
    return "" if avatar_fault(avatar) else avatar


_READERS: dict[str, Callable[[Any], Any]] = {
    "name": name_of,
    "description": _line(limits.DESCRIPTION),
    "system_prompt": _text(limits.PROMPT),
    "temperature": _number(0, limits.TEMPERATURE),
    "max_tokens": _whole(1, limits.REPLY_TOKENS),
    "top_p": _number(0, 1),
    "personality": _personality,
    "greeting": _text(limits.MESSAGE),
    "alternate_greetings": _list(_text(limits.MESSAGE), limits.GREETINGS_COUNT),
    "starters": _list(_line(limits.STARTER), limits.STARTERS_COUNT),
    "examples": _list(_example, limits.EXAMPLES_COUNT),
    "tags": _list(_line(limits.TAG), limits.TAGS_COUNT),
    "avatar": _avatar,
}
"""The keys that a model may set, each with a reader that makes a valid value of anything."""
