"""Which of promptfoo's tests leave again: those that can do nothing but compare.

promptfoo runs tests as code (JavaScript, Python, shell), reads files, calls addresses and fills in the
environment's variables, all of it named in strings. A persona's tests may come from anybody's file, so only
what is known to be harmless leaves. Source: promptfoo's documentation, "Assertions and metrics".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MOST_DEPTH = 8

_TEMPLATE = re.compile(r"\{[{%#]|#\}")
_REFERENCE = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*://|(?:package|exec|python|huggingface):)", re.IGNORECASE)

_TEST_KEYS = frozenset({"description", "vars", "assert", "threshold"})
_ASSERTION_KEYS = frozenset({"type", "value", "threshold", "weight", "metric"})
_TYPES = frozenset(
    {
        *("equals", "contains", "icontains", "starts-with", "regex", "is-json", "contains-json"),
        *("contains-any", "contains-all", "icontains-any", "icontains-all", "levenshtein"),
        *("rouge-n", "bleu", "word-count", "is-refusal", "cost", "latency", "llm-rubric", "similar"),
    }
)


def is_plain(text: str) -> bool:
    """Whether a text is nothing but a text there: no template, and no reference to a file or program."""
    return not _TEMPLATE.search(text) and not _REFERENCE.match(text)


def is_harmless(test: Mapping[str, Any]) -> bool:
    """Whether a test only compares."""
    if not test.keys() <= _TEST_KEYS or not _is_plain_value(test):
        return False
    assertions = test.get("assert", [])
    return isinstance(assertions, list) and all(map(_only_compares, assertions))


def _only_compares(assertion: Any) -> bool:
    if not isinstance(assertion, dict) or not assertion.keys() <= _ASSERTION_KEYS:
        return False
    kind = assertion.get("type")
    return isinstance(kind, str) and kind.removeprefix("not-") in _TYPES


def _is_plain_value(value: Any, depth: int = 0) -> bool:
    """Whether every text in a value is plain, keys included."""
    if depth > MOST_DEPTH:
        return False
    match value:
        case str():
            return is_plain(value)
        case dict():
            return all(
                isinstance(key, str) and is_plain(key) and _is_plain_value(each, depth + 1)
                for key, each in value.items()
            )
        case list():
            return all(_is_plain_value(each, depth + 1) for each in value)
        case _:
            return value is None or isinstance(value, bool | int | float)
