"""The format of a reply: JSON or Markdown."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from jsonschema.exceptions import best_match
from markdown_it import MarkdownIt
from markdown_it.token import Token
from referencing import Registry
from referencing.exceptions import Unresolvable

from personachat.lab.checks.model import CheckedReply, Finding
from personachat.lab.checks.schemas import validator_of

_FENCED = re.compile(
    r"\A\s*+(`{3,}+|~{3,}+)[ \t]*+(?:json[c5]?)?[ \t]*+\n(?P<inside>.*?)\n[ \t]*+\1\s*+\Z",
    re.DOTALL | re.IGNORECASE,
)
MOST_CHARACTERS = 200_000
_PLAIN = {"paragraph_open", "paragraph_close", "inline"}
_PLAIN_INSIDE = {"text", "softbreak", "hardbreak"}
_NAMES = {
    "heading_open": "a heading",
    "bullet_list_open": "a list",
    "ordered_list_open": "a numbered list",
    "table_open": "a table",
    "fence": "a code block",
    "code_block": "a code block",
    "blockquote_open": "a quotation",
    "hr": "a rule",
    "strong_open": "bold text",
    "em_open": "italic text",
    "code_inline": "code",
    "link_open": "a link",
    "image": "a picture",
    "s_open": "struck text",
}


def json_(reply: CheckedReply, expected: bool | dict[str, Any]) -> Finding:  # noqa: FBT001  # as in the suite
    """Whether the whole reply is JSON, which may be in one fence."""
    value, fault = _parsed(reply.text)
    if expected is False:
        return Finding.of(bool(fault), fault or "It is JSON.")
    if fault or expected is True:
        return Finding.of(not fault, fault or "It is JSON.")
    try:
        # References may not download anything.
        validator = validator_of(expected)(expected, registry=Registry())
        error = best_match(validator.iter_errors(value))
    except (Unresolvable, RecursionError, ValueError) as problem:
        return Finding("error", f"The schema can't be used: {str(problem)[:200]}.")
    if error is None:
        return Finding("pass", "It follows the schema.")
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)
    return Finding("fail", f"At {place.lstrip('.') or 'the top'}: {error.message[:200]}.")


def _parsed(text: str) -> tuple[Any, str]:
    """The value, or what is wrong as a sentence."""
    fenced = _FENCED.match(text)
    inside = fenced["inside"] if fenced else text
    try:
        return json.loads(inside[:MOST_CHARACTERS], parse_constant=_refused), ""
    except RecursionError:
        return None, "The JSON is nested too deeply."
    except ValueError as error:
        if isinstance(error, json.JSONDecodeError):
            return None, f"It isn't JSON: {error.msg} in line {error.lineno}."
        return None, f"It isn't JSON: {error}."


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} isn't allowed")


def markdown(reply: CheckedReply, expected: bool) -> Finding:  # noqa: FBT001  # as in the suite
    kinds: dict[str, None] = {}
    tokens = _parser().parse(reply.text[:MOST_CHARACTERS])
    for at, token in enumerate(tokens):
        for each in (token, *(token.children or ())):
            plain = _PLAIN if each is token else _PLAIN_INSIDE
            if each.type in plain or each.type.endswith("_close"):
                continue
            if each.type == "ordered_list_open" and _is_alone(tokens, at):
                continue
            kinds[_NAMES.get(each.type, "")] = None
    names = [name for name in kinds if name]
    return Finding.of(
        bool(names) is expected, f"It uses {', '.join(names)}." if names else "It is plain text."
    )


def _is_alone(tokens: Sequence[Token], at: int) -> bool:
    """Whether a numbered list has a single item, like a line with a date: "3. Oktober"."""
    level, items = tokens[at].level, 0
    for token in tokens[at + 1 :]:
        if token.level == level:  # its end
            break
        items += token.type == "list_item_open" and token.level == level + 1
        if items > 1:
            return False
    return True


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark").enable(["table", "strikethrough"])
