"""JSON Schema with RE2 patterns: no pattern in a suite can run for minutes.

A pattern that RE2 doesn't know makes the check an error, never a pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend, validator_for

from personachat.lab.suites.model import compiled_pattern


def validator_of(schema: Any) -> Any:
    """The validator class for this schema, whatever its draft."""
    changed = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
    }
    usual = validator_for(schema, default=Draft202012Validator)
    return extend(usual, changed)  # type: ignore[no-untyped-call]  # jsonschema doesn't say


def _pattern(validator: Any, pattern: str, instance: Any, _: Any) -> Iterator[ValidationError]:
    if validator.is_type(instance, "string") and not _matches(pattern, instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, expected: Any, instance: Any, _: Any) -> Iterator[ValidationError]:
    if not validator.is_type(instance, "object"):
        return
    for pattern, inside in expected.items():
        for name, value in instance.items():
            if _matches(pattern, name):
                yield from validator.descend(value, inside, path=name, schema_path=pattern)


def _additional_properties(
    validator: Any, expected: Any, instance: Any, schema: Any
) -> Iterator[ValidationError]:
    if not validator.is_type(instance, "object"):
        return
    patterns = schema.get("patternProperties", {})
    for name, value in instance.items():
        if name in schema.get("properties", {}) or any(_matches(each, name) for each in patterns):
            continue
        if validator.is_type(expected, "object"):
            yield from validator.descend(value, expected, path=name)
        elif not expected:
            yield ValidationError(f"Additional properties are not allowed ({name!r} was unexpected)")


def _matches(pattern: str, text: str) -> bool:
    """Raises ValueError if RE2 doesn't know the pattern."""
    return bool(compiled_pattern(pattern).search(text))
