"""From a suite's text, YAML or JSON, to a suite, or to sentences that say what is wrong and on which line.

All problems of a text are found at once. A key that is there twice, an unknown key and a value of the wrong
type are problems, never guesses.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import ValidationError

from personachat.errors import Problem, SuiteInvalid
from personachat.jsontext.faults import Path, excerpt, places
from personachat.jsontext.reader import UNSTORABLE, read_json
from personachat.lab.suites.model import Case, CaseTurn, Check, JudgeQuestion, OwnCheck, Range, Suite
from personachat.personas.formats.yaml_text import NoYaml, composed, read_yaml

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

MOST_PROBLEMS = 50

MOST_ERRORS = 500
"""So many are looked at to find those problems: each is compared with all others."""

_Place = tuple[int, int]

_FORMS = {
    "at_least": "a number",
    "at_most": "a number",
    "banned": "true, or phrases",
    "begins": "text, or a list of texts",
    "case": "a mapping with name, say and check",
    "cases": "a list; begin each case with a dash and its name",
    "check": "a list of checks, each after a dash",
    "contains": "text, or a list of texts",
    "cost": "at_least, at_most or both, in US dollars",
    "emoji": "true, false, a number, or at_least and at_most",
    "ends": "text, or a list of texts",
    "expect": "true or false",
    "json": "true, false, or a JSON Schema",
    "judge": "a yes-or-no question of at least 3 characters, or question and expect",
    "language": "a code in quotes with two or three small letters, such as en, de or ja",
    "markdown": "true or false",
    "no_prompt_leak": "true, false, or a number of words from 3 to 200",
    "not_contains": "text, or a list of texts",
    "not_refuses": "true or false",
    "own": "a mapping with name and, if you like, options",
    "options": "a mapping",
    "persona": "a persona's id: small letters, digits, - and _",
    "questions": "a whole number, or at_least and at_most",
    "refuses": "true or false",
    "repeat": "a whole number from 1 to 100",
    "seconds": "at_least, at_most or both",
    "sentences": "a whole number, or at_least and at_most",
    "stays_in_role": "true or false",
    "tokens": "a whole number, or at_least and at_most",
    "turns": "a list of turns such as user: Hello",
    "variables": "a mapping of names to texts",
    "words": "a whole number, or at_least and at_most",
}
"""What a value has to be, by its key, as the end of a sentence; anything else is text."""

_CHECKS = tuple(sorted(each.alias or name for name, each in Check.model_fields.items()))
_KEYS = {
    "suite": tuple(Suite.model_fields),
    "case": tuple(Case.model_fields),
    "turn": tuple(CaseTurn.model_fields),
    "check": _CHECKS,
    "range": tuple(Range.model_fields),
    "judge": tuple(JudgeQuestion.model_fields),
    "own": tuple(OwnCheck.model_fields),
}
_TOO_LONG = {"string_too_long", "too_long"}
_SPECIFIC = {"value_error", "extra_forbidden", "missing", *_TOO_LONG}


@dataclass(slots=True)
class _Read:
    """A value, where its keys and values stand, and what is wrong before anybody looks at the schema."""

    value: Any = None
    values: dict[Path, _Place] = field(default_factory=dict)
    keys: dict[Path, _Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def nearest(self, path: Path) -> Path:
        """What there is of a path in the text: pydantic puts names of alternatives in between."""
        place: Path = ()
        for part in path:
            if (*place, part) in self.values:
                place = (*place, part)
        return place


def parse_suite(text: str) -> Suite:
    """The suite of a text. Raises SuiteInvalid."""
    read = _read(text)
    if read.problems:
        raise SuiteInvalid(read.problems[:MOST_PROBLEMS])
    try:
        return Suite.model_validate_json(json.dumps(read.value), strict=True)
    except ValidationError as error:
        errors = error.errors(include_url=False)[:MOST_ERRORS]
        raise SuiteInvalid(_problems(errors, read)[:MOST_PROBLEMS]) from None


def _read(text: str) -> _Read:
    if match := UNSTORABLE.search(text):
        line, column = places(text, [match.start()])[0]
        return _Read(problems=[Problem("The text contains a character that can't be stored.", line, column)])
    if not text.strip():
        return _Read(problems=[Problem("The suite is empty; begin with persona: and its id.")])
    return _read_json(text) if text.lstrip().startswith("{") else _read_yaml(text)


def _read_json(text: str) -> _Read:
    value = read_json(text)
    at = [fault.offset for fault in value.faults]
    problems = [
        Problem(fault.message, line, column, fault.path)
        for fault, (line, column) in zip(value.faults, places(text, at), strict=True)
    ]
    values = dict(zip(value.values, places(text, list(value.values.values())), strict=True))
    keys = dict(zip(value.keys, places(text, list(value.keys.values())), strict=True))
    return _Read(value.value, values, keys, problems)


def _read_yaml(text: str) -> _Read:
    try:
        node = composed(text)
        value = read_yaml(text)
    except NoYaml as error:
        message = f"The YAML can't be read: {error.reason}." if error.reason else str(error)
        return _Read(problems=[Problem(message, error.line, error.column)])
    read = _Read(value)
    if node is not None:
        _walk(node, (), read)
        if not read.problems:
            _join(node, read, text.splitlines())
    read.problems.sort(key=lambda problem: (problem.line, problem.column))
    return read


def _walk(node: yaml.Node, path: Path, read: _Read) -> None:
    """Note where everything stands, and what is there twice."""
    read.values[path] = _place(node)
    if isinstance(node, yaml.MappingNode):
        seen: set[Hashable] = set()
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            inner = (*path, name)
            if name in seen:
                line, column = _place(key)
                message = f'The key "{excerpt(name)}" appears twice; keep one of them.'
                read.problems.append(Problem(message, line, column, inner))
            seen.add(name)
            read.keys[inner] = _place(key)
            _walk(value, inner, read)
    elif isinstance(node, yaml.SequenceNode):
        for number, each in enumerate(node.value):
            _walk(each, (*path, number), read)


def _join(node: yaml.Node, read: _Read, lines: list[str]) -> None:
    """Take a turn such as {user: Well, yes} as people mean it: in YAML a comma in braces ends the text."""
    for path in list(read.values):
        if len(path) != 4 or path[0] != "cases" or path[2] != "turns":
            continue
        turn = _node_at(node, path)
        if not isinstance(turn, yaml.MappingNode) or not turn.flow_style or len(turn.value) < 2:
            continue
        (key, first), *rest = turn.value
        ends = [each for each, value in rest if isinstance(value, yaml.ScalarNode) and value.value == ""]
        start, end = first.start_mark, rest[-1][0].end_mark
        if len(ends) < len(rest) or start.line != end.line or any(each.style for each in (first, *ends)):
            continue
        _at(read.value, path[:-1])[path[-1]] = {key.value: lines[start.line][start.column : end.column]}


def _node_at(node: yaml.Node, path: Path) -> yaml.Node | None:
    for part in path:
        if isinstance(node, yaml.SequenceNode):
            node = node.value[int(part)]
        elif isinstance(node, yaml.MappingNode):
            node = next(value for key, value in node.value if key.value == part)
    return node


def _place(node: yaml.Node) -> _Place:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _problems(errors: list[ErrorDetails], read: _Read) -> list[Problem]:
    """One problem a place: of the alternatives that a value might have been, the one that says most."""
    faults: dict[Path, ErrorDetails] = {}
    for error in errors:
        path = read.nearest(tuple(error["loc"]))
        if path not in faults or (error["type"] in _SPECIFIC and faults[path]["type"] not in _SPECIFIC):
            faults[path] = error
    for path in list(faults):  # what is wrong inside a value says more than that the value is wrong
        if any(other != path and other[: len(path)] == path for other in faults) and _is_choice(faults[path]):
            del faults[path]
    problems = [_problem(path, error, read) for path, error in faults.items()]
    return sorted(problems, key=lambda problem: (problem.line, problem.column))


def _is_choice(error: ErrorDetails) -> bool:
    return error["type"] not in _SPECIFIC


def _problem(path: Path, error: ErrorDetails, read: _Read) -> Problem:
    place = read.values.get(path, (1, 1))
    if error["type"] == "extra_forbidden":
        place = read.keys.get(path, place)
        return Problem(_unknown(path), *place, path)
    if error["type"] == "missing":
        return Problem(f'{_name(path)} has no "{error["loc"][-1]}"; add it.', *place, path)
    if error["type"] == "value_error":
        return Problem(f"{_name(path)} {error['ctx']['error']}.", *place, path)
    if error["type"] in _TOO_LONG:
        return Problem(_too_long(path, error, _at(read.value, path)), *place, path)
    key = _key(path)
    form = _form(path)
    message = f'"{key}" must be {form}' if key and not _numbered(path) else f"{_name(path)} must be {form}"
    return Problem(f"{message}, not {_value_text(_at(read.value, path))}.", *place, path)


def _too_long(path: Path, error: ErrorDetails, value: Any) -> str:
    unit = "characters" if isinstance(value, str) else "entries"
    most = int(error["ctx"]["max_length"])
    count = f"{len(value):,} {unit}" if isinstance(value, str | list | dict) else f"too many {unit}"
    return f"{_name(path)} has {count}; at most {most:,} are allowed."


def _form(path: Path) -> str:
    if not path:
        return "a mapping that begins with persona: and its id"
    if _numbered(path):
        return {
            "cases": _FORMS["case"],
            "check": "a check, such as words: {at_most: 80}",
            "turns": "a turn",
        }.get(_key(path), "text; put it in quotes")
    return _FORMS.get(_key(path), "text; put it in quotes")


def _numbered(path: Path) -> bool:
    return bool(path) and isinstance(path[-1], int)


def _key(path: Path) -> str:
    return next((str(part) for part in reversed(path) if isinstance(part, str)), "")


def _name(path: Path) -> str:
    """What is at a path, as the beginning of a sentence."""
    if not path:
        return "The suite"
    if _numbered(path):
        kind = {"cases": "Case", "check": "Check", "turns": "Turn"}.get(_key(path), "Entry")
        return f"{kind} {int(path[-1]) + 1}"
    return f'"{excerpt(_key(path))}"'


def _unknown(path: Path) -> str:
    key, keys = str(path[-1]), _KEYS[_kind_of(path[:-1])]
    near = difflib.get_close_matches(key.lower().replace("-", "_")[:64], keys, n=1, cutoff=0.6)
    if near:
        return f'Unknown key "{excerpt(key)}"; did you mean "{near[0]}"?'
    return f'Unknown key "{excerpt(key)}"; known keys are {", ".join(keys)}.'


def _kind_of(path: Path) -> str:
    """What kind of mapping is at a path."""
    if not path:
        return "suite"
    if _numbered(path):
        return {"cases": "case", "check": "check", "turns": "turn"}.get(_key(path), "case")
    return {"judge": "judge", "own": "own"}.get(_key(path), "range")


def _at(value: Any, path: Path) -> Any:
    for part in path:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _value_text(value: Any) -> str:
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return f"{str(value).lower()} (a word such as yes, no or on is that in YAML, too)"
    if isinstance(value, int | float):
        return f"the number {excerpt(value)}"
    if isinstance(value, str):
        return f'the text "{excerpt(value)}"' if value.strip() else "an empty text"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    return "a mapping"


def problems_of(text: str) -> tuple[Problem, ...]:
    """What is wrong with a suite's text, in the order of lines; empty where nothing is."""
    try:
        parse_suite(text)
    except SuiteInvalid as error:
        return error.problems
    return ()
