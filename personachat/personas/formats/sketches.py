"""What a file of another program says of a persona, before it follows a persona's rules.

A reader writes down what it finds, whatever its type and size; `made` makes a valid persona of it and says in
sentences what had to give way. Nothing is evaluated.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from personachat.avatars import avatar_fault
from personachat.errors import ImportRefused
from personachat.jsontext.faults import excerpt
from personachat.messages import storable
from personachat.personas import limits
from personachat.personas.assets.sets import OURS
from personachat.personas.fields import free_id
from personachat.personas.formats.catalogue import ImportedPersona
from personachat.personas.formats.naming import name_of
from personachat.personas.formats.origins import SOURCE, source_mark
from personachat.personas.persona import Example, Persona, dump_persona

NO_PROMPT = "You are {{char}}."
NO_NAME = "Imported persona"

_LINE_END = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_NAMED_KEYS = 8


@dataclass(slots=True)
class Sketch:
    """`prompt` may be made of parts by `joined`; `examples` are pairs of what user and persona say."""

    name: Any = ""
    prompt: Any = ""
    description: Any = ""
    model: Any = None
    temperature: Any = None
    top_p: Any = None
    max_tokens: Any = None
    context_tokens: Any = None
    stop: Any = ()
    greeting: Any = ""
    greetings: Sequence[Any] = ()
    starters: Sequence[Any] = ()
    examples: Sequence[tuple[Any, Any]] = ()
    tags: Sequence[Any] = ()
    avatar: Any = ""
    extensions: dict[str, Any] = field(default_factory=dict)
    losses: list[str] = field(default_factory=list)
    marks: tuple[Any, ...] = ()
    """What tells it from others of its kind: its id there, else its name."""

    def leave_out(self, value: Mapping[str, Any], read: AbstractSet[str], *, where: str = "") -> None:
        """Say which of these keys were not read; empty ones are no loss."""
        names = [str(key) for key, each in value.items() if key not in read and not _is_empty(each)]
        if names:
            more = f" and {len(names) - _NAMED_KEYS} more" if len(names) > _NAMED_KEYS else ""
            name_list = ", ".join(excerpt(name, most=30) for name in names[:_NAMED_KEYS])
            self.losses.append(f"Left out{where}: {name_list}{more}.")


def join_parts(parts: Mapping[str, Any]) -> str:
    """Parts of a prompt under headings; the only one, and the one without a heading, stand bare."""
    filled = {heading: text for heading, part in parts.items() if (text := as_text(part).strip())}
    if len(filled) == 1:
        return next(iter(filled.values()))
    return "\n\n".join(f"## {heading}\n{text}" if heading else text for heading, text in filled.items())


def as_text(value: Any) -> str:
    """A text, or texts as lines of a list; "" for what is neither."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or value is None:
        return ""
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list | tuple):
        texts = [text for each in value if (text := as_text(each).strip())]
        return texts[0] if len(texts) == 1 else "\n".join(f"- {text}" for text in texts)
    if isinstance(value, dict):
        pairs = [(str(key), as_text(each).strip()) for key, each in value.items()]
        return "\n".join(f"{key}: {text}" for key, text in pairs if text)
    return ""


def texts(value: Any) -> list[str]:
    """The texts in a list, or a text by itself."""
    values = value if isinstance(value, list | tuple) else [value]
    return [each for each in values if isinstance(each, str) and each.strip()]


def objects(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def turns(messages: Any) -> tuple[str, list[tuple[str, str]], str]:
    """What messages say: the system's words, pairs of user and assistant, and the assistant's first words."""
    system: list[str] = []
    pairs: list[tuple[str, str]] = []
    greeting, question = "", ""
    for message in objects(messages):
        role, content = str(message.get("role")), content_text(message.get("content"))
        if role in {"system", "developer"}:
            system.append(content)
        elif role == "user":
            question = content
        elif role == "assistant" and question:
            pairs.append((question, content))
            question = ""
        elif role == "assistant" and not greeting:
            greeting = content
    return "\n\n".join(filter(None, system)), pairs, greeting


def content_text(content: Any) -> str:
    """A message's text, which may come in parts."""
    if isinstance(content, str):
        return content
    parts = [each.get("text") for each in objects(content)]
    return "\n".join(part for part in parts if isinstance(part, str))


def as_persona(sketch: Sketch, *, kind: str, looks_like: str, origin: str) -> ImportedPersona:
    """The persona, with what it could not hold."""
    losses = list(sketch.losses)
    prompt = _text(sketch.prompt, limits.PROMPT, "prompt", losses)
    name = _line(sketch.name or (name_of(prompt) if prompt else ""), limits.NAME, "name", losses) or NO_NAME
    if not prompt:
        prompt = NO_PROMPT
        losses.append(f'There is no prompt, so the persona gets "{NO_PROMPT}".')
    model = _model(sketch.model)
    fields: dict[str, Any] = {
        "id": free_id(name, ()),
        "name": name,
        "system_prompt": prompt,
        "description": _text(sketch.description, limits.DESCRIPTION, "description", losses),
        "greeting": _text(sketch.greeting, limits.MESSAGE, "greeting", losses),
        "alternate_greetings": _texts(
            sketch.greetings, limits.GREETINGS_COUNT, limits.MESSAGE, "greetings", losses
        ),
        "starters": _lines(sketch.starters, limits.STARTERS_COUNT, limits.STARTER, "starters", losses),
        "tags": _lines(sketch.tags, limits.TAGS_COUNT, limits.TAG, "tags", losses),
        "examples": _examples(sketch.examples, losses),
        "stop": _stops(sketch.stop, losses),
        "avatar": _avatar(sketch.avatar, losses),
        "extensions": sketch.extensions | {OURS: {SOURCE: source_mark(kind, *(sketch.marks or (name,)))}},
    }
    numbers = {
        "temperature": _number(sketch.temperature, 0, limits.TEMPERATURE, "temperature", losses),
        "top_p": _number(sketch.top_p, 0, 1, "top-p", losses),
        "max_tokens": _whole(sketch.max_tokens, 1, limits.REPLY_TOKENS, "reply limit", losses),
        "context_tokens": _whole(sketch.context_tokens, 256, 10_000_000, "context", losses),
    }
    fields |= {key: value for key, value in numbers.items() if value is not None}
    fields |= {"model": model} if model else {}
    try:
        persona = Persona.model_validate(fields, by_alias=False, by_name=True)
    except ValueError:
        raise ImportRefused(
            f"{excerpt(looks_like)} contains something that a persona can't have.", hint=""
        ) from None
    return ImportedPersona(
        persona,
        dump_persona(persona),
        kind,
        tuple(dict.fromkeys(losses)),
        origin,
        looks_like=looks_like,
        states_id=False,
        states_model=bool(model),
    )


def _is_empty(value: Any) -> bool:
    return value is None or value is False or value in ("", [], {}, 0)


def _model(value: Any) -> str:
    text = " ".join(value.split()) if isinstance(value, str) else ""
    return "" if len(text) > limits.MODEL or _LINE_END.search(text) else storable(text)


def _text(value: Any, most: int, what: str, losses: list[str]) -> str:
    text = storable(as_text(value)).strip()
    if len(text) > most:
        losses.append(f"The {what} was cut to {most:,} characters; it had {len(text):,}.")
        text = text[:most].strip()
    return text


def _line(value: Any, most: int, what: str, losses: list[str]) -> str:
    return _text(" ".join(_LINE_END.sub(" ", as_text(value)).split()), most, what, losses)


def _texts(
    values: Iterable[Any], most: int, characters: int, what: str, losses: list[str]
) -> tuple[str, ...]:
    plain_texts = [text for each in values if (text := _text(each, characters, what, losses))]
    if len(plain_texts) > most:
        losses.append(f"There are {len(plain_texts):,} {what}; only the first {most} were imported.")
    return tuple(plain_texts[:most])


def _lines(
    values: Iterable[Any], most: int, characters: int, what: str, losses: list[str]
) -> tuple[str, ...]:
    lines = [_line(each, characters, what, losses) for each in values]
    return _texts(dict.fromkeys(filter(None, lines)), most, characters, what, losses)


def _examples(pairs: Iterable[tuple[Any, Any]], losses: list[str]) -> tuple[Example, ...]:
    examples = []
    for user, assistant in pairs:
        pair = (
            _text(user, limits.MESSAGE, "example", losses),
            _text(assistant, limits.MESSAGE, "example", losses),
        )
        if all(pair):
            examples.append(Example(user=pair[0], assistant=pair[1]))
    if len(examples) > limits.EXAMPLES_COUNT:
        losses.append(
            f"There are {len(examples):,} examples; only the first {limits.EXAMPLES_COUNT} were imported."
        )
    return tuple(examples[: limits.EXAMPLES_COUNT])


def _stops(value: Any, losses: list[str]) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value if isinstance(value, list | tuple) else []
    stops = [storable(each) for each in values if isinstance(each, str) and 0 < len(each) <= limits.STOP_TEXT]
    if len(stops) > limits.STOP_TEXTS_COUNT or len(stops) < len(values):
        losses.append(
            f"Only the first {limits.STOP_TEXTS_COUNT} stop texts of up to {limits.STOP_TEXT} characters"
            " were imported."
        )
    return tuple(stops[: limits.STOP_TEXTS_COUNT])


def _avatar(value: Any, losses: list[str]) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if not text or not avatar_fault(text):
        return text
    losses.append("The picture was left out: an avatar must be an emoji or an icon.")
    return ""


def _number(value: Any, least: float, most: float, what: str, losses: list[str]) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str) or value == "":
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        number = math.nan
    if math.isnan(number):
        losses.append(f"The {what} is not a number and was left out.")
        return None
    if not least <= number <= most:
        losses.append(f"The {what} {excerpt(value, most=20)} was set to the nearest allowed value.")
    return min(max(number, least), most)


def _whole(value: Any, least: int, most: int, what: str, losses: list[str]) -> int | None:
    if value in (-1, "-1", 0, "0", -2, "-2"):  # how several programs say: as much as there is
        return None
    number = _number(value, least, most, what, losses)
    return None if number is None else int(number)
