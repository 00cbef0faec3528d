"""The variables of a persona: names declared by its author, whose values replace {{name}}. Pure.

They are declared in the extension `variables`: a name with its default, or with an object of `default` and
`description`. Invalid declarations are ignored. A value is text, and nothing in it is replaced again. A name
without a value stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from personachat.personas.persona import Persona
from personachat.variables import MOST_CHARACTERS, MOST_VARIABLES, is_name

VARIABLES = "variables"


@dataclass(frozen=True, slots=True)
class Variable:
    """A name, its default ("" for none), and what it is for."""

    name: str
    default: str = ""
    description: str = ""


def declared(persona: Persona) -> tuple[Variable, ...]:
    """The variables of a persona in the order of its text; of names that only differ in case, the first."""
    raw = persona.extensions.get(VARIABLES)
    if not isinstance(raw, Mapping):
        return ()
    variables: dict[str, Variable] = {}
    for name, value in raw.items():
        if isinstance(name, str) and is_name(name) and len(variables) < MOST_VARIABLES:
            variable = _variable(name, value)
            if variable:
                variables.setdefault(name.lower(), variable)
    return tuple(variables.values())


def values(persona: Persona) -> dict[str, str]:
    """The value of each variable, by its name in lower case; those without a value are left out."""
    return {each.name.lower(): each.default for each in declared(persona) if each.default}


def with_values(persona: Persona, values: Mapping[str, str]) -> Persona:
    """The persona with these values instead of its defaults; undeclared names are filled in too."""
    named = {name.lower(): value for name, value in values.items() if is_name(name) and value}
    if not named:
        return persona
    values_and_defaults: dict[str, object] = {
        each.name: {"default": named.pop(each.name.lower(), each.default), "description": each.description}
        for each in declared(persona)
    }
    return persona.model_copy(
        update={"extensions": {**persona.extensions, VARIABLES: values_and_defaults | named}}
    )


def missing(persona: Persona, values: Mapping[str, str]) -> tuple[Variable, ...]:
    """The variables without a value: no default, and none given."""
    filled = {name.lower() for name, value in values.items() if value.strip()}
    return tuple(each for each in declared(persona) if not each.default and each.name.lower() not in filled)


def _variable(name: str, value: Any) -> Variable | None:
    if isinstance(value, Mapping):
        default, description = value.get("default", ""), value.get("description", "")
        text = _text(default)
        return (
            None
            if text is None
            else Variable(name, text, description if isinstance(description, str) else "")
        )
    text = _text(value)
    return None if text is None else Variable(name, text)


def _text(value: Any) -> str | None:
    """A default as text; None if it is neither text nor a number."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value)[:MOST_CHARACTERS]
