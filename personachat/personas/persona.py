"""What a persona is: its keys, their rules, its JSON text.

A Persona that exists is valid, and `parse_persona(dump_persona(persona)) == persona`. JSON uses camelCase,
Python snake_case. Unknown keys are refused; what else someone keeps goes into `extensions`, untouched.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from personachat.errors import PersonaInvalid, Problem
from personachat.jsontext.faults import Path, places
from personachat.jsontext.reader import MAX_FAULTS, read_json
from personachat.personas import limits
from personachat.personas.fields import (
    Avatar,
    FilledLine,
    FilledText,
    Flag,
    JsonObject,
    Number,
    PersonaId,
    Picture,
    Text,
    WholeNumber,
)
from personachat.personas.problems import schema_faults

STARTING_MODEL = "gpt-6-luna"
"""What the shipped personas and templates and a blank one ask for."""

DEFAULT_PERSONA_ID = "default-persona"
"""The persona a new chat starts with; always first in a list."""


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_alias=True,
        validate_by_name=True,
        hide_input_in_errors=True,
        field_title_generator=lambda name, _: name.replace("_", " ").capitalize(),
    )


class Personality(_Part):
    """The manner of speaking; empty traits add nothing to the prompt."""

    tone: Annotated[
        Text, Field(max_length=limits.TRAIT, description="How it sounds, e.g. warm, dry, encouraging.")
    ] = ""
    style: Annotated[
        Text, Field(max_length=limits.TRAIT, description="How it writes, e.g. short paragraphs, tables.")
    ] = ""
    formality: Annotated[
        Text, Field(max_length=limits.TRAIT, description="How formal it is, e.g. casual or formal.")
    ] = ""


class Example(_Part):
    """One exchange that shows the model how to answer."""

    user: Annotated[FilledText, Field(max_length=limits.MESSAGE, description="What a user might write.")]
    assistant: Annotated[FilledText, Field(max_length=limits.MESSAGE, description="The reply to it.")]


class Persona(_Part):
    """Who answers, in what manner, and with which model."""

    id: Annotated[
        PersonaId,
        Field(
            description=(
                "Used in web addresses and as the name of its file: lower-case letters, digits, - and _."
            )
        ),
    ]
    name: Annotated[FilledLine, Field(max_length=limits.NAME, description="What people call it.")]
    description: Annotated[
        Text, Field(max_length=limits.DESCRIPTION, description="What it is good for, in one line.")
    ] = ""
    system_prompt: Annotated[
        FilledText,
        Field(
            max_length=limits.PROMPT,
            description="Who it is and what it does. {{user}}, {{char}} and other macros are replaced.",
        ),
    ]
    temperature: Annotated[
        Number,
        Field(ge=0, le=limits.TEMPERATURE, description="0 is the most predictable, 2 the most varied."),
    ] = limits.DEFAULT_TEMPERATURE
    max_tokens: Annotated[
        WholeNumber,
        Field(ge=1, le=limits.REPLY_TOKENS, description="The maximum length of a reply, in tokens."),
    ] = limits.DEFAULT_REPLY_TOKENS
    model: Annotated[
        FilledLine, Field(max_length=limits.MODEL, description="A model's name, or provider/model.")
    ] = "gpt-4"
    personality: Annotated[Personality, Field(description="The manner of speaking.")] = Personality()
    greeting: Annotated[
        Text, Field(max_length=limits.MESSAGE, description="Its first message in a new chat.")
    ] = ""
    alternate_greetings: Annotated[
        tuple[Annotated[FilledText, Field(max_length=limits.MESSAGE)], ...],
        Field(max_length=limits.GREETINGS_COUNT, description="Alternative first messages to choose from."),
    ] = ()
    starters: Annotated[
        tuple[Annotated[FilledLine, Field(max_length=limits.STARTER)], ...],
        Field(max_length=limits.STARTERS_COUNT, description="Prompts suggested in an empty chat."),
    ] = ()
    examples: Annotated[
        tuple[Example, ...],
        Field(
            max_length=limits.EXAMPLES_COUNT,
            description="Example exchanges that show the model how to answer.",
        ),
    ] = ()
    tags: Annotated[
        tuple[Annotated[FilledLine, Field(max_length=limits.TAG)], ...],
        Field(max_length=limits.TAGS_COUNT, description="Labels for finding it."),
    ] = ()
    avatar: Annotated[
        Avatar, Field(description="One emoji, or a Material icon such as :material/school:.")
    ] = ""
    picture: Annotated[Picture, Field(description="The name of its picture, which is stored separately.")] = (
        ""
    )
    top_p: Annotated[
        Number | None,
        Field(ge=0, le=1, description="Nucleus sampling; null leaves it to the model."),
    ] = None
    stop: Annotated[
        tuple[Annotated[Text, Field(min_length=1, max_length=limits.STOP_TEXT)], ...],
        Field(max_length=limits.STOP_TEXTS_COUNT, description="Texts that end the reply."),
    ] = ()
    context_tokens: Annotated[
        WholeNumber | None,
        Field(
            ge=limits.LEAST_CONTEXT_TOKENS,
            le=limits.CONTEXT_TOKENS,
            description=(
                "The maximum conversation length sent to the model, in tokens. Null means as "
                "much as the model accepts."
            ),
        ),
    ] = None
    summarize: Annotated[
        Flag,
        Field(description=("Summarize earlier messages instead of dropping them when they no longer fit.")),
    ] = False
    extensions: Annotated[JsonObject, Field(description="Anything else. It is kept untouched.")] = Field(
        default_factory=dict
    )


PARSED_TEXTS = 16
"""So many texts are remembered with what they say: one on its way in is looked at in several places."""


def _keys(part: type[BaseModel]) -> tuple[str, ...]:
    return tuple(entry.alias or name for name, entry in part.model_fields.items())


KEYS = _keys(Persona)
"""Of a persona's text, in their order."""

_LIMITS = {"ge": "minimum", "le": "maximum", "gt": "exclusiveMinimum", "lt": "exclusiveMaximum"}

_FIELDS: dict[Path, tuple[str, ...]] = {
    (): _keys(Persona),
    ("personality",): _keys(Personality),
    ("examples",): _keys(Example),
}
_OPTIONAL = (
    "greeting",
    "alternate_greetings",
    "starters",
    "examples",
    "tags",
    "avatar",
    "picture",
    "top_p",
    "stop",
    "context_tokens",
    "summarize",
    "extensions",
)


def parse_persona(text: str) -> Persona:
    """Read a persona's JSON text. Raises PersonaInvalid with every problem, in the order of the text."""
    persona, problems = _read(text)
    if persona is None:
        raise PersonaInvalid(problems)
    return persona


def check_persona(text: str) -> tuple[Problem, ...]:
    """Return every problem of a persona's JSON text, in the order of the text; none if it is valid."""
    return _read(text)[1]


@lru_cache(maxsize=PARSED_TEXTS)
def _read(text: str) -> tuple[Persona | None, tuple[Problem, ...]]:
    read = read_json(text)
    faults = list(read.faults)
    persona = None
    if not read.broken:
        try:
            persona = Persona.model_validate(read.value, by_alias=True, by_name=False)
        except ValidationError as error:
            faults += schema_faults(error.errors(include_url=False), read, _FIELDS)
    if not faults:
        return persona, ()
    faults = sorted(faults, key=lambda fault: fault.offset)[:MAX_FAULTS]
    offsets = [fault.offset for fault in faults]
    return None, tuple(
        Problem(fault.message, line, column, fault.path)
        for fault, (line, column) in zip(faults, places(text, offsets), strict=True)
    )


def dump_persona(persona: Persona) -> str:
    """Return the JSON text: indented by two, the core keys always, the optional ones where they are set."""
    fields = Persona.model_fields
    unset = {
        name
        for name in _OPTIONAL
        if getattr(persona, name) == fields[name].get_default(call_default_factory=True)
    }
    value = persona.model_dump(mode="json", by_alias=True, exclude=unset)
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def persona_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of the text."""
    schema = Persona.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **standard(schema)}


def standard(schema: Any) -> Any:
    """A schema with JSON Schema's names for limits: pydantic leaves its own behind a check of ours."""
    if isinstance(schema, list):
        return [standard(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        _LIMITS.get(key, key) if isinstance(part, int | float) else key: standard(part)
        for key, part in schema.items()
    }
